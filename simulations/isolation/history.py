"""What happened, in terms that no engine owns: versions written, versions read, how each ended.

Engines record here as they go; verdict.py judges from it alone. The words are Adya's
("Weak Consistency", MIT 1999, chapter 4):

- An object is a row, named by its table and primary key. A transaction's write of an object makes
  a version, and the versions of an object are in the order of their writes. A delete writes a
  dead version (values None). A change of the primary key is a delete and an insert.
- An item read is a read of one version's values.
- A predicate read is a WHERE that was applied to one version of every object in the table: its
  version set. The rows it returned, or changed, are item reads besides.

All version numbers are the engine's, unique in a run. `line` is the script line that runs now;
the driver keeps it up to date, so that a verdict can say which statement did it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulations.isolation.sql import Expression, Value

SETUP = "setup"  # the transaction that the setup statements make up
Key = tuple[Value, ...]
Object = tuple[str, Key]


@dataclass(frozen=True, slots=True)
class Write:
    order: int  # of all that happened in the run
    line: int
    txn: str
    object: Object
    version: int
    kind: str  # insert update delete
    values: Mapping[str, Value] | None  # None: dead


@dataclass(frozen=True, slots=True)
class Read:
    order: int
    line: int
    txn: str
    version: int


@dataclass(frozen=True, slots=True)
class PredicateRead:
    order: int
    line: int
    txn: str
    table: str
    where: Expression | None
    seen: Mapping[Key, int]  # objects that are not here were not yet born


@dataclass(slots=True)
class History:
    """`dialect` is how a WHERE is evaluated."""

    dialect: str = "standard"
    line: int = 0
    order: int = 0
    status: dict[str, str] = field(default_factory=dict)  # open committed aborted
    ended: dict[str, int] = field(default_factory=dict)  # when, in `order`
    writes: dict[int, Write] = field(default_factory=dict)  # by version, in order
    undone: set[int] = field(default_factory=set)  # versions
    reads: list[Read] = field(default_factory=list)
    predicate_reads: list[PredicateRead] = field(default_factory=list)
    matched: dict[tuple[int, int], bool] = field(default_factory=dict)  # a WHERE, a version: kept

    def begin(self, txn: str) -> None:
        """The transaction's name: T1, then T1.2, T1.3 for the session's later ones."""
        self.order += 1
        self.status[txn] = "open"

    def write(
        self, txn: str, object: Object, version: int, kind: str, values: Mapping[str, Value] | None
    ) -> None:
        self.order += 1
        self.writes[version] = Write(
            self.order, self.line, txn, object, version, kind,
            None if values is None else dict(values),
        )  # fmt: skip

    def settle(self, version: int) -> None:
        """The write took place only now: it had to wait until its key was known to be free."""
        self.order += 1
        self.writes[version] = replace(self.writes.pop(version), order=self.order)

    def read(self, txn: str, version: int) -> None:
        self.order += 1
        self.reads.append(Read(self.order, self.line, txn, version))

    def predicate_read(
        self, txn: str, table: str, where: Expression | None, seen: Mapping[Key, int | None]
    ) -> None:
        """`seen` has, for every object of the table that anyone has ever written, the version on
        which this read decided, dead ones included; None, or no entry: not yet born to it.
        A row that was waited for and read again counts with the version of the second look.
        """
        self.order += 1
        known = {key: version for key, version in seen.items() if version is not None}
        self.predicate_reads.append(PredicateRead(self.order, self.line, txn, table, where, known))

    def undo(self, version: int) -> None:
        """A savepoint, or the failure of its statement, took this version back."""
        self.undone.add(version)

    def commit(self, txn: str) -> None:
        self.order += 1
        self.status[txn] = "committed"
        self.ended[txn] = self.order

    def abort(self, txn: str) -> None:
        """Rolled back, by itself or by the engine."""
        self.order += 1
        self.status[txn] = "aborted"
        self.ended[txn] = self.order
