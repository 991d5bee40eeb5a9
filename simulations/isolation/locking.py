"""Strict two-phase locking, over the store of textbook.py.

Long write locks at every level, and read locks as in table 2 of Berenson et al., "A Critique of
ANSI SQL Isolation Levels" (1995):

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

from collections.abc import Iterable

from simulations.isolation.engine import Failed, Lock
from simulations.isolation.evaluation import SqlError, collated, key_of, matches
from simulations.isolation.history import Object
from simulations.isolation.sql import Expression, Insert, Select, Statement, Value
from simulations.isolation.textbook import (
    Change,
    NoControl,
    Row,
    Session,
    Stored,
    Transaction,
    ordered,
)

LONG = ("repeatable read", "serializable")  # levels that keep read locks on rows


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
            found, changes = self.intends(statement)
            locked = "" if not isinstance(statement, Select) else statement.lock or ""
            for version in found if locked or not isinstance(statement, Select) else ():
                holders |= self.against(transaction.name, version.object, locked == "share")
            for change in changes:
                holders |= self.against(transaction.name, change.object, False)
                holders |= self.searchers(transaction.name, change)
                holders |= self.rivals(transaction.name, change)
        return {name.partition(".")[0] for name in holders}

    def intends(self, statement: Statement) -> tuple[list[Stored], list[Change]]:
        """What it finds and would change, as far as it gets without an error."""
        found: list[Stored] = []
        try:
            found = self.search(statement)
            return found, self.changes(statement, found)
        except SqlError:
            return found, []

    def meet(self, transaction: Transaction, version: Stored) -> None:
        super().meet(transaction, version)
        if transaction.level in LONG:
            self.hold(transaction.name, version.object, "S")

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
        if exclusive or statement.lock == "share" or level in LONG:
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
