"""What a WHERE says of a column: constants, ranges of keys, and conditions that cannot hold.

Rules:

- NOT is moved inwards first. A SELECT also knows that a NOT NULL column is not NULL.
- In a SELECT, a conjunct `column = constant` holds for the other conjuncts too; if one of them is
  then false, nothing is read. UPDATE and DELETE see that only in the columns of keys.
- The ranges of a column are those of all conjuncts together; an OR has the ranges of both sides,
  or none if one side says nothing of the column. A side that cannot hold is left out.
- `<>` and NOT IN on a column that is a unique key by itself make no range.

Sources: MariaDB 10.11 sql/opt_range.cc (get_mm_tree, get_ne_mm_tree, tree_and, tree_or),
sql/sql_select.cc (build_equal_items, remove_eq_conds); EXPLAIN on 10.11.19.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import product

from simulations.isolation.evaluation import compare, evaluate
from simulations.isolation.innodb.intervals import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    NULL,
    Interval,
    join,
    meet,
)
from simulations.isolation.innodb.records import Index, Table, sort_key
from simulations.isolation.sql import (
    Between,
    Binary,
    Column,
    Expression,
    In,
    IsNull,
    Literal,
    Negate,
    Not,
    Value,
)

ALTERNATIVES = 32  # more are not spread out
FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def named(tree: Expression | None) -> set[str]:
    match tree:
        case Column(name):
            return {name}
        case Binary(_, left, right):
            return named(left) | named(right)
        case Negate(operand) | Not(operand) | IsNull(operand):
            return named(operand)
        case In(operand, items):
            return named(operand).union(*map(named, items))
        case Between(operand, low, high):
            return named(operand) | named(low) | named(high)
    return set()


def conjuncts(tree: Expression | None) -> list[Expression]:
    if isinstance(tree, Binary) and tree.op == "and":
        return conjuncts(tree.left) + conjuncts(tree.right)
    return [] if tree is None else [tree]


def equalities(where: Expression | None) -> dict[str, Value] | None:
    """The columns that a conjunct sets to a constant; None if two of them disagree."""
    found: dict[str, Value] = {}
    same = []
    for tree in conjuncts(where):
        match tree:
            case Binary("=", Column(name), Column(other)):
                same.append((name, other))
                continue
            case Binary("=", Column(name), other) | Binary("=", other, Column(name)):
                pass
            case In(Column(name), (other, *more), False) if all(item == other for item in more):
                pass
            case _:
                continue
        value = None if named(other) else evaluate(other, {}, "innodb")
        if value is None:
            continue
        if name in found and not compare("=", found[name], value, "innodb"):
            return None
        found[name] = value
    for one, other in same * len(same):
        for known, column in ((one, other), (other, one)):
            if known in found:
                found.setdefault(column, found[known])
    return found


def looked_up(where: Expression | None, equal: dict[str, Value]) -> dict[str, Value]:
    """The same, with what helps to find a key and nothing else: BETWEEN a AND a, and constants
    on which both sides of an OR agree."""
    found = dict(equal)
    for tree in conjuncts(where):
        match tree:
            case Between(Column(name), low, high, False) if not named(low) | named(high):
                one, other = evaluate(low, {}, "innodb"), evaluate(high, {}, "innodb")
                if compare("=", one, other, "innodb"):
                    found.setdefault(name, one)
            case Binary("or", left, right):
                here = looked_up(left, equalities(left) or {})
                there = looked_up(right, equalities(right) or {})
                for name, value in here.items():
                    if name in there and compare("=", value, there[name], "innodb"):
                        found.setdefault(name, value)
    return found


def never(where: Expression | None, known: dict[str, Value]) -> bool:
    """Whether some conjunct is false or unknown, whatever the row."""
    return any(
        named(tree) <= known.keys() and evaluate(tree, known, "innodb") is not True
        for tree in conjuncts(where)
    )


def simpler(
    tree: Expression | None, table: Table | None, known: dict[str, Value], negated: bool = False
) -> Expression | None:
    """The condition with NOT moved inwards, and without what is decided beforehand: IS NULL of a
    NOT NULL column, if `table` is given, and comparisons of columns that are known."""
    match tree:
        case Not(operand):
            return simpler(operand, table, known, not negated)
        case Binary("and" | "or", left, right):
            op = tree.op if not negated else "or" if tree.op == "and" else "and"
            one = simpler(left, table, known, negated)
            other = simpler(right, table, known, negated)
            for this, that in ((one, other), (other, one)):
                if isinstance(this, Literal) and isinstance(this.value, bool):
                    return that if this.value == (op == "and") else this
            return Binary(op, one, other)
        case IsNull(operand, reverse):
            if table is not None and isinstance(operand, Column) and required(table, operand.name):
                return Literal(reverse != negated)
            tree = IsNull(operand, reverse != negated)
        case Binary(op, left, right) if negated and op in OPPOSITE:
            tree = Binary(OPPOSITE[op], left, right)
        case In() | Between() if negated:
            tree = tree.but(negated=not tree.negated)
        case Literal(bool() as value):
            return Literal(value != negated)
        case _ if negated:
            tree = Not(tree)
    names = named(tree)
    if names and names <= known.keys():
        return Literal(evaluate(tree, known, "innodb") is True)
    return tree


def known_inside(where: Expression | None, known: dict[str, Value]) -> Expression | None:
    """What some conjuncts set is put to use inside of the others."""
    found: Expression | None = None
    for tree in conjuncts(where):
        if isinstance(tree, Binary) and tree.op == "or":
            tree = simpler(tree, None, known)
        if not named(tree) <= known.keys():
            tree = filled_in(tree, known)
        found = tree if found is None else Binary("and", found, tree)
    return found


def filled_in(tree: Expression, known: dict[str, Value]) -> Expression:
    """The condition with constants for the columns that are known."""
    match tree:
        case Column(name) if name in known:
            return Literal(known[name])
        case Binary(op, left, right):
            return Binary(op, filled_in(left, known), filled_in(right, known))
        case Negate(operand):
            return Negate(filled_in(operand, known))
        case In(operand, items, negated):
            return In(operand, tuple(filled_in(item, known) for item in items), negated)
        case Between(operand, low, high, negated):
            return Between(operand, filled_in(low, known), filled_in(high, known), negated)
    return tree


def alternatives(where: Expression | None) -> list[Expression | None]:
    """The condition as an OR of ANDs; as it is, if that would be long."""

    def spread(tree: Expression | None) -> list[list[Expression]]:
        if isinstance(tree, Binary) and tree.op == "or":
            return spread(tree.left) + spread(tree.right)
        if isinstance(tree, Binary) and tree.op == "and":
            pairs = product(spread(tree.left), spread(tree.right))
            return [one + other for one, other in pairs][: ALTERNATIVES + 1]
        return [[tree]]

    found = spread(where)
    if len(found) > ALTERNATIVES:
        return [where]
    return [reduce(lambda one, other: Binary("and", one, other), term) for term in found]


def required(table: Table, column: str) -> bool:
    return any(c.name == column and c.not_null for c in table.definition.columns)


def intervals(index: Index, terms: list[Expression | None], table: Table) -> list[Interval] | None:
    """The ranges of an index that the alternatives allow; None if one allows any key."""
    found: list[Interval] = []
    for term in terms:
        ranges = _of_term(index, term, table)
        if ranges is None:
            return None
        found += ranges
    found = join(found)
    everything = found and found[0].low in (LOWEST, NULL) and found[0].high == HIGHEST
    return None if everything and required(table, index.columns[0]) else found


def _of_term(index: Index, term: Expression | None, table: Table) -> list[Interval] | None:
    found = restrict(term, index.columns[0], table, len(index.columns) == 1)
    if found is None:
        return None
    for column in index.columns[1:]:
        following = restrict(term, column, table, False)
        if following is None or not all(interval.point for interval in found):
            break
        found = [
            Interval(
                one.low + other.low, other.low_open,
                one.high + other.high if other.high != HIGHEST else one.high,
                other.high_open, other.one,
            )
            for one, other in product(found, following)
        ]  # fmt: skip
    return found


def restrict(
    tree: Expression | None, column: str, table: Table, unique: bool
) -> list[Interval] | None:
    """The values of a column for which the condition may hold; None: any."""
    match tree:
        case Binary("and" | "or", left, right):
            one = restrict(left, column, table, unique)
            other = restrict(right, column, table, unique)
            if tree.op == "and":
                if one is None or other is None:
                    return other if one is None else one
                return meet(one, other)
            if impossible(left, table):
                return other
            if impossible(right, table):
                return one
            return None if one is None or other is None else join(one + other)
        case Binary(op, left, right) if op in FLIPPED:
            if isinstance(right, Column) and not named(left):
                left, op, right = right, FLIPPED[op], left
            if left != Column(column) or named(right):
                return None
            return _compared(op, right, unique)
        case In(Column(name), items, reverse) if name == column:
            if any(map(named, items)):
                return None
            if not reverse:
                return join([i for item in items for i in _compared("=", item, unique)])
            if unique:
                return None
            found = [EVERYTHING]
            for item in items:
                found = meet(found, _compared("<>", item, unique))
            return found
        case Between(Column(name), low, high, reverse) if name == column:
            if named(low) or named(high):
                return None
            if reverse:
                return join(_compared("<", low, unique) + _compared(">", high, unique))
            found = meet(_compared(">=", low, unique), _compared("<=", high, unique))
            if found and low != high:
                return [replace(interval, one=False) for interval in found]
            return found
        case IsNull(Column(name), reverse) if name == column:
            if required(table, name):
                return None if reverse else []
            if reverse:
                return [Interval(NULL, True, HIGHEST, False)]
            return [Interval(NULL, False, NULL, False)]
        case Literal(value):
            return None if value is True else []
    return None


def impossible(tree: Expression | None, table: Table) -> bool:
    """Whether the keys alone show that a condition cannot hold."""
    return any(
        restrict(tree, column, table, len(index.columns) == 1) == []
        for index in table.indexes
        for column in index.columns
    )


def _compared(op: str, constant: Expression, unique: bool) -> list[Interval] | None:
    value = evaluate(constant, {}, "innodb")
    if value is None:
        return []
    key = sort_key((value,))
    match op:
        case "=":
            return [Interval(key, False, key, False)]
        case "<":
            return [Interval(NULL, True, key, True)]
        case "<=":
            return [Interval(NULL, True, key, False)]
        case ">":
            return [Interval(key, True, HIGHEST, False)]
        case ">=":
            return [Interval(key, False, HIGHEST, False)]
    if unique:
        return None
    return [Interval(NULL, True, key, True), Interval(key, True, HIGHEST, False)]
