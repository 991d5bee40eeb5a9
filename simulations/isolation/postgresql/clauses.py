"""A WHERE as the planner sees it: constants folded, NOT pushed down, ANDed clauses in a list.

Rules (optimizer/util/clauses.c, optimizer/prep/prepqual.c, utils/adt/selfuncs.c,
optimizer/path/clausesel.c). Constants are folded from left to right, so that `1/0 = 1` fails even
on an empty table, but not to the right of a FALSE that is ANDed with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from simulations.isolation.evaluation import SqlError, evaluate, inserted, stored
from simulations.isolation.sql import (
    Aggregate,
    Between,
    Binary,
    Column,
    CreateTable,
    Expression,
    In,
    Insert,
    IsNull,
    Literal,
    Negate,
    Not,
    Select,
    Statement,
    Update,
)

OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
ONE_THIRD, RANGE, UNKNOWN, DISTINCT = 0.3333333333333333, 0.005, 0.005, 200.0


@dataclass(frozen=True, slots=True)
class Clause:
    tree: Expression
    column: str | None = None  # of `column op constant`
    op: str = "other"  # = <> < <= > >= in null, "not null", or, other
    elements: int = 1  # of IN
    sides: tuple[tuple[Clause, ...], ...] = ()  # of OR
    operators: float = 1.0  # calls per row, for the cost
    negated: bool = False  # NOT IN

    @property
    def value(self) -> object:
        """The constant of `column op constant`."""
        return self.tree.right.value


def clauses_of(where: Expression | None) -> tuple[list[Clause], bool]:
    """The clauses, and whether they can never hold."""
    if where is None:
        return [], False
    folded = fold(where)
    if isinstance(folded, Literal):
        return [], folded.value is not True
    clauses: list[Clause] = []
    for tree in common_out(ands(folded)):
        if isinstance(tree, Literal):
            if tree.value is not True:
                return [], True
            continue
        clause = clause_of(tree)
        if clause not in clauses:
            clauses.append(clause)
    fixed: dict[str, object] = {}
    for clause in clauses:
        if clause.op == "=" and fixed.setdefault(clause.column, clause.value) != clause.value:
            return clauses, True
    return clauses, False


def check_constants(statement: Statement, table: CreateTable) -> None:
    """Compute what does not depend on a row, as planning does: it may fail, whatever the rows."""
    if isinstance(statement, Insert):
        for number in range(len(statement.rows)):
            with suppress_not_null():
                inserted(statement, number, table, "postgresql")
        return
    if isinstance(statement, Select):
        for item in statement.items:
            tree = item.expression
            tree = tree.operand if isinstance(tree, Aggregate) else tree
            if tree is not None:
                fold(tree)
    if isinstance(statement, Update):
        columns = {column.name: column for column in table.columns}
        for name, tree in statement.assignments:
            folded = fold(tree)
            if isinstance(folded, Literal):
                with suppress_not_null():
                    stored(folded.value, columns[name], table.name, "postgresql")
    if statement.where is not None:
        fold(statement.where)


@contextmanager
def suppress_not_null() -> Iterator[None]:
    """NOT NULL is checked row by row, when the row is stored."""
    try:
        yield
    except SqlError as error:
        if error.code != "23502":
            raise


def fold(tree: Expression) -> Expression:
    """The tree without constant parts, NOTs on top of comparisons, and BETWEENs."""
    match tree:
        case Column() | Literal():
            return tree
        case Not(operand):
            return negate(operand)
        case Between(operand, low, high, negated):
            if negated:
                return fold(Binary("or", Binary("<", operand, low), Binary(">", operand, high)))
            return fold(Binary("and", Binary(">=", operand, low), Binary("<=", operand, high)))
        case Binary("and" | "or" as op, left, right):
            return fold_logic(op, [*spread(op, left), *spread(op, right)])
        case Binary(op, left, right):
            left, right = fold(left), fold(right)
            if any(isinstance(side, Literal) and side.value is None for side in (left, right)):
                return Literal(None)
            return constant(Binary(op, left, right))
        case Negate(operand):
            return constant(Negate(fold(operand)))
        case IsNull(operand, negated):
            return constant(IsNull(fold(operand), negated))
        case In(operand, items, negated):
            items = tuple(fold(item) for item in items)
            if len(items) == 1:
                return fold(Binary("<>" if negated else "=", operand, items[0]))
            return constant(In(fold(operand), items, negated))
    raise TypeError(tree)


def constant(tree: Expression) -> Expression:
    if all(isinstance(part, Literal) for part in parts(tree)):
        return Literal(evaluate(tree, {}, "postgresql"))
    return tree


def parts(tree: Expression) -> list[Expression]:
    match tree:
        case Binary(_, left, right):
            return [left, right]
        case Negate(operand) | IsNull(operand):
            return [operand]
        case In(operand, items):
            return [operand, *items]
    return []


def spread(op: str, tree: Expression) -> list[Expression]:
    if isinstance(tree, Binary) and tree.op == op:
        return [*spread(op, tree.left), *spread(op, tree.right)]
    return [tree]


def ands(tree: Expression) -> list[Expression]:
    return spread("and", tree)


def fold_logic(op: str, sides: list[Expression]) -> Expression:
    decides = op == "or"  # TRUE decides an OR, FALSE an AND
    kept: list[Expression] = []
    unknown = False
    for side in (part for raw in sides for part in spread(op, fold(raw))):
        if isinstance(side, Literal):
            if side.value is decides:
                return side
            unknown = unknown or side.value is None
        else:
            kept.append(side)
    if unknown:
        kept.append(Literal(None))
    if not kept:
        return Literal(not decides)
    return joined(op, kept)


def joined(op: str, sides: Sequence[Expression]) -> Expression:
    tree = sides[0]
    for side in sides[1:]:
        tree = Binary(op, tree, side)
    return tree


def negate(tree: Expression) -> Expression:
    match tree:
        case Not(operand):
            return fold(operand)
        case Binary("and" | "or" as op, left, right):
            other = "or" if op == "and" else "and"
            return fold(Binary(other, Not(left), Not(right)))
        case Binary(op, left, right) if op in OPPOSITE:
            return fold(Binary(OPPOSITE[op], left, right))
        case IsNull(operand, negated):
            return fold(IsNull(operand, not negated))
        case In(operand, items, negated):
            return fold(In(operand, items, not negated))
        case Between(operand, low, high, negated):
            return fold(Between(operand, low, high, not negated))
    folded = fold(tree)
    if isinstance(folded, Literal):
        return Literal(None if folded.value is None else not folded.value)
    return Not(folded)


def common_out(trees: list[Expression]) -> list[Expression]:
    """Take what every side of an OR has in common out of it (process_duplicate_ors)."""
    found: list[Expression] = []
    for tree in trees:
        sides = [ands(side) for side in spread("or", tree)]
        if len(sides) == 1:
            found.append(tree)
            continue
        shared = [part for part in sides[0] if all(part in side for side in sides[1:])]
        found.extend(dict.fromkeys(shared))
        rests = [[part for part in side if part not in shared] for side in sides]
        if all(rests):
            unique = list(dict.fromkeys(joined("and", rest) for rest in rests))
            found.append(joined("or", unique))
    return found


def clause_of(tree: Expression) -> Clause:
    match tree:
        case Binary("or"):
            sides = tuple(
                tuple(clause_of(part) for part in ands(side)) for side in spread("or", tree)
            )
            calls = sum(clause.operators for side in sides for clause in side)
            return Clause(tree, op="or", sides=sides, operators=calls)
        case Binary(op, Column(name), Literal()) if op in OPPOSITE:
            return Clause(tree, name, op)
        case Binary(op, Literal() as value, Column(name) as column) if op in OPPOSITE:
            return Clause(Binary(SWAPPED[op], column, value), name, SWAPPED[op])
        case In(Column(name), items, negated) if all(isinstance(i, Literal) for i in items):
            calls = len(items) * 0.5
            op = "not in" if negated else "in"
            return Clause(tree, name, op, len(items), operators=calls, negated=negated)
        case IsNull(Column(name), negated):
            return Clause(tree, name, "not null" if negated else "null", operators=0.0)
    return Clause(tree, operators=calls_in(tree))


def calls_in(tree: Expression) -> float:
    match tree:
        case Binary(op, left, right):
            return calls_in(left) + calls_in(right) + (op not in ("and", "or"))
        case Negate(operand):
            return 1.0 + calls_in(operand)
        case IsNull(operand) | Not(operand):
            return calls_in(operand)
        case In(operand, items):
            return calls_in(operand) + sum(map(calls_in, items)) + len(items) * 0.5
    return 0.0


# how many rows they keep


def selectivity(clauses: Sequence[Clause], unique: set[str], tuples: float) -> float:
    """The guessed part of the rows for which all hold."""
    product = 1.0
    bounds: dict[str, set[str]] = {}
    for clause in clauses:
        if clause.column is not None and clause.op in ("<", "<=", ">", ">="):
            bounds.setdefault(clause.column, set()).add(clause.op[0])
        else:
            product *= chance(clause, unique, tuples)
    for directions in bounds.values():
        product *= RANGE if len(directions) == 2 else ONE_THIRD
    return product


def chance(clause: Clause, unique: set[str], tuples: float) -> float:
    equal = 1.0 / (tuples if clause.column in unique else min(DISTINCT, tuples))
    match clause.op:
        case "=":
            return equal
        case "<>":
            return 1.0 - equal
        case "in":
            return min(1.0, equal * clause.elements)
        case "not in":
            return max(0.0, 1.0 - equal * clause.elements)
        case "null":
            return UNKNOWN
        case "not null":
            return 1.0 - UNKNOWN
        case "or":
            found = 0.0
            for side in clause.sides:
                here = selectivity(side, unique, tuples)
                found = found + here - found * here
            return found
        case "<" | "<=" | ">" | ">=":
            return ONE_THIRD
    return guess(clause.tree)


def guess(tree: Expression) -> float:
    match tree:
        case Binary("=", _, _):
            return 1.0 / DISTINCT
        case Binary("<>", _, _):
            return 1.0 - 1.0 / DISTINCT
        case Binary(op, _, _) if op in OPPOSITE:
            return ONE_THIRD
        case IsNull(_, negated):
            return 1.0 - UNKNOWN if negated else UNKNOWN
        case Not(operand):
            return 1.0 - guess(operand)
        case In(_, items, negated):
            part = min(1.0, len(items) / DISTINCT)
            return 1.0 - part if negated else part
    return 0.5
