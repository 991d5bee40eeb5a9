"""A cursor over one index: what a statement reads, locks and skips (row_search_mvcc).

Rules:

- A plain read shows, of each row, the newest version that its snapshot sees; at READ UNCOMMITTED
  the newest of all. It locks nothing.
- A locking read sees the newest version and locks each record that it comes past: with the gap
  before it at REPEATABLE READ and SERIALIZABLE, and then also the supremum at the end; without
  the gap at the lower levels. The record beyond the end of a range is locked too. Only an equal
  primary key is locked without its gap, be it marked as deleted or not.
- A search for an equal key that finds another one locks the gap before that.
- Through a secondary index, the index record is locked first, and then the row.
- READ COMMITTED and READ UNCOMMITTED pass by rows whose deletion is committed, and give back
  the lock of a row that does not match the WHERE, if the row was found by the primary key and
  the lock was new and got without a wait.
- UPDATE at these levels does not wait for a row in a scan if the row as last committed does not
  match (semi-consistent read).
- SELECT checks what the columns of a secondary index can tell before it looks at the row.

Sources: MariaDB 10.11 storage/innobase/row/row0sel.cc (row_search_mvcc,
sel_restore_position_for_mysql), row0mysql.cc (row_unlock_for_mysql), row0vers.cc
(row_vers_build_for_semi_consistent_read), sql/handler.cc (read_range_first, read_range_next),
sql/opt_range.cc (QUICK_SELECT_DESC).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from simulations.isolation.engine import Waiting
from simulations.isolation.innodb.access import Plan
from simulations.isolation.innodb.intervals import HIGHEST, LOWEST, Interval
from simulations.isolation.innodb.locks import GAP, NEXT_KEY, REC_NOT_GAP, LockSystem
from simulations.isolation.innodb.records import (
    Record,
    SortKey,
    Transaction,
    Version,
    implicit_holder,
    sort_key,
)

Wait = Callable[[Transaction], Generator[Waiting, None, None]]
Found = tuple[Record, Version] | None  # the clustered record and the version of it to show


@dataclass(slots=True)
class Cursor:
    transaction: Transaction
    plan: Plan
    mode: str | None  # S, X, or None for a plain read
    locks: LockSystem
    wait: Wait
    semi_consistent: bool = False
    whole_row: bool = False  # the row is looked at even if the index would do
    index_condition: Callable[[Record], bool] | None = None
    seen: dict = field(default_factory=dict)  # primary key -> version on which the read decided
    position: Record | None = None
    interval: Interval | None = None
    fresh: bool = False  # the lock on the position is new, and may be given back
    committed_read: bool = False  # the position was read without its lock
    upwards: bool = True

    # the order of the records

    def scan(self, matches: Callable[[Version], bool], take) -> Generator[Waiting]:
        """Go through the plan's ranges; `take(record, version)` gets what matches, and may wait."""
        ranges = self.plan.ranges
        for interval in reversed(ranges) if self.plan.backwards else ranges:
            self.interval = interval
            unique = self.plan.unique(interval)
            found = yield from self.first()
            while found is not None:
                record, version = found
                if not self.plan.backwards and self.interval.above(self.position.key):
                    self.give_back()
                    break
                if self.plan.backwards and self.interval.below(self.position.key):
                    break
                if matches(version):
                    if self.committed_read:  # now wait for the same row
                        found = yield from self.again()
                        continue
                    yield from take(record, version)
                elif self.plan.kind != "const":
                    self.give_back()
                if unique and not self.committed_read:
                    break
                found = yield from self.following()

    def first(self) -> Generator[Waiting, None, Found]:
        index, interval = self.plan.index, self.interval
        exact = interval.point
        self.committed_read = False
        whole_key = len(interval.low) >= index.width
        self.upwards = not self.plan.backwards or (exact and whole_key)
        if not self.upwards:
            return (yield from self._first_backwards(exact))
        if interval.low == LOWEST:
            start = index.records[0] if index.records else index.supremum
        elif interval.low_open:
            start = index.after(interval.low)
        else:
            start = index.at_or_after(interval.low)
        key = None if interval.low == LOWEST or interval.low_open else interval.low
        return (yield from self._read(start, key, exact))

    def _first_backwards(self, exact: bool) -> Generator[Waiting, None, Found]:
        index, interval = self.plan.index, self.interval
        if interval.high == HIGHEST:
            return (yield from self._read(index.supremum, None, False))
        following = (
            index.at_or_after(interval.high) if interval.high_open else index.after(interval.high)
        )
        if self.mode is not None and self.transaction.gap_locking:
            self.locks.read(self.transaction, following, self.mode, GAP)
        start = index.previous(following)
        if start is None:
            return None
        return (yield from self._read(start, None, exact))

    def following(self) -> Generator[Waiting, None, Found]:
        exact = self.interval.point
        if exact and self.plan.unique(self.interval):
            return None
        self.committed_read = False
        self.upwards = not self.plan.backwards
        start = self._step(self.position)
        if start is None:
            return None
        return (yield from self._read(start, None, exact))

    def again(self) -> Generator[Waiting, None, Found]:
        """Read the position once more, and wait for its lock this time."""
        start = self.position
        if start.removed:
            self.committed_read = False
            start = self.plan.index.after(start.key)
        return (yield from self._read(start, None, self.interval.point))

    def _step(self, record: Record) -> Record | None:
        if not self.upwards:
            return self.plan.index.previous(record)
        return None if record.key is None else self.plan.index.next(record)

    # one record

    def _read(
        self, record: Record | None, key: SortKey | None, exact: bool
    ) -> Generator[Waiting, None, Found]:
        """The first row from this record on; `key` is what a fresh search looks for."""
        index, transaction = self.plan.index, self.transaction
        waits_now = self.committed_read
        while record is not None:
            self.position, self.fresh, self.committed_read = record, False, False
            gaps = self.mode is not None and transaction.gap_locking
            if record.key is None:
                if gaps:
                    self.locks.read(transaction, record, self.mode, NEXT_KEY)
                record = self._step(record)
                continue
            if exact and record.key[: len(self.interval.low)] != self.interval.low:
                if gaps:
                    self.locks.read(transaction, record, self.mode, GAP)
                return None
            if self.mode is None:
                version = self._shown(record)
                if version is not None:
                    return index.table.clustered_record(record), version
                record = self._after_miss(record, exact)
                continue
            flags = REC_NOT_GAP
            if transaction.gap_locking:
                equal = key is not None and record.key == key
                if not (equal and index.clustered and len(key) == index.width):
                    flags = NEXT_KEY
            elif record.deleted and implicit_holder(record) is None:
                self._passed(record)
                record = self._after_miss(record, exact)
                continue
            answer = self.locks.read(transaction, record, self.mode, flags)
            if answer == "wait":
                if self._may_peek() and not waits_now:
                    version = self._committed(record)
                    self.locks.cancel(transaction)
                    self.locks.check_waits()
                    self._note(record, version)
                    if version is not None and not version.deleted:
                        self.committed_read = True
                        return record, version
                    record = self._step(record)
                    continue
                waits_now = False
                record = yield from self._wait(record)
                continue
            self.fresh = answer == "new"
            waits_now = False
            if record.deleted:
                self._passed(record)
                record = self._after_miss(record, exact)
                continue
            if not index.clustered:
                if self.index_condition is not None:
                    if self._beyond(record):
                        return None
                    if not self.index_condition(record):
                        record = self._step(record)
                        continue
                if self.whole_row or not self.plan.covering:
                    row = index.table.clustered_record(record)
                    if self.locks.read(transaction, row, self.mode, REC_NOT_GAP) == "wait":
                        record = yield from self._wait(record)
                        continue
                    if row.deleted:
                        self._passed(row)
                        record = self._step(record)
                        continue
            row = index.table.clustered_record(record)
            self._note(row, row.version)
            return row, row.version
        return None

    def _beyond(self, record: Record) -> bool:
        if self.plan.backwards:
            return self.interval.below(record.key)
        return self.interval.above(record.key)

    def _after_miss(self, record: Record, exact: bool) -> Record | None:
        """Where to go on after a record that does not count."""
        if exact and record.index.clustered and self.plan.unique(self.interval):
            return None
        return self._step(record)

    def _wait(self, record: Record) -> Generator[Waiting, None, Record | None]:
        yield from self.wait(self.transaction)
        if not record.removed:
            return record
        following = self.plan.index.at_or_after(record.key)
        return following if self.upwards else self.plan.index.previous(following)

    def _may_peek(self) -> bool:
        return (
            self.semi_consistent
            and not self.transaction.gap_locking
            and self.plan.index.clustered
            and not self.plan.unique(self.interval)
        )

    def give_back(self) -> None:
        """Unlock a row that does not match, where that is allowed."""
        record = self.position
        if self.committed_read:
            self.committed_read = False
        elif (
            self.mode is not None
            and self.fresh
            and not self.transaction.gap_locking
            and record.index.clustered
            and record.version.writer is not self.transaction
        ):
            self.locks.unlock(self.transaction, record, self.mode)
            self.fresh = False

    # versions

    def _shown(self, record: Record) -> Version | None:
        """The version of the row that a plain read shows, if this record stands for it."""
        row = record.index.table.clustered_record(record)
        if row is None:
            return None
        version = row.version
        if self.transaction.snapshot is not None:
            while version is not None and not self.transaction.snapshot.sees(version.writer):
                version = version.previous
        elif record.deleted:
            return None
        self._note(row, version)
        if version is None or version.deleted:
            return None
        if record is not row and sort_key(record.index.entry(version.values)) != record.key:
            return None
        return version

    def _committed(self, record: Record) -> Version | None:
        version = record.version
        while version is not None and version.writer.active:
            version = version.previous
        return version

    def _note(self, record: Record, version: Version | None) -> None:
        """Remember the version of a row on which the read decided; None: not yet born."""
        key = record.index.table.primary_key(record.version.values)
        self.seen[key] = version

    def _passed(self, record: Record) -> None:
        if record.version is not None:
            self._note(record, record.version)
