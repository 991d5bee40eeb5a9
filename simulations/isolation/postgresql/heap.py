"""Row versions in the heap, the indexes over them, and what a snapshot sees of them.

Rules (access/heap/heapam_visibility.c, access/heap/README.HOT, manual 13.4 and 73.7):

- UPDATE writes a new version at the end of the table and marks the old one with its number
  (`xmax`); DELETE only marks. Nothing is overwritten, so a scan of the heap meets versions in the
  order in which they were written.
- A row lock is a mark in xmax, too. Several at once make a multixact: a set of numbers, each with
  its strength, in the order of the numbers.
- If an UPDATE changes no indexed column, the new version is heap-only: the indexes go on pointing
  at the first version, and readers walk the chain from there (HOT). Otherwise every index gets a
  new entry.
- A version is visible if whoever wrote it was done when the snapshot was taken and whoever
  replaced it was not.

Not modelled: more than one heap page and one index page a table, and vacuum.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

from simulations.isolation.postgresql.transactions import Numbers, Transaction
from simulations.isolation.sql import CreateTable, Key, Value

# How strong a row lock is (LockTupleMode), and the lock that queues for it.
FOR_SHARE, NO_KEY_UPDATE, FOR_UPDATE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Mark:
    """One transaction's claim on a version, in its xmax."""

    xid: int
    strength: int
    replaces: bool  # an UPDATE or DELETE, not only a lock


@dataclass(eq=False, slots=True)
class Tuple:
    """One version of a row."""

    tid: int
    row: dict[str, Value]
    xmin: int
    cmin: int
    version: int = 0  # its number in the history
    marks: tuple[Mark, ...] = ()
    cmax: int = 0
    next: int | None = None  # the version that replaced it
    heap_only: bool = False
    hot_updated: bool = False
    death: int | None = None  # the version number of its deletion

    @property
    def replaced_by(self) -> int | None:
        return next((mark.xid for mark in self.marks if mark.replaces), None)


@dataclass(slots=True)
class Index:
    key: Key
    entries: list[tuple[tuple, int]] = field(default_factory=list)  # (sortable key, tid)
    born: bool = False  # has a root page

    @property
    def name(self) -> str:
        return self.key.name

    def place(self, row: dict[str, Value]) -> tuple:
        """The row's key in a form that sorts, NULL last."""
        values = [row[name] for name in self.key.columns]
        return tuple((True, 0) if value is None else (False, value) for value in values)

    def add(self, tuple_: Tuple) -> None:
        self.born = True
        insort(self.entries, (self.place(tuple_.row), tuple_.tid))

    def same(self, row: dict[str, Value]) -> list[int]:
        """The tids of all entries with the row's key; none if part of it is NULL."""
        place = self.place(row)
        if any(null for null, _ in place):
            return []
        return [tid for key, tid in self.entries if key == place]


class Table:
    def __init__(self, definition: CreateTable) -> None:
        self.definition = definition
        self.name = definition.name
        self.tuples: list[Tuple] = []
        self.indexes = [Index(key) for key in definition.keys]
        self.indexed = frozenset(name for key in definition.keys for name in key.columns)

    def primary(self, row: dict[str, Value]) -> tuple[Value, ...]:
        return tuple(row[name] for name in self.definition.primary)


class Visibility:
    """What the numbers in a version mean to a transaction."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def seen(self, tuple_: Tuple, transaction: Transaction) -> bool:
        """By the transaction's snapshot (HeapTupleSatisfiesMVCC)."""
        snapshot, command = transaction.snapshot, transaction.command
        if transaction.owns(tuple_.xmin):
            if tuple_.cmin >= command:
                return False
        elif snapshot.hides(tuple_.xmin) or not self.numbers.committed(tuple_.xmin):
            return False
        xmax = tuple_.replaced_by
        if xmax is None:
            return True
        if transaction.owns(xmax):
            return tuple_.cmax >= command
        return snapshot.hides(xmax) or not self.numbers.committed(xmax)

    def live(self, tuple_: Tuple, transaction: Transaction) -> tuple[bool, int | None]:
        """Whether it counts now, snapshots aside, and on whose end that depends
        (HeapTupleSatisfiesDirty)."""
        numbers = self.numbers
        if not transaction.owns(tuple_.xmin):
            if numbers.running(tuple_.xmin):
                return True, tuple_.xmin
            if not numbers.committed(tuple_.xmin):
                return False, None
        xmax = tuple_.replaced_by
        if xmax is None:
            return True, None
        if transaction.owns(xmax):
            return False, None
        if numbers.running(xmax):
            return True, xmax
        return not numbers.committed(xmax), None

    def standing(self, tuple_: Tuple, transaction: Transaction) -> str:
        """What a statement that wants to change or lock it meets: "ok", "marked" (someone who
        still runs has a mark), "updated", "deleted" (committed), "own" (this very command did), or
        "invisible" (HeapTupleSatisfiesUpdate)."""
        numbers = self.numbers
        if transaction.owns(tuple_.xmin):
            if tuple_.cmin >= transaction.command:
                return "invisible"
        elif not numbers.committed(tuple_.xmin):
            return "invisible"
        xmax = tuple_.replaced_by
        if xmax is not None and transaction.owns(xmax):
            return "own" if tuple_.cmax >= transaction.command else "invisible"
        if any(numbers.running(mark.xid) for mark in tuple_.marks):
            return "marked"
        if xmax is not None and numbers.committed(xmax):
            return "deleted" if tuple_.next is None else "updated"
        return "ok"

    def fate(self, tuple_: Tuple, horizon: int) -> str:
        """live, dead, inserting, deleting or recently deleted (HeapTupleSatisfiesVacuum)."""
        numbers = self.numbers
        if numbers.running(tuple_.xmin):
            # An own version that its own transaction has replaced counts as being deleted.
            xmax = tuple_.replaced_by
            mine = xmax is not None and numbers.top(xmax) == numbers.top(tuple_.xmin)
            return "deleting" if mine and numbers.running(xmax) else "inserting"
        if not numbers.committed(tuple_.xmin):
            return "dead"
        xmax = tuple_.replaced_by
        if xmax is None:
            return "live"
        if numbers.running(xmax):
            return "deleting"
        if not numbers.committed(xmax):
            return "live"
        return "dead" if xmax < horizon else "recently deleted"

    def mark(self, tuple_: Tuple, transaction: Transaction, strength: int, replaces: bool) -> None:
        """Add a claim, keeping those that still matter (compute_new_xmax_infomask)."""
        xid = transaction.subs[-1].xid
        kept = [mark for mark in tuple_.marks if self.numbers.running(mark.xid)]
        if len(kept) == 1 and kept[0].xid == xid:
            strength = max(strength, kept[0].strength)
            kept = []
        mine = Mark(xid, strength, replaces)
        if mine not in kept:
            kept.append(mine)
        tuple_.marks = tuple(sorted(kept, key=lambda mark: (mark.xid, mark.strength)))
