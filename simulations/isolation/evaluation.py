"""What expressions mean: types, three-valued logic, and where the two servers differ.

A dialect is "postgresql", "innodb" or "standard". The differences that matter to a script:

- `/` between whole numbers: PostgreSQL cuts the fraction off, MariaDB keeps it (a Fraction here,
  rounded when it is stored). `%` takes the sign of its left side in both.
- A division by zero is error 22012 in PostgreSQL. In MariaDB it is NULL, and error 1365 in a
  statement that changes data.
- Numbers: PostgreSQL computes in 32 bits, MariaDB in 64 and checks when it stores.
- Text: MariaDB compares without regard to case and to trailing spaces.
- UPDATE ... SET a = b, b = a: PostgreSQL reads the old row, MariaDB the row as changed so far.
- ORDER BY puts NULL last in PostgreSQL and first in MariaDB.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence

from simulations.isolation.sql import (
    LARGEST,
    Aggregate,
    Binary,
    Column,
    ColumnDef,
    CreateTable,
    Expression,
    In,
    Insert,
    IsNull,
    Item,
    Literal,
    Negate,
    Not,
    Select,
    Update,
    Value,
)

Row = Mapping[str, Value]


class SqlError(Exception):
    """What the server answers: PostgreSQL's code is its SQLSTATE, MariaDB's a number."""

    def __init__(self, sqlstate: str, code: str | int, message: str) -> None:
        super().__init__(message)
        self.sqlstate, self.code, self.message = sqlstate, code, message


def evaluate(tree: Expression, row: Row, dialect: str, changing: bool = False) -> Value:
    """The value of an expression for a row; None is SQL's NULL, and unknown.

    `changing` says that the statement changes data, where MariaDB is strict.
    """
    kind = type(tree)
    if kind is Column:
        return row[tree.name]
    if kind is Literal:
        return tree.value
    if kind is Binary:
        left = evaluate(tree.left, row, dialect, changing)
        if tree.op == "and":
            if left is False:
                return False
            right = evaluate(tree.right, row, dialect, changing)
            return False if right is False else None if left is None or right is None else True
        if tree.op == "or":
            if left is True:
                return True
            right = evaluate(tree.right, row, dialect, changing)
            return True if right is True else None if left is None or right is None else False
        right = evaluate(tree.right, row, dialect, changing)
        if tree.op in COMPARE:
            return compare(tree.op, left, right, dialect)
        return arithmetic(tree.op, left, right, dialect, changing)
    if kind is Negate:
        value = evaluate(tree.operand, row, dialect, changing)
        return None if value is None else in_range(-value, dialect)
    if kind is Not:
        value = evaluate(tree.operand, row, dialect, changing)
        return None if value is None else not value
    if kind is IsNull:
        return (evaluate(tree.operand, row, dialect, changing) is None) != tree.negated
    if kind is In:
        value = evaluate(tree.operand, row, dialect, changing)
        found: bool | None = False
        for item in tree.items:
            same = compare("=", value, evaluate(item, row, dialect, changing), dialect)
            if same:
                found = True
                break
            if same is None:
                found = None
        return None if found is None else found != tree.negated
    value = evaluate(tree.operand, row, dialect, changing)
    low = compare(">=", value, evaluate(tree.low, row, dialect, changing), dialect)
    high = compare("<=", value, evaluate(tree.high, row, dialect, changing), dialect)
    if low is False or high is False:
        return tree.negated
    return None if low is None or high is None else not tree.negated


def matches(where: Expression | None, row: Row, dialect: str, changing: bool = False) -> bool:
    """Whether a WHERE keeps the row: unknown does not."""
    return where is None or evaluate(where, row, dialect, changing) is True


COMPARE: dict[str, Callable[[object, object], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compare(op: str, left: Value, right: Value, dialect: str) -> bool | None:
    if left is None or right is None:
        return None
    return COMPARE[op](collated(left, dialect), collated(right, dialect))


def collated(value: Value, dialect: str) -> Value:
    """The value as the server's default collation compares it; use it for keys, too."""
    if dialect == "innodb" and type(value) is str:
        return value.rstrip(" ").upper()
    return value


def arithmetic(op: str, left: Value, right: Value, dialect: str, changing: bool) -> Value:
    if left is None or right is None:
        return None
    if op == "+":
        return in_range(left + right, dialect)
    if op == "-":
        return in_range(left - right, dialect)
    if op == "*":
        return in_range(left * right, dialect)
    if right == 0:
        if dialect != "innodb":
            raise SqlError("22012", "22012", "division by zero")
        if changing:
            raise SqlError("22012", 1365, "Division by 0")
        return None
    if op == "/" and dialect == "innodb":
        from fractions import Fraction  # a slow module to load, for what is seldom asked

        return Fraction(left) / right
    quotient = abs(left) // abs(right)  # towards zero, unlike Python's own //
    quotient = quotient if (left < 0) == (right < 0) else -quotient
    return in_range(quotient, dialect) if op == "/" else left - right * quotient


def in_range(value: Value, dialect: str) -> Value:
    if dialect == "innodb":
        if abs(value) >= 2**63:
            raise SqlError("22003", 1690, "BIGINT value is out of range")
    elif not -LARGEST - 1 <= value <= LARGEST:
        raise SqlError("22003", "22003", "integer out of range")
    return value


# rows that a statement stores


def stored(value: Value, column: ColumnDef, table: str, dialect: str, number: int = 1):
    """The value as the column keeps it, or the server's error."""
    innodb = dialect == "innodb"
    if value is None:
        if not column.not_null:
            return None
        if innodb:
            raise SqlError("23000", 1048, f"Column '{column.name}' cannot be null")
        raise SqlError(
            "23502", "23502",
            f'null value in column "{column.name}" of relation "{table}"'
            " violates not-null constraint",
        )  # fmt: skip
    if column.type == "integer":
        if type(value) is not int:
            half_up = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
            value = half_up if value >= 0 else -half_up
        if innodb and not -LARGEST - 1 <= value <= LARGEST:
            message = f"Out of range value for column '{column.name}' at row {number}"
            raise SqlError("22003", 1264, message)
        return value
    if column.length is not None and len(value) > column.length:
        if value[column.length :].strip(" ") == "":
            return value[: column.length]
        if innodb:
            message = f"Data too long for column '{column.name}' at row {number}"
            raise SqlError("22001", 1406, message)
        message = f"value too long for type character varying({column.length})"
        raise SqlError("22001", "22001", message)
    return value


def inserted(insert: Insert, index: int, table: CreateTable, dialect: str) -> dict[str, Value]:
    """Row `index` of an INSERT, as it is stored."""
    names = insert.columns or table.names
    given = {
        name: evaluate(tree, {}, dialect, True)
        for name, tree in zip(names, insert.rows[index], strict=True)
    }
    row = {}
    for column in table.columns:
        if column.name not in given and column.not_null and dialect == "innodb":
            message = f"Field '{column.name}' doesn't have a default value"
            raise SqlError("HY000", 1364, message)
        value = given.get(column.name)
        row[column.name] = stored(value, column, table.name, dialect, index + 1)
    return row


def updated(update: Update, row: Row, table: CreateTable, dialect: str) -> dict[str, Value]:
    """The row as an UPDATE leaves it."""
    columns = {column.name: column for column in table.columns}
    new = dict(row)
    for name, tree in update.assignments:
        source = new if dialect == "innodb" else row
        value = evaluate(tree, source, dialect, True)
        new[name] = stored(value, columns[name], table.name, dialect)
    return new


def key_of(row: Row, columns: Iterable[str]) -> tuple[Value, ...]:
    return tuple(row[name] for name in columns)


# rows that a SELECT shows


def output(
    select: Select, table: CreateTable, rows: Sequence[Row], dialect: str
) -> tuple[tuple[str, ...], tuple[tuple[Value, ...], ...]]:
    """Column labels and rows of a SELECT whose matching rows, in scan order, are `rows`."""
    if not select.items:
        shown = ordered(select, rows, dialect)
        return table.names, tuple(key_of(row, table.names) for row in shown)
    columns = tuple(label(item, dialect) for item in select.items)
    if isinstance(select.items[0].expression, Aggregate):
        return columns, (tuple(total(item.expression, rows, dialect) for item in select.items),)
    shown = tuple(
        tuple(plain(evaluate(item.expression, row, dialect), dialect) for item in select.items)
        for row in ordered(select, rows, dialect)
    )
    return columns, shown


def ordered(select: Select, rows: Sequence[Row], dialect: str) -> Sequence[Row]:
    nulls_high = dialect != "innodb"

    def place(value: Value) -> tuple:
        return (nulls_high, 0) if value is None else (not nulls_high, collated(value, dialect))

    for name, descending in reversed(select.order_by):
        rows = sorted(rows, key=lambda row: place(row[name]), reverse=descending)
    return rows


def total(aggregate: Aggregate, rows: Sequence[Row], dialect: str) -> Value:
    if aggregate.operand is None:
        return len(rows)
    values = [evaluate(aggregate.operand, row, dialect) for row in rows]
    values = [value for value in values if value is not None]
    if aggregate.function == "count":
        return len(values)
    if not values:
        return None
    if aggregate.function == "sum":
        return sum(values)
    choose = min if aggregate.function == "min" else max
    return choose(values, key=lambda value: collated(value, dialect))


def plain(value: Value, dialect: str) -> Value:
    return int(value) if dialect == "innodb" and type(value) is bool else value


def label(item: Item, dialect: str) -> str:
    if item.named or dialect == "innodb" or isinstance(item.expression, Column):
        return item.label
    if isinstance(item.expression, Aggregate):
        return item.expression.function
    return "?column?"
