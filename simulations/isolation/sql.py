"""The SQL that a script may use, as a syntax tree: frozen, and nothing but data.

Names are in lower case, as both servers fold unquoted names. Every statement keeps its words in
`.text`, and what can be wrong later keeps its position, a 1-based column in that text.

parser.py makes these trees, checks.py holds them against the tables, evaluation.py says what they
mean.
"""

from collections.abc import Mapping
from typing import Any, Self

Value = int | str | bool | None
LARGEST = 2**31 - 1


class Tree:
    """A frozen record: made from its annotations, compared by all but its position and its text.

    This is what @dataclass would make. But that writes and compiles code for each class, and there
    are so many here that it would be a good part of what the browser does before the first run.
    """

    def __init_subclass__(cls) -> None:
        cls.__match_args__ = tuple(cls.__annotations__)

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        self.__dict__.update(zip(names, values, strict=False))
        self.__dict__.update(named)
        missing = [name for name in names if not hasattr(self, name)]
        if missing or len(values) > len(names) or not named.keys() <= set(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}.")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed.")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return self._compared().__hash__()

    def __repr__(self) -> str:
        told = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({', '.join(told)})"

    def _compared(self) -> tuple:
        names = (name for name in self.__match_args__ if name not in ("position", "text"))
        return tuple(getattr(self, name) for name in names)

    def but(self, **changes: Any) -> Self:
        """The same with these fields changed."""
        return type(self)(**{**self.__dict__, **changes})


class Column(Tree):
    name: str
    position: int = 1


class Literal(Tree):
    value: Value
    position: int = 1


class Binary(Tree):
    op: str  # + - * / %   = <> < <= > >=   and or
    left: "Expression"
    right: "Expression"
    position: int = 1


class Negate(Tree):
    operand: "Expression"
    position: int = 1


class Not(Tree):
    operand: "Expression"
    position: int = 1


class IsNull(Tree):
    operand: "Expression"
    negated: bool
    position: int = 1


class In(Tree):
    operand: "Expression"
    items: tuple["Expression", ...]
    negated: bool
    position: int = 1


class Between(Tree):
    operand: "Expression"
    low: "Expression"
    high: "Expression"
    negated: bool
    position: int = 1


Expression = Column | Literal | Binary | Negate | Not | IsNull | In | Between


class Aggregate(Tree):
    function: str  # count sum min max
    operand: Expression | None  # None is COUNT(*)
    position: int = 1


class Item(Tree):
    expression: Expression | Aggregate
    label: str  # its AS name, or the item as written
    named: bool = False  # True if the label is an AS name


class ColumnDef(Tree):
    name: str
    type: str  # integer text
    not_null: bool
    text: str  # the type as written
    length: int | None = None  # of a VARCHAR


class Key(Tree):
    name: str  # PostgreSQL's own name for it, such as test_pkey or test_email_key
    columns: tuple[str, ...]
    primary: bool


class CreateTable(Tree):
    name: str
    columns: tuple[ColumnDef, ...]
    keys: tuple[Key, ...]  # the primary key first
    text: str = ""

    @property
    def primary(self) -> tuple[str, ...]:
        return self.keys[0].columns

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


class Insert(Tree):
    table: str
    columns: tuple[str, ...]  # empty: all, in the table's order
    rows: tuple[tuple[Expression, ...], ...]
    position: int = 1
    text: str = ""


class Update(Tree):
    table: str
    assignments: tuple[tuple[str, Expression], ...]
    where: Expression | None
    position: int = 1
    text: str = ""


class Delete(Tree):
    table: str
    where: Expression | None
    position: int = 1
    text: str = ""


class Select(Tree):
    items: tuple[Item, ...]  # empty: all columns (*)
    table: str
    where: Expression | None
    order_by: tuple[tuple[str, bool], ...]  # column, descending
    lock: str | None  # None update share
    position: int = 1
    text: str = ""


class Begin(Tree):
    level: str | None = None  # None: the run's level
    read_only: bool = False
    text: str = ""


class SetTransaction(Tree):
    level: str | None
    read_only: bool | None  # None: not said
    text: str = ""


class Savepoint(Tree):
    name: str
    text: str = ""


class RollbackTo(Tree):
    name: str
    text: str = ""


class Release(Tree):
    name: str
    text: str = ""


class Commit(Tree):
    text: str = ""


class Rollback(Tree):
    text: str = ""


Statement = (
    CreateTable | Insert | Update | Delete | Select | Begin | SetTransaction
    | Savepoint | RollbackTo | Release | Commit | Rollback
)  # fmt: skip
Schema = Mapping[str, CreateTable]

LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")
AGGREGATES = ("count", "sum", "min", "max")
