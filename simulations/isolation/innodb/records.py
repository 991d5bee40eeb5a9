"""Tables as InnoDB keeps them: an index is a page of records, a row is a chain of versions.

Rules:

- The clustered index is the table: its records are in primary key order and hold the newest
  version of each row. Every version points back to the one it replaced (the undo log). A UNIQUE
  key is a secondary index; its records hold the key and the primary key, and no versions.
- A delete only marks the record. The mark is a version too, since older snapshots still see the
  row. Purge would remove marked records once no snapshot needs them; here it never runs within a
  script, so marked records stay, and stay lockable.
- A change of a key column marks the old record of that index and inserts a new one.
- A record that a transaction wrote is locked by it implicitly: there is no lock until somebody
  asks. In the clustered index the version says who wrote it; in a secondary index it is worked
  out from the versions of the row (row_vers_impl_x_locked).
- A page ends with the supremum, which stands for the gap after the last record. All tables here
  fit one page.

Sources: MariaDB 10.11 storage/innobase: row0vers.cc, row0row.cc, read0types.h, btr0cur.cc.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import attrgetter

from simulations.isolation.evaluation import collated
from simulations.isolation.sql import CreateTable, Value

Values = tuple[Value, ...]  # a row, in the order of the table's columns
SortKey = tuple[tuple, ...]

by_key = attrgetter("key")


def sort_key(values: Values) -> SortKey:
    """How an index orders values: NULL first, text by its collation."""
    return tuple((0,) if value is None else (1, collated(value, "innodb")) for value in values)


@dataclass(eq=False, slots=True)
class Transaction:
    """What InnoDB knows of one transaction."""

    name: str  # T1, T1.2
    session: str
    level: str
    number: int  # the order in which transactions started
    autocommit: bool = False  # a statement outside BEGIN
    undo: list[Undo] = field(default_factory=list)
    locks: list = field(default_factory=list)  # its lock structures, oldest first
    wait_lock: object | None = None
    wait_for: Transaction | None = None  # the one transaction that deadlock detection looks at
    victim: bool = False
    timed_out: bool = False
    committed: int | None = None  # when, in commits
    snapshot: Snapshot | None = None

    @property
    def active(self) -> bool:
        return self.committed is None

    @property
    def gap_locking(self) -> bool:
        return self.level in ("repeatable read", "serializable")


@dataclass(eq=False, slots=True)
class Snapshot:
    """A read view: what was committed when it was made, and one's own changes."""

    owner: Transaction
    commits: int

    def sees(self, writer: Transaction) -> bool:
        if writer is self.owner:
            return True
        return writer.committed is not None and writer.committed <= self.commits


@dataclass(eq=False, slots=True)
class Version:
    id: int
    values: Values
    deleted: bool
    writer: Transaction
    previous: Version | None


@dataclass(eq=False, slots=True)
class Record:
    index: Index
    key: SortKey | None  # None: the supremum
    entry: Values  # as stored: the key columns, in a secondary index the primary key's besides
    version: Version | None = None  # in the clustered index
    marked: bool = False  # delete-marked, in a secondary index
    removed: bool = False  # no longer on the page

    @property
    def deleted(self) -> bool:
        return self.marked if self.version is None else self.version.deleted


@dataclass(eq=False, slots=True)
class Index:
    table: Table
    name: str
    columns: tuple[str, ...]
    clustered: bool
    positions: tuple[int, ...]  # of the key columns in a row; with the primary key's if secondary
    width: int  # of the key itself
    records: list[Record] = field(default_factory=list)
    supremum: Record = None
    infimum: Record = None  # holds locks for a moment, never in the queue's way

    def entry(self, values: Values) -> Values:
        return tuple(values[position] for position in self.positions)

    def find(self, key: SortKey) -> Record | None:
        at = bisect_left(self.records, key, key=by_key)
        if at < len(self.records) and self.records[at].key == key:
            return self.records[at]
        return None

    def at_or_after(self, key: SortKey) -> Record:
        """The first record whose key, as far as `key` goes, is not below it."""
        return self._at(bisect_left(self.records, key, key=by_key))

    def after(self, key: SortKey) -> Record:
        """The first record above every record that `key` is a prefix of."""
        return self._at(bisect_right(self.records, key, key=lambda r: r.key[: len(key)]))

    def next(self, record: Record) -> Record:
        return self._at(bisect_right(self.records, record.key, key=by_key))

    def previous(self, record: Record) -> Record | None:
        """The record before, None at the start of the page."""
        if record.key is None:
            return self.records[-1] if self.records else None
        at = bisect_left(self.records, record.key, key=by_key)
        return self.records[at - 1] if at else None

    def _at(self, position: int) -> Record:
        return self.records[position] if position < len(self.records) else self.supremum

    def insert(self, record: Record) -> None:
        self.records.insert(bisect_left(self.records, record.key, key=by_key), record)

    def remove(self, record: Record) -> None:
        self.records.remove(record)
        record.removed = True


@dataclass(eq=False, slots=True)
class Table:
    definition: CreateTable
    clustered: Index = None
    secondary: tuple[Index, ...] = ()
    counted: int = 0  # rows, as the statistics count them: not quite right after failed inserts

    def __init__(self, definition: CreateTable) -> None:
        self.definition, self.counted = definition, 0
        names = definition.names
        primary = tuple(names.index(column) for column in definition.primary)
        indexes = []
        for key in definition.keys:
            columns = tuple(names.index(column) for column in key.columns)
            suffix = () if key.primary else tuple(p for p in primary if p not in columns)
            index = Index(
                self, _name(key, indexes), key.columns, key.primary, columns + suffix, len(columns)
            )
            index.supremum = Record(index, None, ())
            index.infimum = Record(index, ((-1,),), ())
            indexes.append(index)
        self.clustered, self.secondary = indexes[0], tuple(indexes[1:])

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def indexes(self) -> tuple[Index, ...]:
        return (self.clustered, *self.secondary)

    def row(self, values: Values) -> dict[str, Value]:
        return dict(zip(self.definition.names, values, strict=True))

    def primary_key(self, values: Values) -> Values:
        return tuple(values[position] for position in self.clustered.positions)

    def count(self, change: int) -> None:
        self.counted = max(0, self.counted + change)

    def clustered_record(self, record: Record) -> Record:
        """The row of a secondary index record."""
        index, values = record.index, dict(zip(record.index.positions, record.entry, strict=True))
        key = tuple(values[position] for position in self.clustered.positions)
        if index.clustered:
            return record
        return self.clustered.find(sort_key(key))


def _name(key, indexes: list[Index]) -> str:
    """MariaDB names an unnamed key after its first column: u, u_2."""
    if key.primary:
        return "PRIMARY"
    taken = {index.name.lower() for index in indexes}
    name, number = key.columns[0], 1
    while name.lower() in taken or name.lower() == "primary":
        number += 1
        name = f"{key.columns[0]}_{number}"
    return name


@dataclass(frozen=True, slots=True)
class Undo:
    """One change of one clustered record, and how to take it back."""

    kind: str  # insert update delete; revive: an insert that took over a delete-marked record
    table: Table
    record: Record
    before: Version | None


def implicit_holder(record: Record) -> Transaction | None:
    """The active transaction that wrote this record and so locks it, lock or no lock."""
    if record.version is not None:
        return record.version.writer if record.version.writer.active else None
    row = record.index.table.clustered_record(record)
    if row is None or not row.version.writer.active:
        return None
    # The last writer of the row holds the record if one of its versions of the row would have
    # needed the record in another state than it is in.
    writer, version = row.version.writer, row.version
    while True:
        before = version.previous
        if before is None:
            return None if record.marked else writer
        entry = record.index.entry(before.values)
        if sort_key(entry) == record.key:
            if record.marked != before.deleted or entry != record.entry:
                return writer
        elif not record.marked:
            return writer
        if before.writer is not writer:
            return None
        version = before
