"""Row locks: marks in the row version itself, queues for it, and following it to its successor.

Rules (access/heap/heapam.c: heap_update, heap_lock_tuple, heap_lock_updated_tuple_rec;
heapam_handler.c: heapam_tuple_lock; access/heap/README.tuplock; manual 13.3.2):

- A lock is a mark in the version's xmax, so any number of rows can be locked. FOR SHARE goes with
  FOR SHARE; UPDATE, DELETE and FOR UPDATE go with nothing.
- Whoever must wait first takes a place in the row's queue, then waits for the transactions that
  have marked it, in the order of their numbers. If the marks have changed meanwhile, it looks
  again from the start.
- FOR UPDATE and FOR SHARE also lock the successors of a version that they waited for.
- Looking for the newest version of a row, one waits for its updaters without a place in a queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulations.isolation.postgresql.heap import FOR_SHARE, Table, Tuple
from simulations.isolation.postgresql.transactions import Refused, Transaction
from simulations.isolation.postgresql.waits import conflicts, names

if TYPE_CHECKING:
    from simulations.isolation.postgresql.executor import Executor


class RowLocks:
    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.numbers = executor.numbers
        self.visibility = executor.visibility
        self.waits = executor.waits

    def why(self, table: Table, tuple_: Tuple, others: list[str]) -> str:
        key = ", ".join(str(value) for value in table.primary(tuple_.row))
        did = "changed" if tuple_.replaced_by is not None else "locked"
        verb = "has" if len(others) == 1 else "have"
        return f"{names(others)} {verb} {did} row {key} of {table.name} and {verb} not ended"

    def others(self, mine: Transaction, tuple_: Tuple) -> list[str]:
        owners = self.waits.locks
        found = set()
        for mark in tuple_.marks:
            queue = owners.queues.get(("xid", mark.xid))
            if queue is not None and not mine.owns(mark.xid):
                found.update(s for s, mode in queue.holders.items() if mode == "exclusive")
        return sorted(found) or ["another transaction"]

    def wait_to_replace(self, mine: Transaction, table: Table, tuple_: Tuple, strength: int):
        """Until nobody else's mark stands against it (the loop of heap_update): ok, updated,
        deleted or own. If it waited, it holds its place in the queue."""
        while True:
            result = self.visibility.standing(tuple_, mine)
            if result != "marked":
                return result
            marks = tuple_.marks
            against = [
                mark
                for mark in marks
                if not mine.owns(mark.xid)
                and conflicts(mark.strength, strength)
                and self.numbers.running(mark.xid)
            ]
            if against:
                why = self.why(table, tuple_, self.others(mine, tuple_))
                if not any(mine.owns(mark.xid) for mark in marks):
                    yield from self.waits.place(mine, table.name, tuple_, strength, why)
                yield from self.waits.marks(mine, marks, strength, why)
                if tuple_.marks != marks:
                    continue
            return self.outcome(tuple_)

    def outcome(self, tuple_: Tuple) -> str:
        xmax = tuple_.replaced_by
        if xmax is None or not self.numbers.committed(xmax):
            return "ok"
        return "deleted" if tuple_.next is None else "updated"

    def lock(self, mine: Transaction, table: Table, tuple_: Tuple, strength: int, follow: bool):
        """Lock one version (heap_lock_tuple): ok, updated, deleted or own."""
        result = yield from self.wait_to_lock(mine, table, tuple_, strength, follow)
        if result == "ok":
            self.executor.number(mine)
            self.put(mine, tuple_, strength)
        self.waits.leave_place(mine, table.name, tuple_)
        return "ok" if result == "held" else result

    def put(self, mine: Transaction, tuple_: Tuple, strength: int) -> None:
        self.visibility.mark(tuple_, mine, strength, False)
        if tuple_.replaced_by is None:
            tuple_.next, tuple_.hot_updated, tuple_.death = None, False, None

    def wait_to_lock(
        self, mine: Transaction, table: Table, tuple_: Tuple, strength: int, follow: bool
    ):
        first = True
        skip_queue = False
        while True:
            result = self.visibility.standing(tuple_, mine)
            if result in ("ok", "own", "invisible"):
                return result
            marks = tuple_.marks
            own = [mark for mark in marks if mine.owns(mark.xid)]
            if first:
                first = False
                if any(mark.strength >= strength for mark in own):
                    return "held"
                skip_queue = bool(own) and len(marks) > 1
            shared = not any(mark.replaces or mark.strength > FOR_SHARE for mark in marks)
            if (strength == FOR_SHARE and shared) or (own and len(marks) == 1):
                return "ok"
            if result in ("updated", "deleted"):
                return result
            why = self.why(table, tuple_, self.others(mine, tuple_))
            following = tuple_.next
            if not skip_queue:
                yield from self.waits.place(mine, table.name, tuple_, strength, why)
            yield from self.waits.marks(mine, marks, strength, why)
            if follow and any(mark.replaces for mark in marks) and following is not None:
                result = yield from self.lock_successors(mine, table, following, strength)
                if result != "ok":
                    return result
            if tuple_.marks != marks:
                continue
            return self.outcome(tuple_)

    def lock_successors(self, mine: Transaction, table: Table, tid: int, strength: int):
        """Lock the versions that came after one (heap_lock_updated_tuple_rec)."""
        self.executor.number(mine)
        prior = None
        while True:
            tuple_ = table.tuples[tid]
            if prior is not None and tuple_.xmin != prior:
                return "ok"
            if self.numbers.status[tuple_.xmin] == "aborted":
                return "ok"
            result = yield from self.lock_successor(mine, table, tuple_, strength)
            if result not in ("ok", "own"):
                return result
            prior = tuple_.replaced_by
            if tuple_.next is None or prior is None or self.numbers.status[prior] == "aborted":
                return "ok"
            tid = tuple_.next

    def lock_successor(self, mine: Transaction, table: Table, tuple_: Tuple, strength: int):
        checked = False
        while not checked:
            checked = True
            for mark in tuple_.marks:
                if mine.owns(mark.xid):
                    return "own"
                if not conflicts(mark.strength, strength):
                    continue
                if self.numbers.running(mark.xid):
                    why = self.why(table, tuple_, self.others(mine, tuple_))
                    yield from self.waits.transaction(mine, mark.xid, why)
                    checked = False
                    break
                if mark.replaces and self.numbers.committed(mark.xid):
                    return "deleted" if tuple_.next is None else "updated"
        self.put(mine, tuple_, strength)
        return "ok"

    def lock_latest(
        self, mine: Transaction, table: Table, tuple_: Tuple, strength: int, follow: bool
    ):
        """Lock the row's newest version and return it; None if the row is gone. Only read
        committed follows a row (heapam_tuple_lock)."""
        while True:
            result = yield from self.lock(mine, table, tuple_, strength, follow)
            if result == "ok":
                return tuple_
            if result in ("updated", "deleted") and mine.one_snapshot:
                raise Refused(
                    "40001",
                    "could not serialize access due to concurrent update",
                    f"Another transaction has {result} the row and committed after"
                    f" {mine.session} took its snapshot, so {mine.session} cannot lock what it"
                    " sees.",
                )
            if result != "updated":
                return None
            tuple_ = yield from self.newer(mine, table, tuple_)
            if tuple_ is None:
                return None

    def newer(self, mine: Transaction, table: Table, tuple_: Tuple):
        """The next version that is live, after whoever works on it has ended."""
        prior, tid = tuple_.replaced_by, tuple_.next
        while True:
            following = table.tuples[tid]
            if following.xmin != prior:
                return None
            alive, undecided = self.visibility.live(following, mine)
            if alive and undecided is not None:
                why = self.why(table, following, self.others(mine, following))
                yield from self.waits.transaction(mine, undecided, why)
                continue
            if alive:
                own = mine.owns(prior) and following.cmin >= mine.command
                return None if own else following
            if following.next is None:
                return None
            prior, tid = following.replaced_by, following.next
