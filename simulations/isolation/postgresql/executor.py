"""Statements that read and change rows, each a generator that yields while it waits.

Rules (executor/nodeModifyTable.c, nodeLockRows.c, access/heap/heapam.c and heapam_handler.c,
access/nbtree/nbtinsert.c; manual 13.2):

- An UPDATE, DELETE or locking SELECT finds rows by its snapshot. If another transaction has marked
  a row and still runs, it takes a place in the row's queue and waits for that transaction.
- If that one rolled back, or only locked the row, the statement goes on. If it changed the row:
  read committed follows to the newest version, locks it, applies the WHERE to it again
  (EvalPlanQual) and goes on with it or skips the row; the other levels fail with 40001.
- Each new row, and each new version that changed an indexed column, gets an entry in every index.
  If there is a live row with the same unique key, it fails with 23505; if that row's fate is not
  yet decided, it first waits for whoever decides it. The new version is in the heap by then.
- A serializable transaction checks for others' SIREAD locks: on the version, page and table for
  an UPDATE or DELETE, on the table for an INSERT, and on the index page for an index entry.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

from simulations.isolation.engine import Done, Waiting
from simulations.isolation.evaluation import inserted, matches, output, updated
from simulations.isolation.history import History
from simulations.isolation.postgresql.heap import (
    FOR_SHARE,
    FOR_UPDATE,
    NO_KEY_UPDATE,
    Index,
    Table,
    Tuple,
    Visibility,
)
from simulations.isolation.postgresql.locks import EXCLUSIVE
from simulations.isolation.postgresql.planner import Planner
from simulations.isolation.postgresql.rowlocks import RowLocks
from simulations.isolation.postgresql.scans import HEAP, LEAF, Scan
from simulations.isolation.postgresql.ssi import Ssi, Sxact
from simulations.isolation.postgresql.transactions import Numbers, Refused, Transaction
from simulations.isolation.postgresql.waits import Waits
from simulations.isolation.sql import Delete, Insert, Select, Update, Value

Row = dict[str, Value]
Steps = Generator[Waiting, None, Done]


class Executor:
    def __init__(self, history: History, woken: deque[str]) -> None:
        self.history = history
        self.numbers = Numbers()
        self.visibility = Visibility(self.numbers)
        self.waits = Waits(self.numbers, woken)
        self.ssi = Ssi(lambda: self.numbers.next)
        self.rowlocks = RowLocks(self)
        self.tables: dict[str, Table] = {}
        self.sxacts: dict[str, Sxact | None] = {}  # session -> its watched transaction
        self.versions = 0
        self.written: dict[int, list[int]] = {}  # xid -> versions, for undoing a savepoint
        self.owners: dict[int, str] = {}  # xid -> the transaction's name

    # statements

    def select(self, mine: Transaction, select: Select) -> Steps:
        table = self.tables[select.table]
        plan = Planner(table, select.where).plan(select)
        seen = self.seen(mine, table)
        scan = Scan(self, mine, table)
        if plan.kind == "ends":
            # Each end is read up to its first match; those rows are what the result is made of.
            found = []
            for part in plan.ends:
                rows = self.filtered(scan.run(part), select.where)
                first = next(rows, None)
                found.extend([] if first is None else [first])
        else:
            found = list(self.filtered(scan.run(plan), select.where))
        if select.order_by and not plan.sorted:
            found = in_order(found, select)
        if select.lock is not None:
            strength = FOR_SHARE if select.lock == "share" else FOR_UPDATE
            found = yield from self.lock_rows(mine, table, found, select, strength, seen)
        columns, shown = output(
            Select(select.items, select.table, select.where, (), None),
            table.definition,
            [tuple_.row for tuple_ in found],
            "postgresql",
        )
        self.record(mine, table, select.where, seen, found)
        return Done(columns, shown, None, self.why_read(mine, select))

    def lock_rows(self, mine, table, found, select, strength, seen):
        kept = []
        for tuple_ in found:
            locked = yield from self.rowlocks.lock_latest(mine, table, tuple_, strength, True)
            if locked is None:
                self.note_gone(tuple_, seen, table)
                continue
            if locked is not tuple_:
                self.note_newer(tuple_, locked, seen, table)
                if not matches(select.where, locked.row, "postgresql"):
                    continue
            kept.append(locked)
        return kept

    def insert(self, mine: Transaction, insert: Insert) -> Steps:
        table = self.tables[insert.table]
        for number in range(len(insert.rows)):
            row = inserted(insert, number, table.definition, "postgresql")
            self.number(mine)
            self.ssi.write(self.sxacts.get(mine.session), [(table.name,)], len(mine.subs) > 1)
            tuple_ = self.add(mine, table, row)
            self.wrote(mine, table, tuple_, "insert")
            yield from self.enter(mine, table, tuple_)
            self.history.settle(tuple_.version)
        return Done(
            count=len(insert.rows), why=f"Nobody else sees this before {mine.session} commits."
        )

    def modify(self, mine: Transaction, statement: Update | Delete) -> Steps:
        table = self.tables[statement.table]
        plan = Planner(table, statement.where).plan(statement)
        seen = self.seen(mine, table)
        changed: list[Tuple] = []
        again = 0
        for tuple_ in self.filtered(Scan(self, mine, table).run(plan), statement.where):
            final = yield from self.change(mine, table, tuple_, statement, seen)
            if final is not None:
                changed.append(final)
            again += final is not tuple_
        self.record(mine, table, statement.where, seen, changed)
        why = ""
        if again:
            why = (
                f"{counted(again).capitalize()} had been changed by others since the statement"
                " began, so it read the newest version and applied its WHERE again."
            )
        return Done(count=len(changed), why=why)

    def change(self, mine, table, tuple_, statement, seen):
        """The version that was replaced in the end, or None if the row was skipped."""
        while True:
            row = None
            if isinstance(statement, Update):
                row = updated(statement, tuple_.row, table.definition, "postgresql")
            result = yield from self.replace(mine, table, tuple_, row)
            if result == "ok":
                return tuple_
            if result in ("updated", "deleted") and mine.one_snapshot:
                raise concurrent(mine, result)
            if result == "updated":
                strength = self.strength(table, tuple_.row, row)
                newest = yield from self.rowlocks.lock_latest(mine, table, tuple_, strength, False)
                if newest is not None:
                    self.note_newer(tuple_, newest, seen, table)
                    if not matches(statement.where, newest.row, "postgresql"):
                        return None
                    tuple_ = newest
                    continue
            self.note_gone(tuple_, seen, table)
            return None

    def replace(self, mine, table, tuple_, row):
        """Replace the version by one with this row, or by nothing (heap_update, heap_delete)."""
        self.number(mine)
        result = yield from self.rowlocks.wait_to_replace(
            mine, table, tuple_, self.strength(table, tuple_.row, row)
        )
        if result != "ok":
            self.waits.leave_place(mine, table.name, tuple_)
            return result
        name = table.name
        self.ssi.write(
            self.sxacts.get(mine.session),
            [(name, HEAP, tuple_.tid), (name, HEAP), (name,)],
            len(mine.subs) > 1,
        )
        strength = self.strength(table, tuple_.row, row)
        self.visibility.mark(tuple_, mine, strength, True)
        tuple_.cmax = mine.command
        tuple_.next, tuple_.hot_updated, tuple_.death = None, False, None
        new = None
        if row is not None:
            new = self.add(mine, table, row)
            tuple_.next = new.tid
            tuple_.hot_updated = new.heap_only = all(
                row[name] == tuple_.row[name] for name in table.indexed
            )
        self.waits.leave_place(mine, table.name, tuple_)
        moved = new is None or table.primary(new.row) != table.primary(tuple_.row)
        if moved:
            tuple_.death = self.version(mine)
            self.history.write(
                mine.name, (name, table.primary(tuple_.row)), tuple_.death, "delete", None
            )
        if new is not None:
            self.wrote(mine, table, new, "insert" if moved else "update")
            if not new.heap_only:
                yield from self.enter(mine, table, new)
                self.history.settle(new.version)
        return "ok"

    def strength(self, table: Table, old: Row, new: Row | None) -> int:
        if new is None or any(old[name] != new[name] for name in table.indexed):
            return FOR_UPDATE
        return NO_KEY_UPDATE

    def enter(self, mine: Transaction, table: Table, tuple_: Tuple):
        """An entry in every index, once the key is known to be free (_bt_doinsert)."""
        for index in table.indexes:
            targets = [(index.name, LEAF), (index.name,)]
            while (other := self.duplicate(mine, table, index, tuple_)) is not None:
                found, undecided = other
                key = ", ".join(index.key.columns)
                values = ", ".join(str(tuple_.row[name]) for name in index.key.columns)
                if undecided is None:
                    self.ssi.write(self.sxacts.get(mine.session), targets, len(mine.subs) > 1)
                    raise Refused(
                        "23505",
                        f'duplicate key value violates unique constraint "{index.name}"',
                        f"A row with {key} = {values} exists already.",
                    )
                did = "added" if undecided == found.xmin else "changed"
                why = f"Another transaction has {did} a row with {key} = {values} and has not ended"
                yield from self.waits.transaction(mine, undecided, why)
            self.ssi.write(self.sxacts.get(mine.session), targets, len(mine.subs) > 1)
            index.add(tuple_)

    def duplicate(
        self, mine: Transaction, table: Table, index: Index, new: Tuple
    ) -> tuple[Tuple, int | None] | None:
        """A row with the same key that is live, or may be: and then on whom that depends."""
        for tid in index.same(new.row):
            tuple_ = table.tuples[tid]
            while True:
                alive, undecided = self.visibility.live(tuple_, mine)
                if alive:
                    return tuple_, undecided
                if not tuple_.hot_updated:
                    break
                following = table.tuples[tuple_.next]
                if following.xmin != tuple_.replaced_by:
                    break
                tuple_ = following
        return None

    # versions

    def number(self, mine: Transaction) -> None:
        """Make sure that the transaction, and the savepoint it is in, has a number."""
        for xid in self.numbers.assign(mine):
            self.owners[xid] = mine.name
            self.waits.locks.take(mine.session, ("xid", xid), EXCLUSIVE)
            sxact = self.sxacts.get(mine.session)
            if xid == mine.xid and sxact is not None and not sxact.rolled_back:
                self.ssi.number(sxact, xid)

    def version(self, mine: Transaction) -> int:
        self.versions += 1
        self.written.setdefault(mine.subs[-1].xid, []).append(self.versions)
        return self.versions

    def add(self, mine: Transaction, table: Table, row: Row) -> Tuple:
        tuple_ = Tuple(len(table.tuples), row, mine.subs[-1].xid, mine.command)
        table.tuples.append(tuple_)
        return tuple_

    def wrote(self, mine: Transaction, table: Table, tuple_: Tuple, kind: str) -> None:
        tuple_.version = self.version(mine)
        place = (table.name, table.primary(tuple_.row))
        self.history.write(mine.name, place, tuple_.version, kind, tuple_.row)

    def filtered(self, tuples: Iterator[Tuple], where) -> Iterator[Tuple]:
        return (tuple_ for tuple_ in tuples if matches(where, tuple_.row, "postgresql"))

    # history

    def seen(self, mine: Transaction, table: Table) -> dict[tuple, int]:
        """For every row that the snapshot knows of: the version that it holds, dead ones too."""
        found = {}
        for tuple_ in table.tuples:
            if not self.holds(mine, tuple_.xmin):
                continue
            key = table.primary(tuple_.row)
            found[key] = tuple_.version
            xmax = tuple_.replaced_by
            if xmax is not None and tuple_.death is not None and self.holds(mine, xmax):
                found[key] = tuple_.death
        return found

    def holds(self, mine: Transaction, xid: int) -> bool:
        if mine.owns(xid):
            return True
        return not mine.snapshot.hides(xid) and self.numbers.committed(xid)

    def note_gone(self, tuple_: Tuple, seen: dict[tuple, int], table: Table) -> None:
        """The row was deleted meanwhile: that is the version which the second look met."""
        while tuple_.next is not None and tuple_.death is None:
            tuple_ = table.tuples[tuple_.next]
        if tuple_.death is not None:
            seen[table.primary(tuple_.row)] = tuple_.death

    def note_newer(
        self, tuple_: Tuple, newest: Tuple, seen: dict[tuple, int], table: Table
    ) -> None:
        """The second look met a newer version; its key may be another, and the old one dead."""
        while tuple_ is not newest:
            if tuple_.death is not None:
                seen[table.primary(tuple_.row)] = tuple_.death
            tuple_ = table.tuples[tuple_.next]
        seen[table.primary(newest.row)] = newest.version

    def record(self, mine: Transaction, table: Table, where, seen, found: list[Tuple]) -> None:
        self.history.predicate_read(mine.name, table.name, where, seen)
        for tuple_ in found:
            self.history.read(mine.name, tuple_.version)

    def why_read(self, mine: Transaction, select: Select) -> str:
        if mine.one_snapshot:
            since = f"{mine.session}'s first statement began, and what {mine.session} wrote itself"
        else:
            since = f"this statement began, and what {mine.session} wrote itself"
        why = f"It sees what was committed when {since}."
        if select.lock is not None:
            kind = "FOR SHARE" if select.lock == "share" else "FOR UPDATE"
            why += f" The rows are locked {kind} until {mine.session} ends."
        return why


def in_order(found: list[Tuple], select: Select) -> list[Tuple]:
    """Sorted by ORDER BY, NULL above everything."""
    for name, descending in reversed(select.order_by):
        found = sorted(
            found,
            key=lambda tuple_: (True, 0) if tuple_.row[name] is None else (False, tuple_.row[name]),
            reverse=descending,
        )
    return found


def concurrent(mine: Transaction, result: str) -> Refused:
    word = "update" if result == "updated" else "delete"
    return Refused(
        "40001",
        f"could not serialize access due to concurrent {word}",
        f"Another transaction has {result} the row and committed after {mine.session} took its"
        f" snapshot; at this level {mine.session} may not go on from a version it cannot see.",
    )


def counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"
