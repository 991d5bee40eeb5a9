"""A statement held against the tables, before anything runs: its names, and its types."""

from collections.abc import Mapping

from simulations.isolation.evaluation import COMPARE
from simulations.isolation.sql import (
    Aggregate,
    Between,
    Binary,
    Column,
    CreateTable,
    Delete,
    Expression,
    In,
    Insert,
    IsNull,
    Literal,
    Negate,
    Not,
    Schema,
    Select,
    Statement,
    Update,
)
from simulations.simulation import Problem, nearest


def check(statement: Statement, schema: Schema, dialect: str) -> None:
    """A Problem if the statement names what does not exist or mixes types."""
    if not isinstance(statement, Insert | Update | Delete | Select):
        return
    if statement.table not in schema:
        message = f"There is no table “{statement.table}”."
        if schema:
            message += nearest(statement.table, schema)
        raise Problem(message, column=statement.position)
    table = schema[statement.table]
    types = {column.name: column.type for column in table.columns}
    if isinstance(statement, Insert):
        check_insert(statement, table, types)
        return
    if statement.where is not None:
        expect(statement.where, types, "boolean", "WHERE needs a condition")
    if isinstance(statement, Update):
        for name, tree in statement.assignments:
            known(name, types, statement.position)
            expect(tree, types, types[name], f"the column `{name}` is {types[name]}")
    if isinstance(statement, Select):
        check_select(statement, types, dialect)


def check_insert(statement: Insert, table: CreateTable, types: Mapping[str, str]) -> None:
    names = statement.columns or table.names
    for name in names:
        known(name, types, statement.position)
    for row in statement.rows:
        if len(row) != len(names):
            raise Problem(
                f"This row has {len(row)} values for {len(names)} columns.",
                column=row[0].position,
            )
        for name, tree in zip(names, row, strict=True):
            expect(tree, {}, types[name], f"the column `{name}` is {types[name]}")


def check_select(statement: Select, types: Mapping[str, str], dialect: str) -> None:
    for name, _ in statement.order_by:
        known(name, types, statement.position)
    trees = [item.expression for item in statement.items]
    aggregates = [tree for tree in trees if isinstance(tree, Aggregate)]
    if aggregates and len(aggregates) < len(trees):
        other = next(tree for tree in trees if not isinstance(tree, Aggregate))
        raise Problem(
            "A SELECT lists either aggregates or values of rows; GROUP BY is outside this SQL.",
            column=other.position,
        )
    if aggregates and statement.order_by:
        raise Problem("An aggregate gives one row; leave out ORDER BY.", column=statement.position)
    if aggregates and statement.lock:
        raise Problem(
            "PostgreSQL refuses to lock the rows under an aggregate; select the rows instead.",
            column=aggregates[0].position,
        )
    for tree in trees:
        inner = tree.operand if isinstance(tree, Aggregate) else tree
        if inner is None:
            continue
        kind = type_of(inner, types)
        if isinstance(tree, Aggregate) and tree.function != "count":
            wanted = ("integer",) if tree.function == "sum" else ("integer", "text")
            if kind not in (*wanted, "null"):
                raise Problem(
                    f"{tree.function.upper()} needs {' or '.join(wanted)}, and this is {kind}.",
                    column=inner.position,
                )
        divided = division(inner) if dialect == "innodb" else None
        if divided is not None:
            raise Problem(
                "In MariaDB `/` gives a decimal number, which is not modelled in the list of a"
                " SELECT.",
                column=divided.position,
            )


def type_of(tree: Expression, types: Mapping[str, str]) -> str:
    """integer, text, boolean or null; a Problem where two of them are mixed."""
    match tree:
        case Column(name):
            known(name, types, tree.position)
            return types[name]
        case Literal(value):
            if value is None:
                return "null"
            return {bool: "boolean", int: "integer", str: "text"}[type(value)]
        case Binary(op, left, right):
            if op in ("and", "or"):
                expect(left, types, "boolean", f"{op.upper()} joins two conditions")
                expect(right, types, "boolean", f"{op.upper()} joins two conditions")
                return "boolean"
            if op in COMPARE:
                alike(left, right, types, tree.position)
                return "boolean"
            expect(left, types, "integer", f"`{op}` works on whole numbers")
            expect(right, types, "integer", f"`{op}` works on whole numbers")
            return "integer"
        case Negate(operand):
            expect(operand, types, "integer", "`-` works on whole numbers")
            return "integer"
        case Not(operand):
            expect(operand, types, "boolean", "NOT works on a condition")
        case IsNull(operand):
            type_of(operand, types)
        case In(operand, items):
            for item in items:
                alike(operand, item, types, item.position)
        case Between(operand, low, high):
            alike(operand, low, types, low.position)
            alike(operand, high, types, high.position)
    return "boolean"


def expect(tree: Expression, types: Mapping[str, str], wanted: str, why: str) -> None:
    kind = type_of(tree, types)
    if kind not in (wanted, "null"):
        raise Problem(f"This is {kind}, but {why}.", column=tree.position)


def alike(left: Expression, right: Expression, types: Mapping[str, str], position: int) -> None:
    one, other = type_of(left, types), type_of(right, types)
    if one != other and "null" not in (one, other):
        raise Problem(
            f"This compares {one} with {other}; the two servers disagree on what that means.",
            column=position,
        )


def known(name: str, types: Mapping[str, str], position: int) -> None:
    if name not in types:
        if not types:
            raise Problem(
                f"A value to insert cannot read a column, and `{name}` is one.", column=position
            )
        raise Problem(f"There is no column “{name}”.{nearest(name, types)}", column=position)


def division(tree: Expression) -> Binary | None:
    """The first `/` in a tree."""
    match tree:
        case Binary(op, left, right):
            return tree if op == "/" else division(left) or division(right)
        case Negate(operand) | Not(operand) | IsNull(operand):
            return division(operand)
        case In(operand, items):
            return next(filter(None, map(division, (operand, *items))), None)
        case Between(operand, low, high):
            return next(filter(None, map(division, (operand, low, high))), None)
    return None
