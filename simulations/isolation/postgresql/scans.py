"""Scans: which versions a plan looks at, in which order, and the SIREAD locks that leaves.

Rules (access/heap/heapam.c and heapam_handler.c, access/nbtree/nbtsearch.c):

- A sequential scan locks the whole table (SIREAD), then checks every version of the page at once.
- An index scan locks the index page it starts from, or the index as a whole while that is empty,
  and takes the page's matching entries at once. Row by row it then walks the version chain, checks
  each version on the way, and locks the one that it sees.
- A bitmap scan collects entries first, then visits them in heap order, all before the first row
  is returned. Rows that the rest of the WHERE drops are locked, too: the scan has read them.
- Of a version that a concurrent transaction wrote, and of one that it replaced, a serializable
  read notes an rw-conflict (HeapCheckForSerializableConflictOut).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulations.isolation.evaluation import matches
from simulations.isolation.postgresql.heap import Table, Tuple
from simulations.isolation.postgresql.planner import Arm, Plan
from simulations.isolation.postgresql.transactions import Transaction

if TYPE_CHECKING:
    from simulations.isolation.postgresql.executor import Executor

LEAF = 1  # the one page of an index that holds entries
HEAP = 0  # the one page of a table


class Scan:
    def __init__(self, executor: Executor, transaction: Transaction, table: Table) -> None:
        self.executor = executor
        self.transaction = transaction
        self.table = table

    def run(self, plan: Plan) -> Iterator[Tuple]:
        """The visible versions, in the plan's order; the WHERE is not applied beyond what the
        index does. Index scans look at each row only when it is asked for."""
        if plan.kind == "nothing":
            return
        if plan.kind == "seq":
            yield from self.sequential()
        elif plan.kind == "bitmap":
            tids = sorted({tid for arm in plan.arms for tid in self.entries(arm)})
            found = [self.follow(tid) for tid in tids]
            yield from [tuple_ for tuple_ in found if tuple_ is not None]
        else:
            tids = self.entries(plan.arms[0])
            for tid in reversed(tids) if plan.backward else tids:
                found = self.follow(tid)
                if found is not None:
                    yield found

    def sequential(self) -> list[Tuple]:
        watched = self.watched()
        if watched:
            self.executor.ssi.sireads.take(self.sxact, (self.table.name,))
        found = []
        for tuple_ in self.table.tuples:
            visible = self.executor.visibility.seen(tuple_, self.transaction)
            self.check(tuple_, visible)
            if visible:
                found.append(tuple_)
        return found

    def entries(self, arm: Arm) -> list[int]:
        """The tids of the index entries that match."""
        index, conditions = arm.index, arm.conditions
        equal = {c.column: c.value for c in conditions if c.op == "="}
        if any(
            c.column in equal and not matches(c.tree, {c.column: equal[c.column]}, "postgresql")
            for c in conditions
        ):
            return []  # a contradiction is seen before the index is read
        if self.watched():
            page = (index.name, LEAF) if index.born else (index.name,)
            self.executor.ssi.sireads.take(self.sxact, page)
        found = []
        for place, tid in index.entries:
            row = {
                name: None if null else value
                for name, (null, value) in zip(index.key.columns, place, strict=True)
            }
            if all(matches(c.tree, row, "postgresql") for c in conditions):
                found.append(tid)
        return found

    def follow(self, tid: int) -> Tuple | None:
        """The version that is visible of those an index entry leads to."""
        tuple_ = self.table.tuples[tid]
        while True:
            visible = self.executor.visibility.seen(tuple_, self.transaction)
            self.check(tuple_, visible)
            if visible:
                if self.watched() and not self.transaction.owns(tuple_.xmin):
                    self.executor.ssi.sireads.take(self.sxact, (self.table.name, HEAP, tuple_.tid))
                return tuple_
            xmax = tuple_.replaced_by
            if not tuple_.hot_updated or xmax is None:
                return None
            following = self.table.tuples[tuple_.next]
            if following.xmin != xmax:
                return None
            tuple_ = following

    # serializable

    @property
    def sxact(self):
        return self.executor.sxacts.get(self.transaction.session)

    def watched(self) -> bool:
        return self.executor.ssi.watches(self.sxact)

    def check(self, tuple_: Tuple, visible: bool) -> None:
        """Note an rw-conflict with whoever wrote, or replaced, this version."""
        if not self.watched():
            return
        ssi, numbers = self.executor.ssi, self.executor.numbers
        ssi.fail_if_doomed(self.sxact, "when it read on")
        horizon = self.transaction.snapshot.xmin
        fate = self.executor.visibility.fate(tuple_, horizon)
        if fate == "dead" or (fate == "live" and visible):
            return
        replaced = fate in ("deleting", "recently deleted") and visible
        xid = tuple_.replaced_by if replaced else tuple_.xmin
        xid = numbers.top(xid)
        if xid >= horizon and xid != self.transaction.xid:
            ssi.read_past(self.sxact, xid)
