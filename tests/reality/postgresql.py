"""PostgreSQL as a `System` of the driver.

A wait is known to be settled without polling: log_lock_waits makes the server tell the waiting
session itself "still waiting for ..." right after its deadlock check found nothing, and "acquired"
when the lock is granted (client_min_messages lets both through). Who waits for whom then comes
from pg_blocking_pids(), asked on a connection of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from tests.reality.driver import Answer
from tests.reality.servers import PostgreSQLServer

WAITS = (
    "SELECT pid, waitstart::text, array_to_string(pg_blocking_pids(pid), ' ')"
    " FROM pg_locks WHERE NOT granted"
)
INTEGERS = {20, 21, 23}
BOOLEAN = 16


class PostgreSQLConnection:
    """One session."""

    def __init__(self, server: PostgreSQLServer) -> None:
        self._psycopg = psycopg.connect(
            host=server.socket_directory,
            port=server.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
        )
        self.pgconn = self._psycopg.pgconn
        self.pgconn.notice_handler = self._notice
        self.pid = self.pgconn.backend_pid
        self.savepoints: list[str] = []  # names, outermost first
        self.still = self.acquired = 0  # waits that outlived the deadlock check; those that ended
        self.settled: tuple[str, int] | None = None  # the wait last seen, and `still` at that time
        self.execute("SET client_min_messages = log")

    def _notice(self, result: PGresult) -> None:
        message = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b""
        if b" still waiting for " in message:
            self.still += 1
        elif message.startswith(b"process ") and b" acquired " in message:
            self.acquired += 1

    def execute(self, sql: str) -> Answer:
        before = self.pgconn.transaction_status
        result = self.pgconn.exec_(sql.encode())
        ended = self._ended(sql, before, result)
        if result.status == ExecStatus.TUPLES_OK:
            readers = [_reader(result.ftype(i)) for i in range(result.nfields)]
            rows = tuple(
                tuple(
                    None if (value := result.get_value(row, i)) is None else read(value)
                    for i, read in enumerate(readers)
                )
                for row in range(result.ntuples)
            )
            columns = tuple(result.fname(i).decode() for i in range(result.nfields))
            return Answer(columns=columns, rows=rows, ended=ended)
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY):
            return Answer(count=result.command_tuples, ended=ended)
        sqlstate = result.error_field(DiagnosticField.SQLSTATE)
        if sqlstate is None:
            raise RuntimeError(f"{sql}: {result.error_message.decode()}")
        code = sqlstate.decode()
        message = result.error_field(DiagnosticField.MESSAGE_PRIMARY).decode()
        return Answer(code=code, sqlstate=code, message=message, ended=ended)

    def _ended(self, sql: str, before: TransactionStatus, result: PGresult) -> str | None:
        """How the transaction ended, if this statement ended one."""
        word = sql.split()[0].strip(";").lower()
        failed = result.status == ExecStatus.FATAL_ERROR
        if before == TransactionStatus.IDLE:  # a transaction of its own
            if word not in ("select", "insert", "update", "delete"):
                return None
            return "abort" if failed else "commit"
        after = self.pgconn.transaction_status
        if after == TransactionStatus.IDLE:
            self.savepoints.clear()
            if before == TransactionStatus.INERROR or failed:
                return "abort"
            return "commit" if result.command_status == b"COMMIT" else "rollback"
        if failed and before == TransactionStatus.INTRANS:
            # Inside a savepoint only what followed the savepoint is lost, so far.
            return None if self.savepoints else "abort"
        if not failed:
            self._follow_savepoints(word, sql.rstrip(";").split()[-1].lower())
        return None

    def _follow_savepoints(self, word: str, name: str) -> None:
        if word == "savepoint":
            self.savepoints.append(name)
        elif word in ("rollback", "release"):
            while self.savepoints and self.savepoints[-1] != name:
                self.savepoints.pop()
            if word == "release":
                self.savepoints.pop()

    @property
    def in_transaction(self) -> bool:
        return self.pgconn.transaction_status != TransactionStatus.IDLE

    def waits(self, waitstart: str) -> bool:
        """Whether the wait that began at this time has passed its deadlock check."""
        if self.settled is not None and self.settled[0] == waitstart:
            return True
        seen = self.settled[1] if self.settled is not None else 0
        if self.still > max(seen, self.acquired):
            self.settled = (waitstart, self.still)
            return True
        return False

    def close(self) -> None:
        self._psycopg.close()


def _reader(oid: int):
    if oid in INTEGERS:
        return int
    if oid == BOOLEAN:
        return b"t".__eq__
    return bytes.decode


class PostgreSQL:
    name = dialect = "postgresql"

    def __init__(self, server: PostgreSQLServer) -> None:
        self.version = server.version
        self.unhurried = False
        self._server = server
        self._monitor = PostgreSQLConnection(server)
        self._connections: dict[str, PostgreSQLConnection] = {}
        self._by_pid: dict[int, str] = {}
        self._created: list[str] = []
        self._runs = 0

    def begin(self, sessions: list[str], level: str, lock_wait_timeout: int) -> None:
        self._runs += 1
        if self._runs % 500 == 0:  # autovacuum is off, and every run drops and creates tables
            self._must("VACUUM")
        for table in self._created:
            self._must(f"DROP TABLE {table}")
        self._created = []
        for session in sessions:
            if session not in self._connections:
                connection = PostgreSQLConnection(self._server)
                self._connections[session] = connection
                self._by_pid[connection.pid] = session
            connection = self._connections[session]
            connection.execute(f"SET default_transaction_isolation = '{level}'")
            connection.execute(f"SET deadlock_timeout = {30 if self.unhurried else 1}")

    def set_up(self, sql: str) -> None:
        if (match := re.match(r"\s*create\s+table\s+(\w+)", sql, re.IGNORECASE)) is not None:
            self._created.append(match[1])
        self._must(sql)

    def _must(self, sql: str) -> Answer:
        answer = self._monitor.execute(sql)
        if answer.code is not None:
            raise RuntimeError(f"{sql}: {answer.sqlstate} {answer.message}")
        return answer

    def explain(self, sql: str) -> str:
        return "\n".join(row[0] for row in self._must(f"EXPLAIN {sql}").rows)

    def connection(self, session: str) -> PostgreSQLConnection:
        return self._connections[session]

    def translate(self, sql: str) -> str:
        """What PostgreSQL calls FOR SHARE, should the script say it in MariaDB's words."""
        return re.sub(r"lock\s+in\s+share\s+mode", "FOR SHARE", sql, flags=re.IGNORECASE)

    def blockers(self, busy: list[str]) -> Mapping[str, tuple[str, ...]]:
        if not all(self._connections[session].still for session in busy):
            return {}  # one of them has not waited yet: no need to ask
        found = {}
        for pid, waitstart, blockers in self._must(WAITS).rows:
            session = self._by_pid.get(pid)
            if session in busy and self._connections[session].waits(waitstart):
                waited_for = {self._by_pid[int(blocker)] for blocker in blockers.split()}
                found[session] = tuple(sorted(waited_for))
        return found

    def tables(self) -> dict[str, list[list]]:
        contents = {}
        for table in self._created:
            key = self._must(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY array_position(k, attnum))"
                f" FROM pg_attribute, (SELECT indkey::int2[] AS k FROM pg_index WHERE indisprimary"
                f" AND indrelid = '{table}'::regclass) p"
                f" WHERE attrelid = '{table}'::regclass AND attnum = ANY (k)"
            ).rows[0][0]
            answer = self._must(f"SELECT * FROM {table} ORDER BY {key or '1'}")
            contents[table.lower()] = [list(row) for row in answer.rows]
        return contents

    def cancel(self, sessions: list[str]) -> None:
        for session in sessions:
            self._must(f"SELECT pg_cancel_backend({self._connections[session].pid})")

    def end(self) -> None:
        for connection in self._connections.values():
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.savepoints.clear()
            connection.still = connection.acquired = 0
            connection.settled = None

    def close(self) -> None:
        for connection in (self._monitor, *self._connections.values()):
            connection.close()
