"""InnoDB, as it is in MariaDB 10.11 with its default settings: sessions and statements.

What is where:

    records.py   rows as chains of versions, indexes, who holds a record implicitly
    locks.py     record, gap and insert intention locks; queues; deadlocks
    access.py    which index the optimizer takes, and so what is locked
    search.py    reading: snapshots, locking reads, semi-consistent reads
    changes.py   INSERT, UPDATE, DELETE, unique checks, undo
    pictures.py  what the figure shows

Rules of this file:

- READ COMMITTED makes a snapshot for each plain SELECT, REPEATABLE READ at the first one of the
  transaction. READ UNCOMMITTED reads what is there. SERIALIZABLE makes a plain SELECT inside
  BEGIN a locking one (S); outside it reads a snapshot.
- A failed statement takes back what it did, and its locks stay. Error 1213 (deadlock) takes back
  the whole transaction; 1205 (the lock wait timeout) and 1062 (duplicate) only the statement.
- ROLLBACK TO a savepoint that was set before the transaction's first statement on a table ends
  the transaction within InnoDB: locks and snapshot go.
- UPDATE leaves alone, and does not count, rows that it would not change. An UPDATE of the key by
  which it searches first finds all its rows and then changes them.
- BEGIN commits what is open. COMMIT and ROLLBACK without BEGIN do nothing.

Simplified, knowingly:

- Purge never runs within a script, as if an older snapshot were open somewhere.
- A table is one page, always; statistics are exact.
- A session that a rollback or commit wakes up runs on when that has ended; the real server lets
  it run on at once, so that it may meet a lock of the ending transaction once more.
- The switch index_merge is off.

Sources: MariaDB Knowledge Base, "InnoDB Lock Modes", "SET TRANSACTION", "InnoDB System
Variables"; sql/sql_update.cc, sql/sql_delete.cc, sql/opt_sum.cc, sql/transaction.cc,
sql/handler.cc (ha_rollback_to_savepoint), storage/innobase/handler/ha_innodb.cc of 10.11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from simulations.isolation.engine import SETUP, Done, Failed, Run, View, Waiting
from simulations.isolation.evaluation import (
    SqlError,
    evaluate,
    inserted,
    key_of,
    matches,
    output,
    updated,
)
from simulations.isolation.history import History
from simulations.isolation.innodb.access import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    Interval,
    Plan,
    conjuncts,
    index_condition,
    named,
    plan,
    restrict,
)
from simulations.isolation.innodb.changes import Changes
from simulations.isolation.innodb.locks import LockSystem
from simulations.isolation.innodb.pictures import picture
from simulations.isolation.innodb.records import Snapshot, Table, Transaction, Version
from simulations.isolation.innodb.search import Cursor
from simulations.isolation.sql import (
    Aggregate,
    Begin,
    Column,
    Commit,
    CreateTable,
    Delete,
    Insert,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    Select,
    SetTransaction,
    Statement,
    Update,
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
    dialect = "innodb"

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None:
        self.level = level
        self.lock_wait_timeout = lock_wait_timeout
        self.woken: deque[str] = deque()
        self.history = History(self.dialect)
        self.tables: dict[str, Table] = {}
        self.sessions: dict[str, Session] = {}
        self.commits = self.versions = self.started = 0
        self.parked: set[Transaction] = set()
        self.locks = LockSystem(self._wake, self._abort)
        self.changes = Changes(self.locks, self._wait, self.history, self._number)
        self.history.begin(SETUP)
        self.history.commit(SETUP)

    # the protocol

    def set_up(self, statement: Statement) -> None:
        if isinstance(statement, CreateTable):
            self.tables[statement.name] = Table(statement)
            return
        session = self.sessions.setdefault(SETUP, Session(SETUP))
        transaction = Transaction(SETUP, SETUP, self.level, 0, autocommit=True)
        self.history.begin(SETUP)
        session.transaction = transaction
        try:
            for _ in self._change(transaction, statement):
                raise AssertionError("a setup statement waits")
        finally:
            self._commit(transaction)
            session.transaction = None
            del self.sessions[SETUP]

    def execute(self, session: str, statement: Statement) -> Run:
        here = self.sessions.setdefault(session, Session(session))
        match statement:
            case Begin():
                return self._begin(here, statement)
            case Commit():
                self._end(here, commit=True)
                here.level = here.read_only_next = None
                return Done(why=f"{session} committed.")
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
        return picture(self)

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
        return Done(why=f"{session.name} began a transaction at {session.block_level}.")

    def _start(self, session: Session) -> Transaction:
        """The transaction of a statement on a table."""
        if session.transaction is None:
            self.started += 1
            if session.in_block:
                name, level = session.block_name, session.block_level
            else:
                name, level = self._name(session), session.level or self.level
                session.read_only = bool(session.read_only_next)
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
        return Done(why=f"{session.name} took back its changes since {name}; its locks stay.")

    # waits

    def _wake(self, transaction: Transaction) -> None:
        if transaction in self.parked:
            self.parked.discard(transaction)
            self.woken.append(transaction.session)

    def _wait(self, transaction: Transaction) -> Generator[Waiting, None, None]:
        """Wait for the lock that was asked for; on return, ask again."""
        lock = transaction.wait_lock
        victim = self.locks.resolve(transaction)
        if victim is not None:
            self._abort(victim)
        if transaction.wait_lock is not None:
            self.parked.add(transaction)
            yield self._waiting(transaction)
        if transaction.victim:
            raise Deadlock
        if transaction.timed_out:
            transaction.timed_out = False
            raise Timeout
        assert not lock.waiting or lock is not transaction.wait_lock

    def _waiting(self, transaction: Transaction) -> Waiting:
        lock = transaction.wait_lock
        (record,) = lock.records
        sessions = tuple(sorted({t.session for t in self.locks.blockers(lock)}))
        who = " and ".join(sessions)
        verb = "have" if len(sessions) > 1 else "has"
        where = f"in {record.index.table.name}"
        if record.index.name != "PRIMARY":
            where = f"in the index {record.index.name} of {record.index.table.name}"
        if record.key is None:
            target = f"the gap at the end {where}"
        else:
            shown = ", ".join(map(str, record.entry[: record.index.width]))
            gap = "the gap before " if lock.flags & 5 else ""
            target = f"{gap}{shown} {where}"
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
        transaction = self._start(session)
        mark = len(transaction.undo)
        locking = isinstance(statement, Select) and statement.lock == "update"
        try:
            if session.read_only and (locking or not isinstance(statement, Select)):
                raise SqlError("25006", 1792, READ_ONLY)
            if isinstance(statement, Select):
                outcome = yield from self._select(transaction, statement)
            else:
                count = yield from self._change(transaction, statement)
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

    def _select(self, transaction: Transaction, select: Select) -> Run:
        table = self.tables[select.table]
        mode = {"update": "X", "share": "S"}.get(select.lock)
        if transaction.level == "serializable" and not transaction.autocommit:
            mode = mode or "S"
        if mode is not None:
            self.locks.lock_table(transaction, table, "IX" if mode == "X" else "IS")
        elif transaction.level == "read uncommitted":
            transaction.snapshot = None
        elif transaction.snapshot is None or transaction.level == "read committed":
            transaction.snapshot = Snapshot(transaction, self.commits)
        seen: dict = {}
        rows = yield from self._extremes(transaction, table, select, mode, seen)
        if rows is None:
            rows = yield from self._found(transaction, table, select, mode, seen)
        for version in rows:
            self.history.read(transaction.name, version.id)
        self._predicate_read(transaction, table, select.where, seen, mode)
        shown = [table.row(version.values) for version in rows]
        columns, values = output(select, table.definition, shown, self.dialect)
        return Done(columns, values, why=self._read_why(transaction, mode))

    def _found(
        self, transaction: Transaction, table: Table, select: Select, mode: str | None, seen: dict
    ) -> Generator[Waiting, None, list[Version]]:
        chosen = plan(table, select.where, select)
        if chosen.kind == "nothing":
            return []
        cursor = Cursor(
            transaction, chosen, mode, self.locks, self._wait, whole_row=mode == "X", seen=seen
        )
        conditions = index_condition(select.where, chosen.index)
        if (
            chosen.kind == "range"
            and not (chosen.index.clustered or chosen.covering or chosen.backwards)
        ):
            names = [table.definition.names[position] for position in chosen.index.positions]
            cursor.index_condition = lambda record: all(
                evaluate(tree, dict(zip(names, record.entry, strict=True)), self.dialect) is True
                for tree in conditions
            )
        rows: list[Version] = []

        def keep(_, version: Version) -> Generator[Waiting, None, None]:
            rows.append(version)
            yield from ()

        yield from cursor.scan(self._filter(table, select.where), keep)
        return rows

    def _extremes(
        self, transaction: Transaction, table: Table, select: Select, mode: str | None, seen: dict
    ) -> Generator[Waiting, None, list[Version] | None]:
        """MIN and MAX of an indexed column look at one end of the index (opt_sum_query).

        None if there is something else to read besides.
        """
        trees = [item.expression for item in select.items]
        if not trees or not isinstance(trees[0], Aggregate):
            return None
        found: list[Version] = []
        all_found = True
        for tree in trees:
            end = self._end_of_index(table, tree, select.where)
            if end is None:
                all_found = False
                continue
            cursor = Cursor(
                transaction, end, mode, self.locks, self._wait, seen=seen, whole_row=False
            )
            cursor.interval = end.ranges[0]
            row = yield from cursor.first()
            if row is None or not matches(
                select.where, table.row(row[1].values), self.dialect
            ):
                return []
            found.append(row[1])
        return found if all_found else None

    def _end_of_index(self, table: Table, tree: Aggregate, where) -> Plan | None:
        if tree.function not in ("min", "max") or not isinstance(tree.operand, Column):
            return None
        name = tree.operand.name
        if not named(where) <= {name}:
            return None
        nullable = not next(
            column.not_null for column in table.definition.columns if column.name == name
        )
        for index in table.indexes:
            if index.columns[0] != name:
                continue
            interval = EVERYTHING
            for conjunct in conjuncts(where):
                ranges = restrict(conjunct, name, table, True)
                if ranges is None or len(ranges) != 1:
                    return None
            if where is not None:
                (interval,) = restrict(where, name, table, True) or (None,)
                if interval is None:
                    return None
            if tree.function == "min" and nullable and interval.low == LOWEST:
                interval = Interval(((0,),), True, HIGHEST, False)
            if tree.function == "min":
                interval = Interval(interval.low, interval.low_open, HIGHEST, False)
            else:
                interval = Interval(LOWEST, False, interval.high, interval.high_open)
            return Plan("range", index, (interval,), tree.function == "max", covering=True)
        return None

    def _change(self, transaction: Transaction, statement: Statement):
        table = self.tables[statement.table]
        if isinstance(statement, Insert):
            return (yield from self._insert(transaction, table, statement))
        return (yield from self._update(transaction, table, statement))

    def _insert(self, transaction: Transaction, table: Table, statement: Insert):
        for number in range(len(statement.rows)):
            row = inserted(statement, number, table.definition, self.dialect)
            self.locks.lock_table(transaction, table, "IX")
            values = key_of(row, table.definition.names)
            yield from self.changes.insert(transaction, table, values)
        return len(statement.rows)

    def _update(self, transaction: Transaction, table: Table, statement: Update | Delete):
        chosen = plan(table, statement.where, None)
        if chosen.kind == "nothing":
            self._predicate_read(transaction, table, statement.where, {}, "X")
            return 0
        self.locks.lock_table(transaction, table, "IX")
        is_update = isinstance(statement, Update)
        cursor = Cursor(
            transaction, chosen, "X", self.locks, self._wait,
            semi_consistent=is_update, whole_row=True,
        )  # fmt: skip
        count = 0

        def change(record, version: Version) -> Generator[Waiting, None, None]:
            nonlocal count
            self.history.read(transaction.name, version.id)
            if not is_update:
                yield from self.changes.delete(transaction, record)
                count += 1
                return
            row = updated(statement, table.row(version.values), table.definition, self.dialect)
            values = key_of(row, table.definition.names)
            if values != version.values:
                yield from self.changes.update(transaction, record, values)
                count += 1

        filtered = self._filter(table, statement.where, changing=True)
        if is_update and self._moves_rows(table, chosen, statement):
            later = []

            def keep(record, version: Version) -> Generator[Waiting, None, None]:
                later.append(record)
                yield from ()

            yield from cursor.scan(filtered, keep)
            for record in later:
                if not record.deleted:
                    yield from change(record, record.version)
        else:
            yield from cursor.scan(filtered, change)
        self._predicate_read(transaction, table, statement.where, cursor.seen, "X")
        return count

    def _moves_rows(self, table: Table, chosen: Plan, statement: Update) -> bool:
        """Whether the UPDATE changes the key by which it searches."""
        if chosen.kind == "range" and len(chosen.ranges) == 1 and chosen.unique(chosen.ranges[0]):
            return False
        keys = {*chosen.index.columns, *table.clustered.columns}
        return any(name in keys for name, _ in statement.assignments)

    def _filter(self, table: Table, where, changing: bool = False):
        return lambda version: matches(where, table.row(version.values), self.dialect, changing)

    def _predicate_read(
        self, transaction: Transaction, table: Table, where, seen: dict, mode: str | None
    ) -> None:
        """Tell the history; rows that the search did not come by count as they would be seen."""
        known = {}
        for record in table.clustered.records:
            key = table.primary_key(record.version.values)
            if key in seen:
                version = seen[key]
            else:
                version = self._visible(transaction, record.version, mode)
            known[key] = None if version is None else version.id
        self.history.predicate_read(transaction.name, table.name, where, known)

    def _visible(self, transaction: Transaction, version: Version | None, mode: str | None):
        while version is not None and version.writer is not transaction:
            if mode is None and transaction.snapshot is not None:
                if transaction.snapshot.sees(version.writer):
                    break
            elif not version.writer.active or (mode is None):
                break
            version = version.previous
        return version

    def _read_why(self, transaction: Transaction, mode: str | None) -> str:
        if mode is not None:
            return f"{transaction.session} read the newest rows and locked them ({mode})."
        if transaction.snapshot is None:
            return f"{transaction.session} read the newest rows, committed or not."
        return f"{transaction.session} read what its snapshot holds."
