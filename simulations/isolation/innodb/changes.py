"""Changes of rows: in the clustered index first, then in each unique index; and their undo.

Rules:

- INSERT: if a record with the key is there, it is read with a shared lock; unless it is marked
  as deleted that is error 1062, else the new row takes the marked record over (X). If there is
  none, the insert asks for the gap. Then each UNIQUE key: every record with the same key, and the
  next one, gets a shared next-key lock, at all levels; then the insert asks for that gap.
- UPDATE writes a new version in place, or, if the primary key changes, marks the record and
  inserts another. A changed UNIQUE key: mark the old index record (X), insert the new one.
- DELETE marks the row and then its index records (X).
- The lock for a write is only made if somebody is in the way. Each step that waits is done again
  from its beginning.
- An error takes back the statement's changes, newest first. The locks stay. Undoing an insert
  removes the records, and their successors inherit the locks on them.

Sources: MariaDB 10.11 storage/innobase/row: row0ins.cc (row_ins_clust_index_entry_low,
row_ins_duplicate_error_in_clust, row_ins_scan_sec_index_for_duplicate), row0upd.cc
(row_upd_clust_step, row_upd_sec_index_entry), row0uins.cc, row0umod.cc; btr0cur.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from simulations.isolation.engine import Waiting
from simulations.isolation.evaluation import SqlError
from simulations.isolation.history import History
from simulations.isolation.innodb.locks import NEXT_KEY, REC_NOT_GAP, LockSystem
from simulations.isolation.innodb.records import (
    Index,
    Record,
    Table,
    Transaction,
    Undo,
    Values,
    Version,
    sort_key,
)
from simulations.isolation.innodb.search import Wait

Step = Generator[Waiting, None, None]


def duplicate(index: Index, values: Values) -> SqlError:
    entry = "-".join("NULL" if v is None else str(v) for v in index.entry(values)[: index.width])
    return SqlError("23000", 1062, f"Duplicate entry '{entry}' for key '{index.name}'")


@dataclass(slots=True)
class Changes:
    locks: LockSystem
    wait: Wait
    history: History
    number: Callable[[], int]  # of the next version

    def insert(self, transaction: Transaction, table: Table, values: Values) -> Step:
        yield from self._insert_row(transaction, table, values)
        for index in table.secondary:
            yield from self._insert_entry(transaction, index, values)
        table.count(1)

    def update(self, transaction: Transaction, record: Record, values: Values) -> Step:
        table, old = record.index.table, record.version.values
        if table.primary_key(old) != table.primary_key(values):
            self._write(transaction, "delete", record, old, deleted=True)
            yield from self._insert_row(transaction, table, values)
            changed = table.secondary
        else:
            self._write(transaction, "update", record, values, deleted=False)
            changed = [
                index for index in table.secondary if index.entry(old) != index.entry(values)
            ]
        for index in changed:
            yield from self._mark_entry(transaction, index, old)
            yield from self._insert_entry(transaction, index, values)

    def delete(self, transaction: Transaction, record: Record) -> Step:
        values = record.version.values
        self._write(transaction, "delete", record, values, deleted=True)
        for index in record.index.table.secondary:
            yield from self._mark_entry(transaction, index, values)
        record.index.table.count(-1)

    # the clustered index

    def _write(
        self, transaction: Transaction, kind: str, record: Record, values: Values, *, deleted: bool
    ) -> None:
        """A new version of the row in its place."""
        table, before = record.index.table, record.version
        transaction.undo.append(Undo(kind, table, record, before))
        self._place(record, Version(self.number(), values, deleted, transaction, before))
        self.history.write(
            transaction.name,
            (table.name, table.primary_key(values)),
            record.version.id,
            "insert" if kind == "revive" else kind,
            None if deleted else table.row(values),
        )

    def _place(self, record: Record, version: Version) -> None:
        resized = sizes(record.version.values) != sizes(version.values)
        record.version = version
        record.entry = record.index.entry(version.values)
        if resized:
            self.locks.moved(record)

    def _insert_row(self, transaction: Transaction, table: Table, values: Values) -> Step:
        index = table.clustered
        key = sort_key(index.entry(values))
        while True:
            there = index.find(key)
            if there is not None:
                answer = self.locks.read(transaction, there, "S", REC_NOT_GAP)
                if answer == "wait":
                    yield from self.wait(transaction)
                    continue
                if not there.deleted:
                    self.history.read(transaction.name, there.version.id)
                    raise duplicate(index, values)
                if self.locks.modify(transaction, there) == "wait":
                    yield from self.wait(transaction)
                    continue
                self._write(transaction, "revive", there, values, deleted=False)
                return
            answer = self.locks.insert(transaction, index.at_or_after(key))
            if answer == "wait":
                yield from self.wait(transaction)
                continue
            version = Version(self.number(), values, False, transaction, None)
            record = Record(index, key, index.entry(values), version)
            transaction.undo.append(Undo("insert", table, record, None))
            index.insert(record)
            self.history.write(
                transaction.name,
                (table.name, table.primary_key(values)),
                version.id,
                "insert",
                table.row(values),
            )
            if answer == "inherit":
                self.locks.inserted(record)
            return

    # the secondary indexes

    def _insert_entry(self, transaction: Transaction, index: Index, values: Values) -> Step:
        entry = index.entry(values)
        key = sort_key(entry)
        while True:
            if not (yield from self._check_unique(transaction, index, values, key)):
                continue
            there = index.find(key)
            if there is not None:
                if self.locks.modify(transaction, there) == "wait":
                    yield from self.wait(transaction)
                    continue
                resized = sizes(there.entry) != sizes(entry)
                there.marked, there.entry = False, entry
                if resized:
                    self.locks.moved(there)
                return
            answer = self.locks.insert(transaction, index.at_or_after(key))
            if answer == "wait":
                yield from self.wait(transaction)
                continue
            record = Record(index, key, entry)
            index.insert(record)
            if answer == "inherit":
                self.locks.inserted(record)
            return

    def _check_unique(
        self, transaction: Transaction, index: Index, values: Values, key: tuple
    ) -> Generator[Waiting, None, bool]:
        """Lock what could be a duplicate; False: it waited, so begin again."""
        wanted = key[: index.width]
        record = index.at_or_after(wanted)
        if record.key is None or record.key[: index.width] != wanted or (0,) in wanted:
            return True
        while True:
            if self.locks.read(transaction, record, "S", NEXT_KEY) == "wait":
                yield from self.wait(transaction)
                return False
            if record.key is None or record.key[: index.width] != wanted:
                return True
            if not record.marked:
                row = index.table.clustered_record(record)
                self.history.read(transaction.name, row.version.id)
                raise duplicate(index, values)
            record = index.next(record)

    def _mark_entry(self, transaction: Transaction, index: Index, values: Values) -> Step:
        key = sort_key(index.entry(values))
        while True:
            record = index.find(key)
            if record.marked:
                return
            if self.locks.modify(transaction, record) != "wait":
                record.marked = True
                return
            yield from self.wait(transaction)

    # undo

    def roll_back(self, transaction: Transaction, mark: int, *, goes_on: bool) -> None:
        """Take back the changes since there were `mark` of them; the locks stay."""
        while len(transaction.undo) > mark:
            undo = transaction.undo[-1]
            record, newest = undo.record, undo.record.version
            if goes_on:
                self.history.undo(newest.id)
            if undo.kind == "insert":
                for index in undo.table.secondary:
                    self._remove(index, index.find(sort_key(index.entry(newest.values))))
                self._remove(undo.table.clustered, record)
            else:
                self._undo_entries(undo, newest)
                self._place(record, undo.before)
            undo.table.count({"insert": -1, "revive": -1, "delete": 1}.get(undo.kind, 0))
            transaction.undo.pop()

    def _undo_entries(self, undo: Undo, newest: Version) -> None:
        for index in undo.table.secondary:
            old, new = index.entry(undo.before.values), index.entry(newest.values)
            if undo.kind == "update" and old == new:
                continue
            if undo.kind in ("update", "revive"):
                self._unneeded(index, undo.record, new)
            if undo.kind in ("update", "delete"):
                there = index.find(sort_key(old))
                there.marked, there.entry = False, old

    def _unneeded(self, index: Index, row: Record, entry: Values) -> None:
        """Mark the index record of a version that goes, or remove it if no older one needs it."""
        key = sort_key(entry)
        record = index.find(key)
        if record is None:
            return  # the statement failed before it came here
        version = row.version.previous
        while version is not None:
            if not version.deleted and sort_key(index.entry(version.values)) == key:
                record.marked = True
                return
            version = version.previous
        self._remove(index, record)

    def _remove(self, index: Index, record: Record | None) -> None:
        if record is None:
            return
        following = index.next(record)
        index.remove(record)
        self.locks.removed(record, following)


def sizes(values: Values) -> tuple[int, ...]:
    """What a record needs for each value."""
    return tuple(
        -1 if value is None else len(value.encode()) if type(value) is str else 4
        for value in values
    )
