"""MariaDB as a `System` of the driver: the server, its sessions, and who waits for whom.

What is set otherwise than by default, and why:

- `innodb_stats_auto_recalc=OFF`: the statistics behind the optimizer's choices then follow the
  rows at once, and no background thread changes them in between.
- `optimizer_switch='index_merge=off'`: one index a table, as in the model.
- Durability is off, since nothing here must survive.
- Purge runs, but finds nothing to do within a script: a monitor session holds a snapshot from
  before the tables were filled. So it cannot remove delete-marked records half-way through a
  script at a moment that nobody chose.

Waits are read from SHOW ENGINE INNODB STATUS with `innodb_status_output_locks=ON`: it is
current, takes a fifth of a millisecond, and lists every lock (the tables INNODB_TRX and
INNODB_LOCK_WAITS are renewed only after 100 ms without a look at them). A wait is settled when
the status shows it, the counter Innodb_row_lock_current_waits, which rises after the deadlock
check, has counted it, and the status still shows it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
from pymysql.connections import MysqlPacket

from simulations.isolation.script import SESSIONS
from tests.reality.driver import Answer
from tests.reality.servers import find_program

HOW_TO_GET = "On Debian: apt-get install mariadb-server. On macOS: brew install mariadb@10.11."
SETTINGS = {
    "character-set-server": "latin1",
    "innodb-buffer-pool-size": "32M",
    "innodb-doublewrite": "0",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-log-file-size": "16M",
    "innodb-stats-auto-recalc": "OFF",
    "innodb-status-output-locks": "ON",
    "optimizer-switch": "index_merge=off",
}
DEADLOCK = 1213
LEVEL = r"isolation\s+level\s+(read\s+uncommitted|read\s+committed|repeatable\s+read|serializable)"


@dataclass(frozen=True, slots=True)
class MariaDBServer:
    socket: str
    version: str


@contextlib.contextmanager
def mariadb_server() -> Iterator[MariaDBServer]:
    """A MariaDB server of our own."""
    places = ("/usr/sbin", "/usr/bin", "/opt/homebrew/opt/mariadb*/bin")
    server = find_program("mariadbd", places, HOW_TO_GET)
    install = find_program("mariadb-install-db", places, HOW_TO_GET)
    user = ["--user=root"] if os.geteuid() == 0 else []
    directory = tempfile.mkdtemp(prefix="reality-mariadb-")
    data, socket = f"{directory}/data", f"{directory}/socket"
    try:
        subprocess.run(
            [install, "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"]
            + ["--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
            cwd=directory,
        )
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        where = [f"--datadir={data}", f"--socket={socket}", f"--pid-file={directory}/pid"]
        with open(f"{directory}/log", "wb") as log:
            process = subprocess.Popen(
                [server, "--no-defaults", *user, *where, "--skip-networking", *settings],
                stdout=log,
                stderr=log,
                cwd=directory,
            )
        try:
            yield MariaDBServer(socket, _await(socket, process, Path(directory, "log")))
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _await(socket: str, process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            with pymysql.connect(unix_socket=socket, user="root") as connection:
                connection.query("SELECT VERSION()")
                return connection._result.rows[0][0].split("-")[0]
        except pymysql.OperationalError as problem:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()}") from problem
            time.sleep(0.05)


class Packet(MysqlPacket):
    """An answer of the server; errors keep their SQLSTATE."""

    def raise_for_error(self) -> None:
        try:
            super().raise_for_error()
        except pymysql.MySQLError as problem:
            problem.sqlstate = self._data[4:9].decode()
            raise


class MariaDBConnection(pymysql.Connection):
    """One session."""

    statements = 0
    in_block = False

    def _read_packet(self, packet_type: type = Packet):
        return super()._read_packet(packet_type)

    def execute(self, sql: str) -> Answer:
        self.statements += 1
        *before, last = sql.split("\n")
        word = last.split()[0].strip(";").lower()
        try:
            for statement in before:
                self.query(statement)
            self.query(last)
        except pymysql.MySQLError as problem:
            code, message = problem.args
            ended = self._ended(word, last, code)
            return Answer(code=code, sqlstate=problem.sqlstate, message=message, ended=ended)
        result = self._result
        ended = self._ended(word, last)
        if result.description is None:
            count = result.affected_rows if word in ("insert", "update", "delete") else None
            return Answer(count=count, ended=ended)
        columns = tuple(column[0] for column in result.description)
        rows = tuple(tuple(map(_plain, row)) for row in result.rows)
        return Answer(columns=columns, rows=rows, ended=ended)

    def _ended(self, word: str, sql: str, error: int | None = None) -> str | None:
        """How a transaction ended, if this statement ended one."""
        inside = self.in_block
        if word in ("select", "insert", "update", "delete"):
            if not inside:  # a transaction of its own
                return "commit" if error is None else "abort"
            if error == DEADLOCK:
                self.in_block = False
                return "abort"
            return None
        if word in ("begin", "start"):
            self.in_block = True
            return "commit" if inside else None
        if word not in ("commit", "rollback") or re.search(r"\bto\b", sql, re.IGNORECASE):
            return None
        self.in_block = False
        return word if inside else None


def _plain(value):
    return value if value is None or isinstance(value, str) else int(value)


@dataclass(frozen=True, slots=True)
class RecordLock:
    """One line of the status, for one record."""

    place: tuple[str, ...]  # table space, page, heap number
    mode: str
    gap_only: bool
    record_only: bool
    intention: bool
    waiting: bool


@dataclass(slots=True)
class Waiter:
    waits: bool = False
    locks: list[RecordLock] = field(default_factory=list)

    @property
    def wanted(self) -> RecordLock:
        return next(lock for lock in self.locks if lock.waiting)

    def at_the_place(self) -> list[RecordLock]:
        """Its own locks on the record for which it waits."""
        return [lock for lock in self.locks if lock.place == self.wanted.place]


@dataclass(frozen=True, slots=True)
class Wait:
    wait: tuple[int, list[RecordLock]]  # statement and locks, which tell one wait from another
    ahead: set[str]  # whom it waited for when it began


class MariaDB:
    name = "mariadb"
    dialect = "innodb"

    def __init__(self, server: MariaDBServer) -> None:
        self.version = server.version
        self._server = server
        self._monitor = self._connect()
        self._monitor.query("CREATE DATABASE reality")
        self._monitor.select_db("reality")
        self._snapshot = self._connect()
        # Where a commit closes two circles of waits at once, InnoDB looks at them in the order of
        # addresses in memory, the model in that of the sessions; so these are named accordingly.
        connections = sorted(
            (self._connect(database="reality") for _ in SESSIONS), key=self._address
        )
        self._connections = dict(zip(SESSIONS, connections, strict=True))
        self._by_thread = {
            connection.thread_id(): name for name, connection in self._connections.items()
        }
        self._created: list[str] = []
        self._queue: dict[str, Wait] = {}  # by session

    def _connect(self, **more) -> MariaDBConnection:
        return MariaDBConnection(
            unix_socket=self._server.socket, user="root", autocommit=True, **more
        )

    def _address(self, connection: MariaDBConnection) -> int:
        """Where InnoDB keeps the transaction object of a connection, for as long as that lives."""
        connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        self._monitor.query("SHOW ENGINE INNODB STATUS")
        connection.query("ROLLBACK")
        for part in self._monitor._result.rows[0][2].split("\n---TRANSACTION ")[1:]:
            if re.search(rf"^MariaDB thread id {connection.thread_id()},", part, re.MULTILINE):
                return int(part[1 : part.index(")")], 16)
        raise RuntimeError("InnoDB does not list the transaction of a session.")

    def begin(self, sessions: list[str], level: str, lock_wait_timeout: int) -> None:
        self._snapshot.query("ROLLBACK")
        for table in self._created:
            self._monitor.query(f"DROP TABLE {table}")
        self._created = []
        self._queue = {}
        self._snapshot.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        for session in sessions:
            connection = self._connections[session]
            connection.query("ROLLBACK")
            connection.query(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}, READ WRITE")
            connection.query(f"SET SESSION innodb_lock_wait_timeout = {lock_wait_timeout}")

    def set_up(self, sql: str) -> None:
        if (match := re.match(r"\s*create\s+table\s+(\w+)", sql, re.IGNORECASE)) is not None:
            self._created.append(match[1].lower())
            sql = f"{sql.rstrip().rstrip(';')} ENGINE=InnoDB"
        self._monitor.query(sql)

    def connection(self, session: str) -> MariaDBConnection:
        return self._connections[session]

    def translate(self, sql: str) -> str:
        """MariaDB's words: LOCK IN SHARE MODE, RELEASE SAVEPOINT; and BEGIN names no level."""
        sql = re.sub(r"for\s+share", "LOCK IN SHARE MODE", sql, flags=re.IGNORECASE)
        sql = re.sub(r"^\s*release\s+(?!savepoint)", "RELEASE SAVEPOINT ", sql, flags=re.IGNORECASE)
        if re.match(r"\s*(begin|start\s+transaction)\b", sql, re.IGNORECASE):
            only = " READ ONLY" if re.search(r"read\s+only", sql, re.IGNORECASE) else ""
            if (level := re.search(LEVEL, sql, re.IGNORECASE)) is not None:
                return (
                    f"COMMIT\nSET TRANSACTION ISOLATION LEVEL {level[1]}\nSTART TRANSACTION{only}"
                )
            return f"START TRANSACTION{only}" if only else "BEGIN"
        return " ".join(sql.split("\n"))

    def blockers(self, busy: list[str]) -> Mapping[str, tuple[str, ...]]:
        before = self.locks()
        waiting = {name for name, waiter in before.items() if waiter.waits}
        if waiting != set(busy):
            return {}
        self._monitor.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
        if int(self._monitor._result.rows[0][1]) != len(busy):
            return {}
        after = self.locks()
        if any(name not in after or after[name].locks != before[name].locks for name in busy):
            return {}
        waits = {
            name: (self._connections[name].statements, after[name].at_the_place()) for name in busy
        }
        for name in [name for name in self._queue if self._queue[name].wait != waits.get(name)]:
            del self._queue[name]
        for name in [name for name in busy if name not in self._queue]:
            self._queue[name] = Wait(waits[name], self._ahead(name, after))
        return {
            name: tuple(sorted(self._ahead(name, after) & self._queue[name].ahead)) for name in busy
        }

    def _ahead(self, name: str, sessions: Mapping[str, Waiter]) -> set[str]:
        """Whose locks, granted or asked for earlier, stand in the way of the awaited one.

        A lock that is granted later than the wait began, as gap locks are, is behind it in the
        queue; so only who was ahead at the beginning counts.
        """
        wanted = sessions[name].wanted
        order = list(self._queue)
        found = set()
        for other, waiter in sessions.items():
            if other == name:
                continue
            for lock in waiter.locks:
                ahead = not lock.waiting or (
                    other in order and (name not in order or order.index(other) < order.index(name))
                )
                if ahead and _excludes(wanted, lock):
                    found.add(other)
        return found

    def locks(self) -> dict[str, Waiter]:
        """Every session's record locks, as the server prints them."""
        self._monitor.query("SHOW ENGINE INNODB STATUS")
        return dict(_parse(self._monitor._result.rows[0][2], self._by_thread))

    def tables(self) -> dict[str, list[list]]:
        contents = {}
        for table in self._created:
            self._monitor.query(f"SHOW KEYS FROM {table} WHERE Key_name = 'PRIMARY'")
            key = ", ".join(row[4] for row in self._monitor._result.rows)
            answer = self._monitor.execute(f"SELECT * FROM {table} ORDER BY {key}")
            contents[table] = [list(row) for row in answer.rows]
        return contents

    def explain(self, sql: str) -> dict:
        """What EXPLAIN says of a statement."""
        self._monitor.query(f"EXPLAIN {self.translate(sql)}")
        result = self._monitor._result
        names = [column[0] for column in result.description]
        return dict(zip(names, result.rows[0], strict=True))

    def cancel(self, sessions: list[str]) -> None:
        for session in sessions:
            self._monitor.query(f"KILL QUERY {self._connections[session].thread_id()}")

    def end(self) -> None:
        for connection in self._connections.values():
            connection.query("ROLLBACK")
            connection.in_block = False

    def close(self) -> None:
        for connection in (self._monitor, self._snapshot, *self._connections.values()):
            connection.close()


def _excludes(wanted: RecordLock, lock: RecordLock) -> bool:
    """The manual's rules: InnoDB Locking, "Gap Locks" and "Insert Intention Locks"."""
    if wanted.place != lock.place or wanted.mode == lock.mode == "S" or lock.intention:
        return False
    if wanted.intention:
        return not lock.record_only
    return not lock.gap_only


HEADER = re.compile(r"RECORD LOCKS space id (\d+) page no (\d+) .* lock(?:_| )mode (\w+)(.*)$")


def _parse(status: str, sessions: Mapping[int, str]) -> Iterator[tuple[str, Waiter]]:
    start = status.index("LIST OF TRANSACTIONS FOR EACH SESSION:")
    for part in status[start:].split("\n---TRANSACTION ")[1:]:
        thread = re.search(r"^MariaDB thread id (\d+)", part, re.MULTILINE)
        if thread is None or int(thread[1]) not in sessions:
            continue
        waiter = Waiter(re.search(r"^LOCK WAIT", part, re.MULTILINE) is not None)
        listed = part.rpartition("\n------------------\n")[2]
        if waiter.waits and " waiting\n" not in listed:
            listed = part  # only ten locks are listed, but the awaited one also stands above
        header = None
        for line in listed.split("\n"):
            if line.startswith("RECORD LOCKS"):
                header = HEADER.match(line)
            elif header is not None and line.startswith("Record lock, heap no "):
                space, page, mode, words = header.groups()
                heap = line[len("Record lock, heap no ") :].partition(" ")[0]
                waiter.locks.append(
                    RecordLock(
                        (space, page, heap),
                        mode,
                        "locks gap before rec" in words,
                        "but not gap" in words,
                        "insert intention" in words,
                        words.endswith("waiting"),
                    )
                )
        yield sessions[int(thread[1])], waiter
