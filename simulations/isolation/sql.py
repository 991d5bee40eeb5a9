"""The SQL that a script may use, as a syntax tree: frozen, and nothing but data.

Names are in lower case, as both servers fold unquoted names. Every statement keeps its words in
`.text`, and what can be wrong later keeps its position, a 1-based column in that text.

parser.py makes these trees, checks.py holds them against the tables, evaluation.py says what they
mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = int | str | bool | None
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    op: str  # + - * / %   = <> < <= > >=   and or
    left: "Expression"
    right: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Negate:
    operand: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: "Expression"
    negated: bool
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    operand: "Expression"
    items: tuple["Expression", ...]
    negated: bool
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Between:
    operand: "Expression"
    low: "Expression"
    high: "Expression"
    negated: bool
    position: int = field(default=1, compare=False)


Expression = Column | Literal | Binary | Negate | Not | IsNull | In | Between


@dataclass(frozen=True, slots=True)
class Aggregate:
    function: str  # count sum min max
    operand: Expression | None  # None is COUNT(*)
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Item:
    expression: Expression | Aggregate
    label: str  # its AS name, or the item as written
    named: bool = False  # True if the label is an AS name


@dataclass(frozen=True, slots=True)
class ColumnDef:
    name: str
    type: str  # integer text
    not_null: bool
    text: str  # the type as written
    length: int | None = None  # of a VARCHAR


@dataclass(frozen=True, slots=True)
class Key:
    name: str  # PostgreSQL's own name for it, such as test_pkey or test_email_key
    columns: tuple[str, ...]
    primary: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    name: str
    columns: tuple[ColumnDef, ...]
    keys: tuple[Key, ...]  # the primary key first
    text: str = field(default="", compare=False)

    @property
    def primary(self) -> tuple[str, ...]:
        return self.keys[0].columns

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Insert:
    table: str
    columns: tuple[str, ...]  # empty: all, in the table's order
    rows: tuple[tuple[Expression, ...], ...]
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Update:
    table: str
    assignments: tuple[tuple[str, Expression], ...]
    where: Expression | None
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    where: Expression | None
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]  # empty: all columns (*)
    table: str
    where: Expression | None
    order_by: tuple[tuple[str, bool], ...]  # column, descending
    lock: str | None  # None update share
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Begin:
    level: str | None = None  # None: the run's level
    read_only: bool = False
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SetTransaction:
    level: str | None
    read_only: bool | None  # None: not said
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Savepoint:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RollbackTo:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Release:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Commit:
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rollback:
    text: str = field(default="", compare=False)


Statement = (
    CreateTable | Insert | Update | Delete | Select | Begin | SetTransaction
    | Savepoint | RollbackTo | Release | Commit | Rollback
)  # fmt: skip
Schema = Mapping[str, CreateTable]

LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")
AGGREGATES = ("count", "sum", "min", "max")
