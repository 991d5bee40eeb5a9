"""InnoDB, as it is in MariaDB 10.11 with its default settings: sessions and transactions.

    records.py      rows as chains of versions, indexes, who holds a record implicitly
    locks.py        record, gap and insert intention locks, and their queues
    deadlocks.py    circles of waits, and who gives way
    intervals.py    ranges of keys
    conditions.py   what a WHERE says of a key
    access.py       which index the optimizer takes, and so what is locked
    search.py       reading: snapshots, locking reads, semi-consistent reads
    changes.py      changes of rows, unique checks, undo
    statements.py   SELECT, INSERT, UPDATE, DELETE
    pictures.py     what the figure shows

Rules of this file:

- A failed statement takes back what it did, and its locks stay. Error 1213 (deadlock) takes back
  the whole transaction; 1205 (the lock wait timeout) and 1062 (duplicate) only the statement.
- After a deadlock the session is outside of BEGIN; what was said of the transaction's level and
  of READ ONLY goes for the next one.
- BEGIN commits what is open. COMMIT and ROLLBACK without BEGIN do nothing.
- ROLLBACK TO a savepoint that was set before the transaction's first statement on a table ends
  the transaction within InnoDB: locks and snapshot go.

Simplified, knowingly:

- Purge never runs within a script, as if an older snapshot were open somewhere.
- A table is one page, always; statistics are exact.
- A session that a rollback or commit wakes up runs on when that has ended; the real server lets
  it run on at once, so that it may meet a lock of the ending transaction once more.
- Where a commit closes two circles of waits at once, the server looks at them in the order of
  addresses in memory, the model in the order of the sessions. One case is known that differs: a
  second circle among equals that waited behind the victim of the first (read uncommitted,
  once in some thousand schedules).
- The optimizer never merges two indexes (its switch index_merge).
- Reads look at the rows of the clustered index. An UPDATE of the primary key that waits in a
  secondary index has not changed that one yet, so that on the server a read uncommitted through
  it still finds the old entry (one case in 4,565 schedules).

Sources: MariaDB Knowledge Base, "InnoDB Lock Modes", "SET TRANSACTION", "SAVEPOINT", "InnoDB
System Variables"; sql/transaction.cc, sql/handler.cc (ha_rollback_to_savepoint),
storage/innobase/handler/ha_innodb.cc (convert_error_code_to_mysql) of 10.11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from simulations.isolation.engine import SETUP, Done, Failed, Run, View, Waiting
from simulations.isolation.evaluation import SqlError
from simulations.isolation.history import History
from simulations.isolation.innodb.changes import Changes
from simulations.isolation.innodb.locks import GAP, INSERT_INTENTION, LockSystem
from simulations.isolation.innodb.pictures import picture
from simulations.isolation.innodb.records import Table, Transaction
from simulations.isolation.innodb.statements import DIALECT, Statements
from simulations.isolation.sql import (
    Begin,
    Commit,
    CreateTable,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    Select,
    SetTransaction,
    Statement,
    Value,
)

DEADLOCK = "Deadlock found when trying to get lock; try restarting transaction"
TIMEOUT = "Lock wait timeout exceeded; try restarting transaction"
READ_ONLY = "Cannot execute statement in a READ ONLY transaction"
IN_PROGRESS = "Transaction characteristics can't be changed while a transaction is in progress"


class Deadlock(Exception):
    """The transaction was chosen as the victim; it is already rolled back."""


class Timeout(Exception):
    """The lock wait timeout has passed; the request is already taken back."""


@dataclass(slots=True)
class Session:
    name: str
    begun: int = 0  # transactions so far
    in_block: bool = False
    level: str | None = None  # what SET TRANSACTION said for the next transaction
    read_only: bool = False
    read_only_next: bool | None = None
    transaction: Transaction | None = None  # InnoDB's, from the first statement on a table on
    block_name: str = ""
    block_level: str = ""
    savepoints: list[tuple[str, int | None]] = field(default_factory=list)
    state: str = "idle"


class InnoDB:
    dialect = DIALECT

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None:
        self.level = level
        self.lock_wait_timeout = lock_wait_timeout
        self.woken: deque[str] = deque()
        self.history = History(self.dialect)
        self.tables: dict[str, Table] = {}
        self.sessions: dict[str, Session] = {}
        self.commits = self.versions = self.started = 0
        self.parked: set[Transaction] = set()
        self.pictured: View | None = None  # the view, until something happens
        self.locks = LockSystem(self._wake, self._abort)
        self.changes = Changes(self.locks, self._wait, self.history, self._number)
        self.statements = Statements(
            self.tables, self.locks, self._wait, self.changes, self.history, lambda: self.commits
        )
        self.history.begin(SETUP)
        self.history.commit(SETUP)

    # the protocol

    def set_up(self, statement: Statement) -> None:
        if isinstance(statement, CreateTable):
            self.tables[statement.name] = Table(statement)
            self.pictured = None
            return
        self.pictured = None
        session = self.sessions.setdefault(SETUP, Session(SETUP))
        transaction = Transaction(SETUP, SETUP, self.level, 0, autocommit=True)
        self.history.begin(SETUP)
        session.transaction = transaction
        try:
            for _ in self.statements.change(transaction, statement):
                raise AssertionError("a setup statement waits")
        finally:
            self._commit(transaction)
            session.transaction = None
            del self.sessions[SETUP]

    def execute(self, session: str, statement: Statement) -> Run:
        self.pictured = None
        here = self.sessions.setdefault(session, Session(session))
        match statement:
            case Begin():
                return self._begin(here, statement)
            case Commit():
                self._end(here, commit=True)
                here.level = here.read_only_next = None
                return Done(why=f"What {session} wrote is there for all, and its locks are gone.")
            case Rollback():
                self._end(here, commit=False)
                here.level = here.read_only_next = None
                return Done(why=f"{session} rolled back.")
            case SetTransaction(level, read_only):
                if here.in_block:
                    return self._failed(here, SqlError("25001", 1568, IN_PROGRESS))
                here.level = level or here.level
                here.read_only_next = read_only if read_only is not None else here.read_only_next
                return Done(why=f"The next transaction of {session} will be so.")
            case Savepoint(name):
                return self._savepoint(here, name)
            case RollbackTo(name) | Release(name):
                return self._to_savepoint(here, name, isinstance(statement, RollbackTo))
        return (yield from self._statement(here, statement))

    def expire(self, session: str) -> None:
        self.pictured = None
        transaction = self.sessions[session].transaction
        transaction.timed_out = True
        self.locks.cancel(transaction)
        self._wake(transaction)
        self.locks.check_waits()

    def end(self) -> None:
        """Sessions that are still open stay open."""

    def rows(self) -> dict[str, list[tuple[Value, ...]]]:
        found = {}
        for name, table in self.tables.items():
            found[name] = []
            for record in table.clustered.records:
                version = record.version
                while version is not None and version.writer.active:
                    version = version.previous
                if version is not None and not version.deleted:
                    found[name].append(version.values)
        return found

    def status(self) -> dict[str, str]:
        return {
            name: "open" if session.in_block or session.transaction else session.state
            for name, session in self.sessions.items()
        }

    def view(self) -> View:
        if self.pictured is None:
            self.pictured = picture(self)
        return self.pictured

    # transactions

    def _number(self) -> int:
        self.versions += 1
        return self.versions

    def _name(self, session: Session) -> str:
        session.begun += 1
        name = session.name if session.begun == 1 else f"{session.name}.{session.begun}"
        self.history.begin(name)
        return name

    def _begin(self, session: Session, statement: Begin) -> Done:
        self._end(session, commit=True)
        session.in_block = True
        session.block_level = statement.level or session.level or self.level
        session.read_only = statement.read_only or bool(session.read_only_next)
        session.level = session.read_only_next = None
        session.block_name = self._name(session)
        return Done(why=f"{session.name} begins a transaction at {session.block_level}.")

    def _start(self, session: Session) -> Transaction:
        """The transaction of a statement on a table."""
        if session.transaction is None:
            self.started += 1
            if session.in_block:
                name, level = session.block_name, session.block_level
            else:
                name, level = self._name(session), session.level or self.level
                session.level = session.read_only_next = None
            session.transaction = Transaction(
                name, session.name, level, self.started, autocommit=not session.in_block
            )
        return session.transaction

    def _commit(self, transaction: Transaction) -> None:
        self.commits += 1
        transaction.committed = self.commits
        transaction.snapshot = None
        self.locks.release(transaction)

    def _end(self, session: Session, *, commit: bool) -> None:
        transaction = session.transaction
        if transaction is not None and commit:
            self._commit(transaction)
        elif transaction is not None:
            self._undo_all(transaction)
        if session.in_block or transaction is not None:
            name = session.block_name if session.in_block else transaction.name
            (self.history.commit if commit else self.history.abort)(name)
            session.state = "committed" if commit else "idle"
        session.transaction, session.in_block, session.read_only = None, False, False
        session.savepoints = []

    def _undo_all(self, transaction: Transaction) -> None:
        self.changes.roll_back(transaction, 0, goes_on=False)
        self._commit(transaction)

    def _abort(self, transaction: Transaction) -> None:
        """Roll back a deadlock's victim, at once."""
        session = self.sessions[transaction.session]
        if session.in_block:  # what was said of this transaction now goes for the next one
            session.level, session.read_only_next = session.block_level, session.read_only
        self._end(session, commit=False)
        session.state = "aborted"
        self._wake(transaction)

    def _savepoint(self, session: Session, name: str) -> Done:
        if session.in_block:
            session.savepoints = [s for s in session.savepoints if s[0] != name]
            transaction = session.transaction
            mark = None if transaction is None else len(transaction.undo)
            session.savepoints.append((name, mark))
        return Done(why=f"{session.name} can come back to here, as {name}.")

    def _to_savepoint(self, session: Session, name: str, back: bool) -> Done | Failed:
        names = [known for known, _ in session.savepoints]
        if name not in names:
            error = SqlError("42000", 1305, f"SAVEPOINT {name} does not exist")
            return self._failed(session, error)
        place = names.index(name)
        mark = session.savepoints[place][1]
        session.savepoints = session.savepoints[: place + back]
        transaction = session.transaction
        if not back:
            return Done(why=f"{session.name} forgot the savepoint {name}.")
        if transaction is not None:
            self.changes.roll_back(transaction, mark or 0, goes_on=True)
            if mark is None:
                self._commit(transaction)
                session.transaction = None
                return Done(why=f"{session.name} took back all its changes, and lost its locks.")
        return Done(why=f"{session.name} took back its changes since {name}; its locks stay.")

    # waits

    def _wake(self, transaction: Transaction) -> None:
        if transaction in self.parked:
            self.parked.discard(transaction)
            self.woken.append(transaction.session)

    def _wait(self, transaction: Transaction) -> Generator[Waiting, None, None]:
        """Wait for the lock that was asked for; on return, ask again."""
        victim = self.locks.resolve(transaction)
        if victim is not None:
            self._abort(victim)
        if transaction.wait_lock is not None:
            self.parked.add(transaction)
            yield self._waiting(transaction)
            self.pictured = None
        if transaction.victim:
            raise Deadlock
        if transaction.timed_out:
            transaction.timed_out = False
            raise Timeout

    def _waiting(self, transaction: Transaction) -> Waiting:
        lock = transaction.wait_lock
        (record,) = lock.records
        sessions = tuple(sorted({t.session for t in self.locks.blockers(lock)}))
        who = " and ".join(sessions)
        verb = "have" if len(sessions) > 1 else "has"
        row, where = "row ", f"of {record.index.table.name}"
        if record.index.name != "PRIMARY":
            row, where = "", f"in the index {record.index.name} of {record.index.table.name}"
        if record.key is None:
            target = f"the gap at the end {where}"
        else:
            shown = ", ".join(map(str, record.entry[: record.index.width]))
            gap = "the gap before " if lock.flags & (GAP | INSERT_INTENTION) else ""
            target = f"{gap}{row}{shown} {where}"
        return Waiting(
            sessions,
            f"{who} {verb} a lock on {target} and {verb} not ended,"
            f" so {transaction.session} waits.",
        )

    # statements

    def _failed(self, session: Session, error: SqlError, why: str = "") -> Failed:
        text = error.message.rstrip(".")
        return Failed(error.code, error.sqlstate, error.message, why or f"{text}.")

    def _statement(self, session: Session, statement: Statement) -> Run:
        read_only = session.read_only if session.in_block else session.read_only_next
        if read_only and not (isinstance(statement, Select) and statement.lock != "update"):
            if not session.in_block:
                self.history.abort(self._name(session))
            return self._failed(session, SqlError("25006", 1792, READ_ONLY))
        transaction = self._start(session)
        mark = len(transaction.undo)
        try:
            if isinstance(statement, Select):
                outcome = yield from self.statements.select(transaction, statement)
            else:
                count = yield from self.statements.change(transaction, statement)
                outcome = Done(count=count)
        except Deadlock:
            why = (
                f"The waits formed a circle; of the transactions in it, {transaction.name} had"
                " changed and locked the least, so it was rolled back."
            )
            return Failed(1213, "40001", DEADLOCK, why)
        except Timeout:
            outcome = Failed(
                1205,
                "HY000",
                TIMEOUT,
                f"{session.name} waited {self.lock_wait_timeout} s for a lock; the statement was"
                " taken back.",
            )
        except SqlError as error:
            outcome = self._failed(session, error)
        if isinstance(outcome, Failed):
            self.changes.roll_back(transaction, mark, goes_on=not transaction.autocommit)
        if transaction.autocommit:
            self._end(session, commit=isinstance(outcome, Done))
        return outcome
