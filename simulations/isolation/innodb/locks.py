"""The lock system: queues of record locks, waits, and deadlocks.

Rules:

- A lock is on a record of an index, and on the gap before it: REC_NOT_GAP is the record alone,
  GAP the gap alone, neither (a next-key lock) is both. A lock on the supremum is on a gap only.
  An insert asks for the gap with INSERT_INTENTION, and only if some lock is on the next record.
- Who waits for whom (`must_wait`): locks on gaps exclude inserts and nothing else. Nobody waits
  for an insert intention.
- Requests queue in the order in which their structures were made; a new request waits for every
  conflicting one before it, also for one that itself waits. One structure holds the locks of one
  kind that a transaction has on a page, so a lock may stand in the queue where an older one of
  the same kind stands. Freed locks leave their structure in place, empty.
- When a record is inserted, the gap locks on its successor cover the new gap too; when one is
  removed, its locks pass to its successor as gap locks, those that waited included.
- Deadlocks (deadlocks.py) are looked for when a wait starts, and when a lock that was given free
  moves a wait on to another transaction.

Sources: MariaDB 10.11 storage/innobase/lock/lock0lock.cc: lock_rec_has_to_wait, lock_rec_lock,
lock_rec_insert_check_and_lock, lock_rec_add_to_queue, lock_rec_dequeue_from_page,
lock_update_insert, lock_update_delete, lock_rec_move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulations.isolation.innodb.deadlocks import find_victim
from simulations.isolation.innodb.records import Index, Record, Table, Transaction, implicit_holder

GAP, REC_NOT_GAP, INSERT_INTENTION = 1, 2, 4
NEXT_KEY = 0


@dataclass(eq=False, slots=True)
class Lock:
    transaction: Transaction
    index: Index | None  # None: an intention lock on a table, which conflicts with nothing here
    mode: str  # S X; IS IX on a table
    flags: int
    records: set[Record] = field(default_factory=set)
    waiting: bool = False
    table: Table | None = None


def must_wait(transaction: Transaction, mode: str, flags: int, other: Lock, gap: bool) -> bool:
    """Whether a request waits for another lock on the same record; `gap`: on the supremum."""
    if transaction is other.transaction or mode == other.mode == "S":
        return False
    if (gap or flags & GAP) and not flags & INSERT_INTENTION:
        return False
    if not flags & INSERT_INTENTION and other.flags & GAP:
        return False
    if flags & GAP and other.flags & REC_NOT_GAP:
        return False
    return not other.flags & INSERT_INTENTION


class LockSystem:
    def __init__(
        self, wake: Callable[[Transaction], None], abort: Callable[[Transaction], None]
    ) -> None:
        self.pages: dict[Index, list[Lock]] = {}  # each index is one page here
        self.wake, self.abort = wake, abort
        self.to_check: list[Transaction] = []  # whose wait may have closed a cycle

    # requests

    def lock_table(self, transaction: Transaction, table: Table, mode: str) -> None:
        for lock in transaction.locks:
            if lock.table is table and (lock.mode == mode or lock.mode == "IX"):
                return
        transaction.locks.append(Lock(transaction, None, mode, 0, table=table))

    def read(self, transaction: Transaction, record: Record, mode: str, flags: int) -> str:
        """A locking read of a record: "held", "new" or "wait"."""
        if record.key is not None:
            own = self.convert_implicit(transaction, record)
            if own and flags == REC_NOT_GAP:
                return "held"
        return self.request(transaction, record, mode, flags)

    def modify(self, transaction: Transaction, record: Record) -> str:
        """The right to write a record; it needs no lock of its own unless somebody is in the way.

        In a secondary index no other transaction can hold the record implicitly, since it would
        hold the row.
        """
        if record.index.clustered and self.convert_implicit(transaction, record):
            return "held"
        return self.request(transaction, record, "X", REC_NOT_GAP, implicit=True)

    def convert_implicit(self, transaction: Transaction, record: Record) -> bool:
        """Make another's implicit lock explicit; True if the record is implicitly one's own."""
        holder = implicit_holder(record)
        if holder is None or holder is transaction:
            return holder is transaction
        if self.held(holder, record, "X", REC_NOT_GAP) is None:
            self.add(holder, record, "X", REC_NOT_GAP)
        return False

    def held(self, transaction: Transaction, record: Record, mode: str, flags: int) -> Lock | None:
        """A granted lock that is at least as strong."""
        for lock in self.pages.get(record.index, ()):
            if (
                lock.transaction is transaction
                and record in lock.records
                and not lock.waiting
                and not lock.flags & INSERT_INTENTION
                and (
                    not lock.flags & (GAP | REC_NOT_GAP)
                    or record.key is None
                    or flags & lock.flags & (GAP | REC_NOT_GAP)
                )
                and (lock.mode == "X" or mode == "S")
            ):
                return lock
        return None

    def conflict(self, transaction: Transaction, record: Record, mode: str, flags: int):
        gap = record.key is None
        for lock in self.pages.get(record.index, ()):
            if record in lock.records and must_wait(transaction, mode, flags, lock, gap):
                return lock
        return None

    def request(
        self, transaction: Transaction, record: Record, mode: str, flags: int, implicit=False
    ) -> str:
        page = self.pages.setdefault(record.index, [])
        if not page:
            if not implicit:
                self.create(transaction, record, mode, flags)
            return "new"
        if (
            len(page) == 1
            and page[0].transaction is transaction
            and ((page[0].mode, page[0].flags, page[0].waiting) == (mode, flags, False))
        ):
            if implicit or record in page[0].records:
                return "held"
            page[0].records.add(record)
            return "new"
        next_key = flags == NEXT_KEY and record.key is not None
        held = self.held(transaction, record, mode, REC_NOT_GAP if next_key else flags)
        if held is None:
            conflict = self.conflict(transaction, record, mode, flags)
            if conflict is not None:
                self.enqueue(transaction, record, mode, flags, conflict)
                return "wait"
            if implicit:
                return "held"
            self.add(transaction, record, mode, flags)
            return "new"
        if next_key and held.flags & REC_NOT_GAP:
            if self.held(transaction, record, mode, GAP) is None:
                self.add(transaction, record, mode, GAP)
        return "held"

    def insert(self, transaction: Transaction, following: Record) -> str:
        """The right to insert before a record: "free", "inherit" (locks are there) or "wait"."""
        if not any(following in lock.records for lock in self.pages.get(following.index, ())):
            return "free"
        flags = GAP | INSERT_INTENTION
        conflict = self.conflict(transaction, following, "X", flags)
        if conflict is None:
            return "inherit"
        self.enqueue(transaction, following, "X", flags, conflict)
        return "wait"

    # queues

    def create(
        self, transaction: Transaction, record: Record, mode: str, flags: int, waiting=False
    ) -> Lock:
        if record.key is None:
            flags &= ~(GAP | REC_NOT_GAP)
        lock = Lock(transaction, record.index, mode, flags, {record}, waiting)
        self.pages.setdefault(record.index, []).append(lock)
        transaction.locks.append(lock)
        return lock

    def enqueue(
        self, transaction: Transaction, record: Record, mode: str, flags: int, conflict: Lock
    ) -> None:
        transaction.wait_lock = self.create(transaction, record, mode, flags, waiting=True)
        transaction.wait_for = conflict.transaction

    def add(
        self, transaction: Transaction, record: Record, mode: str, flags: int, waiting=False
    ) -> None:
        """Without a check; a structure of the same kind takes the record in, if nobody waits."""
        if record.key is None:
            flags &= ~(GAP | REC_NOT_GAP)
        page = self.pages.setdefault(record.index, [])
        if not waiting and not any(lock.waiting and record in lock.records for lock in page):
            for lock in page:
                if (lock.transaction, lock.mode, lock.flags, lock.waiting) == (
                    transaction, mode, flags, False,
                ):  # fmt: skip
                    lock.records.add(record)
                    return
        lock = self.create(transaction, record, mode, flags, waiting)
        if waiting:
            transaction.wait_lock = lock

    def blocker(self, waiting: Lock) -> Lock | None:
        """The first lock ahead in the queue that a waiting one must wait for."""
        (record,) = waiting.records
        for lock in self.pages[waiting.index]:
            if lock is waiting:
                return None
            if record in lock.records and must_wait(
                waiting.transaction, waiting.mode, waiting.flags, lock, record.key is None
            ):
                return lock
        return None

    def blockers(self, waiting: Lock) -> list[Transaction]:
        """All that it waits for."""
        (record,) = waiting.records
        found = []
        for lock in self.pages[waiting.index]:
            if lock is waiting:
                break
            if (
                record in lock.records
                and lock.transaction not in found
                and must_wait(
                    waiting.transaction, waiting.mode, waiting.flags, lock, record.key is None
                )
            ):
                found.append(lock.transaction)
        return found

    def grant(self, lock: Lock) -> None:
        lock.waiting = False
        lock.transaction.wait_lock = lock.transaction.wait_for = None
        self.wake(lock.transaction)

    def regrant(self, page: list[Lock], record: Record | None = None) -> None:
        """Grant what now can be granted, in queue order."""
        for lock in tuple(page):
            if not lock.waiting or (record is not None and record not in lock.records):
                continue
            blocker = self.blocker(lock)
            if blocker is None:
                self.grant(lock)
                continue
            lock.transaction.wait_for = blocker.transaction
            if record is None and blocker.transaction.wait_for is not None:
                if blocker.transaction not in self.to_check:
                    self.to_check.append(blocker.transaction)

    def dequeue(self, lock: Lock) -> None:
        lock.transaction.locks.remove(lock)
        if lock.index is not None:
            page = self.pages[lock.index]
            page.remove(lock)
            self.regrant(page)

    def unlock(self, transaction: Transaction, record: Record, mode: str) -> None:
        """Give one record free again, as READ COMMITTED does with rows that do not match."""
        for lock in self.pages[record.index]:
            if lock.transaction is transaction and lock.mode == mode and record in lock.records:
                lock.records.discard(record)
                self.regrant(self.pages[record.index], record)
                return

    def cancel(self, transaction: Transaction) -> None:
        """Take back a waiting request."""
        lock = transaction.wait_lock
        self.dequeue(lock)
        transaction.wait_lock = transaction.wait_for = None

    def release(self, transaction: Transaction) -> None:
        """The transaction has ended: free its locks, the latest first."""
        while transaction.locks:
            self.dequeue(transaction.locks[-1])
        self.check_waits()

    # records that come and go

    def inserted(self, record: Record) -> None:
        """Gap locks on the successor cover the gap before the new record too."""
        following = record.index.next(record)
        for lock in tuple(self.pages.get(record.index, ())):
            if (
                following in lock.records
                and not lock.flags & INSERT_INTENTION
                and (following.key is None or not lock.flags & REC_NOT_GAP)
            ):
                self.add(lock.transaction, record, lock.mode, GAP)

    def removed(self, record: Record, following: Record) -> None:
        """The successor inherits the locks of a removed record, as gap locks."""
        page = self.pages.get(record.index, [])
        for lock in tuple(page):
            if (
                record in lock.records
                and not lock.flags & INSERT_INTENTION
                and (lock.transaction.gap_locking or lock.mode != "X")
            ):
                self.add(lock.transaction, following, lock.mode, GAP)
        for lock in tuple(page):
            if record in lock.records:
                lock.records.discard(record)
                if lock.waiting:
                    self.grant(lock)

    def moved(self, record: Record) -> None:
        """The record changed its size: its locks are parked on the infimum and put back.

        Nobody notices, but there are more structures than before, and they weigh.
        """
        self._move(record, record.index.infimum)
        self._move(record.index.infimum, record)

    def _move(self, donor: Record, receiver: Record) -> None:
        for lock in tuple(self.pages.get(donor.index, ())):
            if donor in lock.records:
                waiting, lock.waiting = lock.waiting, False
                lock.records.discard(donor)
                self.add(lock.transaction, receiver, lock.mode, lock.flags, waiting)

    # deadlocks

    def resolve(self, closing: Transaction) -> Transaction | None:
        """The victim, if there is a deadlock; its wait ends."""
        victim = find_victim(closing)
        if victim is not None:
            victim.victim = True
            self.cancel(victim)
        return victim

    def check_waits(self) -> None:
        """Waits that moved on to another transaction may have closed a cycle, too.

        The server goes through them by address in memory, which follows the sessions' age.
        """
        while self.to_check:
            first = min(self.to_check, key=lambda transaction: transaction.session)
            self.to_check.remove(first)
            victim = self.resolve(first)
            if victim is not None:
                self.abort(victim)
