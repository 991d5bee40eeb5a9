"""No control at all: the engine to set beside the others.

One copy of each row, which everyone reads and overwrites at once. A rollback takes the
transaction's own versions back and no others. Nothing waits, and nothing is refused but a key that
is there twice. locking.py builds on it.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

from simulations.isolation.engine import (
    SETUP,
    Chain,
    Done,
    Failed,
    Lock,
    Outcome,
    Run,
    Version,
    View,
    Waiting,
)
from simulations.isolation.evaluation import (
    SqlError,
    inserted,
    key_of,
    matches,
    output,
    updated,
)
from simulations.isolation.history import History, Key, Object
from simulations.isolation.sql import (
    Begin,
    Binary,
    Column,
    Commit,
    CreateTable,
    Delete,
    Expression,
    Insert,
    Literal,
    Release,
    Rollback,
    Savepoint,
    Select,
    SetTransaction,
    Statement,
    Update,
    Value,
)

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in a row's chain."""

    id: int
    txn: str
    object: Object
    values: Row | None  # None: the row is deleted


@dataclass(frozen=True, slots=True)
class Change:
    object: Object
    kind: str  # insert update delete
    old: Row | None
    new: Row | None


@dataclass(slots=True)
class Transaction:
    name: str
    level: str
    read_only: bool
    implicit: bool  # a statement of its own, outside BEGIN
    written: list[Stored] = field(default_factory=list)
    savepoints: list[tuple[str, int]] = field(default_factory=list)  # name, len(written) then
    used: bool = False
    failed: bool = False


@dataclass(slots=True)
class Session:
    transaction: Transaction | None = None
    count: int = 0
    level: str | None = None  # SET TRANSACTION for the next one
    read_only: bool = False
    last: str = "idle"


def ordered(key: Key) -> tuple:
    return tuple((type(value).__name__, value) for value in key)


def equal(columns: Iterable[str], value: Key) -> Expression:
    """The WHERE that looks for a key."""
    tests = [
        Binary("=", Column(name), Literal(one)) for name, one in zip(columns, value, strict=True)
    ]
    return reduce(lambda left, right: Binary("and", left, right), tests)


class NoControl:
    dialect = "standard"

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None:
        self.level = level
        self.woken: deque[str] = deque()
        self.history = History(self.dialect)
        self.history.begin(SETUP)
        self.history.commit(SETUP)
        self.schema: dict[str, CreateTable] = {}
        self.chains: dict[str, dict[Key, list[Stored]]] = {}
        self.sessions: dict[str, Session] = defaultdict(Session)
        self.serial = 0

    def set_up(self, statement: Statement) -> None:
        if isinstance(statement, CreateTable):
            self.schema[statement.name] = statement
            self.chains[statement.name] = {}
            return
        setup = Transaction(SETUP, self.level, False, True)
        changes = self.changes(statement, self.search(statement))
        self.refuse_duplicates(setup, statement.table, changes)
        self.store(setup, changes)

    def expire(self, session: str) -> None:
        """Waits have no timeout here."""

    def end(self) -> None:
        """Nothing is left to do."""

    # one statement

    def execute(self, session: str, statement: Statement) -> Run:
        me = self.sessions[session]
        if isinstance(statement, Select | Insert | Update | Delete):
            return (yield from self.work(session, me, statement))
        return self.control(session, me, statement)

    def work(self, session: str, me: Session, statement: Statement) -> Run:
        if me.transaction is None:
            self.start(session, me, None, False, implicit=True)
        transaction = me.transaction
        if transaction.failed:
            return IGNORED
        transaction.used = True
        try:
            outcome = yield from self.attempt(session, transaction, statement)
        except SqlError as error:
            outcome = Failed(error.code, error.sqlstate, error.message,
                             "The statement changes nothing.")  # fmt: skip
        if transaction.implicit and me.transaction is transaction:
            self.finish(session, me, isinstance(outcome, Done))
        return outcome

    def attempt(self, session: str, transaction: Transaction, statement: Statement) -> Run:
        if transaction.read_only and not isinstance(statement, Select):
            raise SqlError("25006", "25006", "the transaction is read only")
        while whom := self.obstacles(transaction, statement):
            refused = self.wait(session, whom)
            if refused is not None:
                return refused
            names, verb = " and ".join(sorted(whom)), "holds" if len(whom) == 1 else "hold"
            why = f"{names} {verb} a lock that {session} needs, and will until the end."
            yield Waiting(tuple(sorted(whom)), why)
        try:
            found = self.search(statement)
        except SqlError:
            found = []
            raise
        finally:
            self.remember(transaction, statement, found)
            self.take(transaction, statement, found, [])
        changes = self.changes(statement, found)
        self.remember_keys(transaction, changes)
        self.refuse_duplicates(transaction, statement.table, changes)
        self.take(transaction, statement, [], changes)
        self.store(transaction, changes)
        if isinstance(statement, Select):
            rows = [version.values for version in found]
            columns, shown = output(statement, self.schema[statement.table], rows, self.dialect)
            return Done(columns, shown, None, self.why_read)
        count = len(changes) if isinstance(statement, Insert) else len(found)
        return Done(count=count, why=self.why_written)

    why_read = "It reads what stands there now, committed or not."
    why_written = "It writes at once; nobody is asked."

    def search(self, statement: Statement) -> list[Stored]:
        """The versions that the WHERE finds."""
        if isinstance(statement, Insert):
            return []
        return [
            version
            for version in self.current(statement.table)
            if version.values is not None and matches(statement.where, version.values, self.dialect)
        ]

    def changes(self, statement: Statement, found: list[Stored]) -> list[Change]:
        """What the statement does to the versions that it found."""
        name = statement.table
        table = self.schema[name]
        changes: list[Change] = []
        if isinstance(statement, Insert):
            for index in range(len(statement.rows)):
                new = inserted(statement, index, table, self.dialect)
                changes.append(Change((name, key_of(new, table.primary)), "insert", None, new))
        for version in found if isinstance(statement, Update | Delete) else ():
            old = version.values
            if isinstance(statement, Delete):
                changes.append(Change(version.object, "delete", old, None))
                continue
            new = updated(statement, old, table, self.dialect)
            target = (name, key_of(new, table.primary))
            if target == version.object:
                changes.append(Change(target, "update", old, new))
            else:
                changes.append(Change(version.object, "delete", old, None))
                changes.append(Change(target, "insert", None, new))
        changes.sort(key=lambda change: change.kind != "delete")  # free keys before taking them
        return changes

    def current(self, table: str) -> Iterator[Stored]:
        chains = self.chains[table]
        for key in sorted(chains, key=ordered):
            if chains[key]:
                yield chains[key][-1]

    def refuse_duplicates(
        self, transaction: Transaction, table: str, changes: list[Change]
    ) -> None:
        """Raise for a key that would stand there twice, once the whole statement is done."""
        freed = {change.object for change in changes if change.kind != "insert"}
        stands = [
            version
            for version in self.current(table)
            if version.values is not None and version.object not in freed
        ]
        added = [change.new for change in changes if change.new is not None]
        for key in self.schema[table].keys if added else ():
            taken: dict[Key, Stored | None] = {
                key_of(version.values, key.columns): version for version in stands
            }
            for new in added:
                value = key_of(new, key.columns)
                if None in value:
                    continue
                if value in taken:
                    if taken[value] is not None:
                        self.meet(transaction, taken[value])
                    message = f"duplicate key value violates unique key {key.name}"
                    raise SqlError("23505", "23505", message)
                taken[value] = None

    def meet(self, transaction: Transaction, version: Stored) -> None:
        """A row that stands in the way was read."""
        self.history.read(transaction.name, version.id)

    def remember(self, transaction: Transaction, statement: Statement, found: list[Stored]) -> None:
        """What was read, for the history."""
        if isinstance(statement, Insert):
            return
        seen = {version.object[1]: version.id for version in self.current(statement.table)}
        self.history.predicate_read(transaction.name, statement.table, statement.where, seen)
        for version in found:
            self.history.read(transaction.name, version.id)

    def remember_keys(self, transaction: Transaction, changes: list[Change]) -> None:
        """A new key was looked for, too, and not found."""
        for change in changes:
            name = change.object[0]
            for key in self.schema[name].keys if change.new is not None else ():
                value = key_of(change.new, key.columns)
                if None not in value and (
                    change.old is None or key_of(change.old, key.columns) != value
                ):
                    where = equal(key.columns, value)
                    seen = {version.object[1]: version.id for version in self.current(name)}
                    self.history.predicate_read(transaction.name, name, where, seen)

    def store(self, transaction: Transaction, changes: list[Change]) -> None:
        for change in changes:
            self.serial += 1
            version = Stored(self.serial, transaction.name, change.object, change.new)
            self.chains[change.object[0]].setdefault(change.object[1], []).append(version)
            transaction.written.append(version)
            self.history.write(transaction.name, change.object, version.id, change.kind, change.new)

    # what Locking does otherwise

    def obstacles(self, transaction: Transaction, statement: Statement) -> set[str]:
        """The sessions that the statement must wait for."""
        return set()

    def wait(self, session: str, whom: set[str]) -> Failed | None:
        """Note the wait, or refuse it."""
        return None

    def take(
        self,
        transaction: Transaction,
        statement: Statement,
        found: list[Stored],
        changes: list[Change],
    ) -> None:
        """Take the locks that are held on after the statement."""

    def release(self, session: str, transaction: Transaction) -> None:
        """Give up the locks of a transaction that has ended."""

    # transactions

    def start(
        self, session: str, me: Session, level: str | None, read_only: bool, implicit: bool
    ) -> None:
        me.count += 1
        name = session if me.count == 1 else f"{session}.{me.count}"
        level = level or me.level or self.level
        me.transaction = Transaction(name, level, read_only or me.read_only, implicit)
        me.level, me.read_only = None, False
        self.history.begin(name)

    def control(self, session: str, me: Session, statement: Statement) -> Outcome:
        transaction = me.transaction
        if isinstance(statement, SetTransaction):
            return self.characterise(me, statement)
        if isinstance(statement, Begin):
            if transaction is not None:
                return Done(why=f"{session} is in a transaction already.")
            self.start(session, me, statement.level, statement.read_only, implicit=False)
            return Done(why=f"A transaction starts at {me.transaction.level}.")
        if transaction is None:
            return Done(why=f"{session} has no transaction open, so nothing happens.")
        if isinstance(statement, Commit | Rollback):
            commits = isinstance(statement, Commit) and not transaction.failed
            self.finish(session, me, commits)
            return Done(why="Its changes stay." if commits else "Its changes are taken back.")
        if transaction.failed:
            return IGNORED
        names = [name for name, _ in transaction.savepoints]
        if isinstance(statement, Savepoint):
            transaction.savepoints.append((statement.name, len(transaction.written)))
            return Done()
        if statement.name not in names:
            message = f"savepoint “{statement.name}” does not exist"
            return Failed("3B001", "3B001", message, "Nothing changes.")
        at = len(names) - 1 - names[::-1].index(statement.name)
        if isinstance(statement, Release):
            del transaction.savepoints[at:]
            return Done()
        del transaction.savepoints[at + 1 :]
        self.undo(transaction, transaction.savepoints[at][1])
        return Done(why="What was changed since the savepoint is taken back; its locks stay.")

    def characterise(self, me: Session, statement: SetTransaction) -> Outcome:
        transaction = me.transaction
        if transaction is None:
            me.level = statement.level or me.level
            me.read_only = bool(statement.read_only)
            return Done(why="It holds for the next transaction.")
        if transaction.used and statement.level is not None:
            message = "the isolation level must be set before the first statement"
            return Failed("25001", "25001", message, "Nothing changes.")
        transaction.level = statement.level or transaction.level
        if statement.read_only is not None:
            transaction.read_only = statement.read_only
        return Done()

    def finish(self, session: str, me: Session, commits: bool) -> None:
        transaction, me.transaction = me.transaction, None
        if commits:
            self.history.commit(transaction.name)
        else:
            self.undo(transaction, 0)
            self.history.abort(transaction.name)
        me.last = "committed" if commits else "aborted"
        self.release(session, transaction)

    def undo(self, transaction: Transaction, kept: int) -> None:
        for version in reversed(transaction.written[kept:]):
            self.chains[version.object[0]][version.object[1]].remove(version)
            self.history.undo(version.id)
        del transaction.written[kept:]

    # what is shown

    def rows(self) -> dict[str, list[tuple[Value, ...]]]:
        shown = {}
        for name, chains in self.chains.items():
            shown[name] = []
            for key in sorted(chains, key=ordered):
                kept = [v for v in chains[key] if self.history.status[v.txn] == "committed"]
                if kept and kept[-1].values is not None:
                    shown[name].append(key_of(kept[-1].values, self.schema[name].names))
        return shown

    def status(self) -> dict[str, str]:
        return {
            name: me.last
            if me.transaction is None
            else "failed"
            if me.transaction.failed
            else "open"
            for name, me in self.sessions.items()
        }

    def view(self) -> View:
        chains = tuple(
            Chain(name, key, self.versions(name, self.chains[name][key]))
            for name in self.chains
            for key in sorted(self.chains[name], key=ordered)
            if self.chains[name][key]
        )
        return View(chains, self.locks(), self.waits())

    def versions(self, table: str, chain: list[Stored]) -> tuple[Version, ...]:
        names = self.schema[table].names
        status = self.history.status
        shown = []
        for index, version in enumerate(chain):
            last = index == len(chain) - 1
            state = "committed" if status[version.txn] == "committed" else "uncommitted"
            shown.append(
                Version(
                    version.id,
                    None if version.values is None else key_of(version.values, names),
                    version.txn,
                    None if last else chain[index + 1].txn,
                    state,
                    self.readers(version, state) if last else (),
                )
            )
        return tuple(shown)

    def readers(self, version: Stored, state: str) -> tuple[str, ...]:
        open_now = [txn for txn, how in self.history.status.items() if how == "open"]
        return tuple(sorted(open_now))

    def locks(self) -> tuple[Lock, ...]:
        return ()

    def waits(self) -> tuple[tuple[str, str], ...]:
        return ()


IGNORED = Failed(
    "25P02", "25P02", "the transaction was rolled back",
    "Until it is ended with ROLLBACK or COMMIT, its statements are refused.",
)  # fmt: skip
