"""Two engines from the textbook, to set beside the real ones.

NoControl: one copy of each row, which everyone reads and overwrites at once. A rollback takes the
transaction's own versions back and no others. Nothing waits and nothing is refused.

Locking: the same store under strict two-phase locking, with long write locks at every level and
read locks as in table 2 of Berenson et al., "A Critique of ANSI SQL Isolation Levels" (1995):

    level               read locks on rows     read locks on predicates
    read uncommitted    none                   none
    read committed      short                  short
    repeatable read     long                   short
    serializable        long                   long

A long lock is held to the end of the transaction, a short one only for the statement. A predicate
lock conflicts with a write that puts a row into what the WHERE finds, takes one out of it, or
changes one in it; it is tested against the very rows that are written ("precision locks", Jordan,
Banerjee and Batman 1981), so it blocks nothing that it need not. A statement takes all its locks
at once, or waits. Who closes a circle of waits is rolled back.
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
    collated,
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
        changes = self.plan(statement)[1]
        self.refuse_duplicates(statement.table, changes, SETUP)
        self.store(Transaction(SETUP, self.level, False, True), changes)

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
            names = " and ".join(sorted(whom))
            yield Waiting(
                tuple(sorted(whom)), f"{names} must end before its locks let {session} go on."
            )
        found, changes = self.plan(statement)
        self.remember(transaction, statement, found, changes)
        self.refuse_duplicates(statement.table, changes, transaction.name)
        self.take(transaction, statement, found, changes)
        self.store(transaction, changes)
        if isinstance(statement, Select):
            rows = [version.values for version in found]
            columns, shown = output(statement, self.schema[statement.table], rows, self.dialect)
            return Done(columns, shown, None, self.why_read)
        count = len(changes) if isinstance(statement, Insert) else len(found)
        return Done(count=count, why=self.why_written)

    why_read = "It reads what stands there now, committed or not."
    why_written = "It writes at once; nobody is asked."

    def plan(self, statement: Statement) -> tuple[list[Stored], list[Change]]:
        """The versions that the WHERE finds, and what the statement does to them."""
        name = statement.table
        table = self.schema[name]
        changes: list[Change] = []
        if isinstance(statement, Insert):
            for index in range(len(statement.rows)):
                new = inserted(statement, index, table, self.dialect)
                changes.append(Change((name, key_of(new, table.primary)), "insert", None, new))
            return [], changes
        found = [
            version
            for version in self.current(name)
            if version.values is not None and matches(statement.where, version.values, self.dialect)
        ]
        for version in found if not isinstance(statement, Select) else ():
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
        changes.sort(
            key=lambda change: change.kind != "delete"
        )  # keys are freed before they are taken
        return found, changes

    def current(self, table: str) -> Iterator[Stored]:
        chains = self.chains[table]
        for key in sorted(chains, key=ordered):
            if chains[key]:
                yield chains[key][-1]

    def refuse_duplicates(self, table: str, changes: list[Change], txn: str) -> None:
        """Raise for a key that would stand there twice, once the whole statement is done."""
        if not any(change.new is not None for change in changes):
            return
        after: list[tuple[Object, Row, int | None]] = []
        touched = {change.object for change in changes}
        for version in self.current(table):
            if version.values is not None and version.object not in touched:
                after.append((version.object, version.values, version.id))
        for change in changes:
            stands = self.chains[table].get(change.object[1])
            if (
                change.kind == "insert"
                and stands
                and stands[-1].values is not None
                and not any(
                    other.object == change.object and other.kind == "delete" for other in changes
                )
            ):
                after.append((change.object, stands[-1].values, stands[-1].id))
            if change.new is not None:
                after.append((change.object, change.new, None))
        for key in self.schema[table].keys:
            seen: dict[Key, int | None] = {}
            for _, values, version in after:
                value = key_of(values, key.columns)
                if None in value:
                    continue
                if value in seen:
                    other = seen[value] if version is None else version
                    if other is not None and txn != SETUP:
                        self.history.read(txn, other)
                    raise SqlError(
                        "23505", "23505", f"duplicate key value violates unique key {key.name}"
                    )
                seen[value] = version

    def remember(
        self,
        transaction: Transaction,
        statement: Statement,
        found: list[Stored],
        changes: list[Change],
    ) -> None:
        """What was read, for the history. A new key was looked for, too, and not found."""
        name, txn = statement.table, transaction.name
        seen = {version.object[1]: version.id for version in self.current(name)}
        if not isinstance(statement, Insert):
            self.history.predicate_read(txn, name, statement.where, seen)
        for version in found:
            self.history.read(txn, version.id)
        for change in changes:
            for key in self.schema[name].keys if change.new is not None else ():
                value = key_of(change.new, key.columns)
                if None not in value and (
                    change.old is None or key_of(change.old, key.columns) != value
                ):
                    self.history.predicate_read(txn, name, equal(key.columns, value), seen)

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


class Locking(NoControl):
    why_read = "Its locks are granted, so nobody else is changing what it reads."
    why_written = "Its write locks are granted, and held until it ends."

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None:
        super().__init__(level, lock_wait_timeout=lock_wait_timeout)
        self.items: dict[Object, dict[str, str]] = {}  # transaction -> S or X
        self.predicates: list[tuple[str, str, Expression | None, str]] = []  # with its text
        self.waiting: dict[str, set[str]] = {}  # by session, in the order of their coming

    def obstacles(self, transaction: Transaction, statement: Statement) -> set[str]:
        holders: set[str] = set()
        if not isinstance(statement, Insert) and transaction.level != "read uncommitted":
            holders |= self.unsettled(transaction.name, statement.table, statement.where)
        if not holders:
            found, changes = self.plan(statement)
            locked = "" if not isinstance(statement, Select) else statement.lock or ""
            for version in found if locked or not isinstance(statement, Select) else ():
                holders |= self.against(transaction.name, version.object, locked == "share")
            for change in changes:
                holders |= self.against(transaction.name, change.object, False)
                holders |= self.searchers(transaction.name, change)
                holders |= self.rivals(transaction.name, change)
        return {name.partition(".")[0] for name in holders}

    def unsettled(self, me: str, table: str, where: Expression | None) -> set[str]:
        """Whose uncommitted changes, or locked rows, the WHERE would find, before or after."""
        found: set[str] = set()
        for object, holders in self.items.items():
            others = {txn for txn, mode in holders.items() if mode == "X" and txn != me}
            if object[0] == table and others and self.touches(where, object):
                found |= others
        return found

    def touches(self, where: Expression | None, object: Object) -> bool:
        """Whether the WHERE finds the row as committed, or as anyone has changed it since."""
        chain = self.chains[object[0]].get(object[1], [])
        unsure = [v for v in chain if self.history.status[v.txn] != "committed"]
        settled = [v for v in chain if self.history.status[v.txn] == "committed"]
        return any(finds(where, version.values) for version in (*settled[-1:], *unsure))

    def against(self, me: str, object: Object, shared: bool) -> set[str]:
        return {
            txn
            for txn, mode in self.items.get(object, {}).items()
            if txn != me and (mode == "X" or not shared)
        }

    def searchers(self, me: str, change: Change) -> set[str]:
        """Whose predicate locks the change would disturb."""
        return {
            txn
            for txn, table, where, _ in self.predicates
            if txn != me and table == change.object[0]
            and (finds(where, change.old) or finds(where, change.new))
        }  # fmt: skip

    def rivals(self, me: str, change: Change) -> set[str]:
        """Who holds a row that has, or had, one of the new row's unique keys."""
        if change.new is None:
            return set()
        found: set[str] = set()
        table = change.object[0]
        for key in self.schema[table].keys:
            wanted = [collated(value, self.dialect) for value in key_of(change.new, key.columns)]
            for object, holders in self.items.items():
                if object[0] == table and any(
                    version.values is not None
                    and list(key_of(version.values, key.columns)) == wanted
                    for version in self.chains[table].get(object[1], [])
                ):
                    found |= {txn for txn, mode in holders.items() if mode == "X" and txn != me}
        return found

    def wait(self, session: str, whom: set[str]) -> Failed | None:
        self.waiting[session] = set(whom)
        reached, queue = set(whom), list(whom)
        while queue:
            for further in self.waiting.get(queue.pop(), ()):
                if further not in reached:
                    reached.add(further)
                    queue.append(further)
        if session not in reached:
            return None
        del self.waiting[session]
        me = self.sessions[session]
        explicit = not me.transaction.implicit
        self.roll_back(session, me)
        if explicit:
            me.transaction.failed = True
        names = " and ".join(sorted(whom))
        return Failed(
            "40001", "40001", "deadlock detected",
            f"{session} would wait for {names}, and that wait would lead back to {session}, so"
            f" {session} is rolled back.",
        )  # fmt: skip

    def roll_back(self, session: str, me: Session) -> None:
        """Undo now and release the locks; the script still has to end the transaction."""
        self.undo(me.transaction, 0)
        if me.transaction.implicit:
            return
        self.history.abort(me.transaction.name)
        self.release(session, me.transaction)

    def finish(self, session: str, me: Session, commits: bool) -> None:
        if me.transaction.failed:
            me.transaction, me.last = None, "aborted"
            return
        super().finish(session, me, commits)

    def take(
        self,
        transaction: Transaction,
        statement: Statement,
        found: list[Stored],
        changes: list[Change],
    ) -> None:
        me, level = transaction.name, transaction.level
        select = isinstance(statement, Select)
        exclusive = not select or statement.lock == "update"
        if exclusive or statement.lock == "share" or level in ("repeatable read", "serializable"):
            for version in found:
                self.hold(me, version.object, "X" if exclusive else "S")
        for change in changes:
            self.hold(me, change.object, "X")
        if level == "serializable" and not isinstance(statement, Insert):
            lock = (me, statement.table, statement.where, written_where(statement))
            if lock not in self.predicates:
                self.predicates.append(lock)

    def hold(self, me: str, object: Object, mode: str) -> None:
        holders = self.items.setdefault(object, {})
        if holders.get(me) != "X":
            holders[me] = mode

    def release(self, session: str, transaction: Transaction) -> None:
        for object in list(self.items):
            self.items[object].pop(transaction.name, None)
            if not self.items[object]:
                del self.items[object]
        self.predicates = [lock for lock in self.predicates if lock[0] != transaction.name]
        for waiter, whom in list(self.waiting.items()):
            whom.discard(session)
            if not whom:
                del self.waiting[waiter]
                self.woken.append(waiter)

    def readers(self, version: Stored, state: str) -> tuple[str, ...]:
        open_now = super().readers(version, state)
        level = {
            me.transaction.name: me.transaction.level
            for me in self.sessions.values()
            if me.transaction is not None
        }
        return tuple(
            txn for txn in open_now
            if state == "committed" or txn == version.txn or level[txn] == "read uncommitted"
        )  # fmt: skip

    def locks(self) -> tuple[Lock, ...]:
        items = [
            Lock(txn.partition(".")[0], f"row {object[0]} {shown(object[1])}", mode)
            for object, holders in sorted(self.items.items(), key=placed)
            for txn, mode in sorted(holders.items())
        ]
        predicates = [
            Lock(txn.partition(".")[0], f"predicate {table} {text}".rstrip(), "S")
            for txn, table, _, text in self.predicates
        ]
        return (*items, *predicates)

    def waits(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((me, other) for me, whom in self.waiting.items() for other in whom))


def placed(item: tuple[Object, object]) -> tuple:
    (table, key), _ = item
    return table, ordered(key)


def finds(where: Expression | None, values: Row | None) -> bool:
    """Whether the WHERE keeps the row; one that it cannot even judge counts as kept."""
    if values is None:
        return False
    try:
        return matches(where, values, "standard")
    except SqlError:
        return True


def shown(key: Iterable[Value]) -> str:
    values = [str(value) for value in key]
    return values[0] if len(values) == 1 else f"({', '.join(values)})"


def written_where(statement: Statement) -> str:
    """The WHERE as it was written."""
    lowered = statement.text.lower()
    if " where " not in lowered:
        return ""
    text = statement.text[lowered.index(" where ") + 1 :]
    for end in (" order by", " for update", " for share", " lock in"):
        at = text.lower().find(end)
        text = text if at < 0 else text[:at]
    return text
