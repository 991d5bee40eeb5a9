"""Which way MariaDB's optimizer goes to the rows, since the way decides what is locked.

Rules, for one table of a few rows on one page:

- A condition that cannot be true is seen beforehand, and nothing is read.
- SELECT with a constant for every column of a unique key is a "const" lookup. UPDATE and DELETE
  make a range of it.
- Otherwise the cheapest of a full scan in primary key order and the ranges of each key:
  a scan costs 3 + rows / 5; a range of the primary key 1/8 for each interval, 1 for each single
  point (points between two other intervals are free), and rows / 5; a range of another key 1/8
  for each interval and 6/5 for each row. Rows in an interval are counted on the page, marked ones
  included. `<>` and NOT IN on a unique column make no range.
- If an index has all columns that a SELECT needs, reading it from end to end costs 1 + rows / 5.
- ORDER BY the primary key prefers that key, and DESC reads it backwards.

The engine switch index_merge is off here and in the comparison with the real server.

Sources: MariaDB 10.11 sql/opt_range.cc (test_quick_select, get_mm_tree), sql/multi_range_read.cc
(multi_range_read_info_const), sql/sql_select.cc (find_shortest_key, test_if_skip_sort_order),
storage/innobase/handler/ha_innodb.cc (scan_time, read_time); EXPLAIN on 10.11.19.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from simulations.isolation.evaluation import compare, evaluate
from simulations.isolation.innodb.records import Index, SortKey, Table, sort_key
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
    Select,
    Value,
)

LOOKUP, SETUP, PAGE = 1 / 8, 0.02, 16384
LOWEST, HIGHEST = (), ((2,),)  # below and above every key
FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Interval:
    """Keys from low to high; LOWEST and HIGHEST are open ends."""

    low: SortKey
    low_open: bool
    high: SortKey
    high_open: bool
    one: bool = True  # False: its two ends are written differently, as in BETWEEN 'a' AND 'A'

    @property
    def point(self) -> bool:
        return self.low == self.high and not self.low_open and not self.high_open and self.one

    def above(self, key: SortKey) -> bool:
        """Whether a key lies above this interval."""
        key = key[: len(self.high)]
        return key > self.high or (key == self.high and self.high_open)

    def below(self, key: SortKey) -> bool:
        key = key[: len(self.low)]
        return key < self.low or (key == self.low and self.low_open)


EVERYTHING = Interval(LOWEST, False, HIGHEST, False)
NULL = ((0,),)


@dataclass(frozen=True, slots=True)
class Plan:
    kind: str  # nothing const range scan
    index: Index | None = None
    ranges: tuple[Interval, ...] = ()
    backwards: bool = False
    covering: bool = False  # the index alone answers

    def unique(self, interval: Interval) -> bool:
        """Whether at most one row can be in the interval."""
        return (
            interval.point
            and len(interval.low) == self.index.width
            and (0,) not in interval.low
        )


def plan(table: Table, where: Expression | None, select: Select | None) -> Plan:
    """`select` is None for UPDATE and DELETE."""
    equal = equalities(where) if select is not None else {}
    if equal is None or never(where, equal, table) or _impossible(where, table, False):
        return Plan("nothing")
    ranges = {}
    for index in table.indexes:
        found = intervals(index, where, table)
        if found is not None:
            ranges[index] = found
    if select is not None:
        for index in table.indexes:
            if all(equal.get(column) is not None for column in index.columns):
                key = sort_key(tuple(equal[column] for column in index.columns))
                interval = Interval(key, False, key, False)
                covering = _used(select, table) <= _columns(index)
                return Plan("const", index, (interval,), covering=covering)
    best, fewer = _cheapest(table, ranges, select)
    order = [] if select is None else [o for o in select.order_by if o[0] not in equal]
    return _ordered(table, best, ranges, select, order, fewer) if order else best


def _cheapest(
    table: Table, ranges: dict[Index, list[Interval]], select: Select | None
) -> tuple[Plan, bool]:
    """The plan, and whether it is thought to find fewer rows than there are."""
    rows = max(1, table.live())
    cost, scan, covering = 3 + rows / 5, table.clustered, False
    used = _used(select, table) if select is not None else None
    if used is not None:
        covers = [index for index in table.indexes if used <= _columns(index)]
        if covers:
            shortest = min(covers, key=_length)
            cost, scan, covering = _key_read(shortest, rows) + 1 + rows / 5, shortest, True
    best = Plan("scan", scan, (EVERYTHING,), covering=covering)
    found = rows
    for index, intervals_ in ranges.items():
        index_only = used is not None and used <= _columns(index)
        expense, matching = _expense(index, intervals_, rows, index_only)
        if expense < cost:
            cost, found = expense, matching
            best = Plan("range", index, tuple(intervals_), covering=index_only)
    return best, found < rows


def _ordered(
    table: Table,
    best: Plan,
    ranges: dict[Index, list[Interval]],
    select: Select,
    order: list[tuple[str, bool]],
    fewer: bool,
) -> Plan:
    """The plan, where ORDER BY has a say."""
    names = tuple(name for name, _ in order)
    directions = {descending for _, descending in order}
    backwards = directions == {True}
    if len(directions) > 1:
        return best
    primary = table.clustered
    if names[: len(primary.columns)] == primary.columns[: len(names)]:
        if best.kind == "range" and not best.index.clustered and (fewer or best.covering):
            return best
        covering = _used(select, table) <= _columns(primary)
        if primary in ranges and not (best.kind == "scan" and best.covering):
            return Plan("range", primary, tuple(ranges[primary]), backwards, covering)
        return Plan("scan", primary, (EVERYTHING,), backwards, covering)
    if names[: len(best.index.columns)] == best.index.columns[: len(names)] and (
        best.kind == "range" or best.covering
    ):
        return Plan(best.kind, best.index, best.ranges, backwards, best.covering)
    return best


def _expense(
    index: Index, ranges: list[Interval], rows: int, index_only: bool
) -> tuple[float, int]:
    """What a range scan costs, and how many rows it is thought to find."""
    total = points = assigned = blocks = 0
    dived = False
    for interval in ranges:
        if Plan("range", index).unique(interval):
            points += 1
            total += 1
            continue
        total += max(1, _counted(index, interval))
        if not dived:
            blocks, dived = points, True  # single points before the first interval
        assigned = points
    blocks += points - assigned
    total = min(total, rows)
    cost = len(ranges) * LOOKUP + total / 5 + SETUP
    if index.clustered:
        cost += min(len(ranges), blocks) + total * _smallest_row(index.table) / (2 * PAGE)
    else:
        cost += _key_read(index, total) + (0 if index_only else total)
    return cost, total


def _counted(index: Index, interval: Interval) -> int:
    return sum(
        not interval.below(record.key) and not interval.above(record.key)
        for record in index.records
    )


def _key_read(index: Index, rows: int) -> float:
    return rows * _length(index) / (PAGE + 1) / 5


def _length(index: Index) -> int:
    """Bytes of a record as the optimizer counts them."""
    widths = {}
    for column in index.table.definition.columns:
        widths[column.name] = 4 if column.type == "integer" else (column.length or 9) + 1
    definition = index.table.definition
    if index.clustered:
        nullable = sum(not column.not_null for column in definition.columns)
        return sum(widths.values()) + (nullable + 8) // 8
    optional = {column.name for column in definition.columns if not column.not_null}
    texts = {column.name for column in definition.columns if column.type == "text"}
    return sum(
        widths[column] + (column in optional) + (column in texts)
        for column in (*index.columns, *definition.primary)
    )


def _smallest_row(table: Table) -> int:
    fixed = sum(4 if column.type == "integer" else 1 for column in table.definition.columns)
    return 5 + 13 + fixed + any(not column.not_null for column in table.definition.columns)


def _columns(index: Index) -> set[str]:
    primary = () if index.clustered else index.table.definition.primary
    return {*index.columns, *primary}


def _used(select: Select, table: Table) -> set[str]:
    """The columns that a SELECT needs."""
    if not select.items:
        return set(table.definition.names)
    names = {name for name, _ in select.order_by}
    trees = [getattr(item.expression, "operand", item.expression)
             if type(item.expression).__name__ == "Aggregate" else item.expression
             for item in select.items]  # fmt: skip
    for tree in (*trees, select.where):
        names |= named(tree)
    return names


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


# conditions


def conjuncts(tree: Expression | None) -> list[Expression]:
    if isinstance(tree, Binary) and tree.op == "and":
        return conjuncts(tree.left) + conjuncts(tree.right)
    return [] if tree is None else [tree]


def equalities(where: Expression | None) -> dict[str, Value] | None:
    """The columns that a conjunct sets to a constant; None if two of them disagree."""
    found: dict[str, Value] = {}
    for tree in conjuncts(where):
        match tree:
            case Binary("=", Column(name), other) | Binary("=", other, Column(name)):
                pass
            case In(Column(name), (other, *more), False) if all(item == other for item in more):
                pass
            case Between(Column(name), other, high, False) if high == other:
                pass
            case _:
                continue
        if named(other):
            continue
        value = evaluate(other, {}, "innodb")
        if value is None or (name in found and not compare("=", found[name], value, "innodb")):
            return None
        found[name] = value
    return found


def never(where: Expression | None, known: dict[str, Value], table: Table) -> bool:
    """Whether some conjunct is false or unknown, whatever the row."""
    for tree in conjuncts(where):
        if named(tree) <= known.keys() and evaluate(tree, known, "innodb") is not True:
            return True
        match tree:
            case IsNull(Column(name), False) if _required(table, name):
                return True
    return False


def _required(table: Table, column: str) -> bool:
    return any(c.name == column and c.not_null for c in table.definition.columns)


def index_condition(where: Expression | None, index: Index) -> list[Expression]:
    """The conjuncts that the index's own columns decide."""
    return [tree for tree in conjuncts(where) if named(tree) <= _columns(index)]


def intervals(index: Index, where: Expression | None, table: Table) -> list[Interval] | None:
    """The ranges of an index that the condition allows; None if it does not restrict them."""
    unique = len(index.columns) == 1
    found = restrict(where, index.columns[0], table, unique)
    if found is None:
        return None
    for column in index.columns[1:]:
        following = restrict(where, column, table, False)
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
    tree: Expression | None, column: str, table: Table, unique: bool, negated: bool = False
) -> list[Interval] | None:
    """The values of a column for which the condition may hold; None: any."""
    match tree:
        case Not(operand):
            return restrict(operand, column, table, unique, not negated)
        case Binary("and" | "or", left, right):
            one = restrict(left, column, table, unique, negated)
            other = restrict(right, column, table, unique, negated)
            if (tree.op == "and") != negated:
                if one is None or other is None:
                    return other if one is None else one
                return _meet(one, other)
            if _impossible(left, table, negated):
                return other
            if _impossible(right, table, negated):
                return one
            return None if one is None or other is None else _join(one + other)
        case Binary(op, left, right) if op in FLIPPED:
            if isinstance(right, Column) and not named(left):
                left, op, right = right, FLIPPED[op], left
            if left != Column(column) or named(right):
                return None
            return _compared(OPPOSITE[op] if negated else op, right, unique)
        case In(Column(name), items, reverse) if name == column:
            if any(map(named, items)):
                return None
            if reverse == negated:
                return _join([i for item in items for i in _compared("=", item, unique)])
            if unique:
                return None
            found = [EVERYTHING]
            for item in items:
                found = _meet(found, _compared("<>", item, unique))
            return found
        case Between(Column(name), low, high, reverse) if name == column:
            if named(low) or named(high):
                return None
            if reverse != negated:
                return _join(_compared("<", low, unique) + _compared(">", high, unique))
            found = _meet(_compared(">=", low, unique), _compared("<=", high, unique))
            if found and low != high:
                return [replace(interval, one=False) for interval in found]
            return found
        case IsNull(Column(name), reverse) if name == column:
            if _required(table, name):
                return None if reverse != negated else []
            if reverse != negated:
                return [Interval(NULL, True, HIGHEST, False)]
            return [Interval(NULL, False, NULL, False)]
        case Literal(value):
            return None if (value is True) != negated and value is not None else []
    return None


def _impossible(tree: Expression | None, table: Table, negated: bool) -> bool:
    """Whether the keys alone show that a condition cannot hold."""
    columns = {column for index in table.indexes for column in index.columns}
    return any(restrict(tree, column, table, True, negated) == [] for column in columns)


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
    return None if unique else [Interval(NULL, True, key, True), Interval(key, True, HIGHEST, False)]


def _meet(ones: list[Interval], others: list[Interval]) -> list[Interval]:
    found = []
    for one, other in product(ones, others):
        low, low_open = max((one.low, one.low_open), (other.low, other.low_open))
        high, closed = min((one.high, not one.high_open), (other.high, not other.high_open))
        if low < high or (low == high and not low_open and closed):
            found.append(Interval(low, low_open, high, not closed))
    return _join(found)


def _join(ranges: list[Interval]) -> list[Interval]:
    """In order, overlapping and touching ones made one."""
    found: list[Interval] = []
    for interval in sorted(ranges, key=lambda i: (i.low, i.low_open)):
        if found:
            last = found[-1]
            touching = interval.low < last.high or (
                interval.low == last.high and not (interval.low_open and last.high_open)
            )
            if touching:
                high, closed = max(
                    (last.high, not last.high_open), (interval.high, not interval.high_open)
                )
                found[-1] = Interval(last.low, last.low_open, high, not closed)
                continue
        found.append(interval)
    return found
