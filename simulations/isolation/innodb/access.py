"""Which way MariaDB's optimizer goes to the rows, since the way decides what is locked.

Rules, for one table of a few rows on one page:

- A condition that cannot hold (conditions.py) is seen beforehand, and nothing is read.
- SELECT with a constant for every column of a unique key is a "const" lookup. UPDATE and DELETE
  make a range of it.
- Otherwise the cheapest of a full scan in primary key order and the ranges of each key:
  a scan costs 3 + rows / 5; a range of the primary key 1/8 for each interval, 1 for each single
  point (points between two other intervals are free), and rows / 5; a range of another key 1/8
  for each interval and 6/5 for each row. Rows in an interval are counted on the page, marked ones
  included.
- If an index has all columns that a SELECT needs, reading it from end to end costs 1 + rows / 5.
- ORDER BY the primary key prefers that key, and DESC reads it backwards.

The engine switch index_merge is off here and in the comparison with the real server.

Sources: MariaDB 10.11 sql/opt_range.cc (test_quick_select), sql/multi_range_read.cc
(multi_range_read_info_const), sql/sql_select.cc (find_shortest_key, test_if_skip_sort_order),
storage/innobase/handler/ha_innodb.cc (scan_time, read_time); EXPLAIN on 10.11.19.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulations.isolation.innodb.conditions import (
    alternatives,
    conjuncts,
    equalities,
    impossible,
    intervals,
    known_inside,
    looked_up,
    named,
    never,
    simpler,
)
from simulations.isolation.innodb.intervals import EVERYTHING, Interval
from simulations.isolation.innodb.records import Index, Table, sort_key
from simulations.isolation.sql import Aggregate, Expression, Select, Value

LOOKUP, SETUP, PAGE = 1 / 8, 0.02, 16384


@dataclass(frozen=True, slots=True)
class Plan:
    kind: str  # nothing const range scan
    index: Index | None = None
    ranges: tuple[Interval, ...] = ()
    backwards: bool = False
    covering: bool = False  # the index alone answers

    def unique(self, interval: Interval) -> bool:
        """Whether at most one row can be in the interval."""
        return interval.point and len(interval.low) == self.index.width and (0,) not in interval.low


def plan(table: Table, where: Expression | None, select: Select | None) -> Plan:
    """`select` is None for UPDATE and DELETE."""
    where = simpler(where, table if select is not None else None, {})
    equal: dict[str, Value] | None = {}
    if select is not None:
        equal = equalities(where)
        if equal is None:
            return Plan("nothing")
        where = known_inside(where, equal)
        equal = equalities(where)
    if equal is None or never(where, equal):
        return Plan("nothing")
    ranges = {}
    firsts = {index.columns[0] for index in table.indexes}
    if select is None or named(where) & firsts:
        terms = [term for term in alternatives(where) if not impossible(term, table)]
        if not terms:
            return Plan("nothing")
        for index in table.indexes:
            found = intervals(index, terms, table)
            if found is not None:
                ranges[index] = found
    if select is not None:
        constant = looked_up(where, equal)
        for index in table.indexes:
            if all(constant.get(column) is not None for column in index.columns):
                key = sort_key(tuple(constant[column] for column in index.columns))
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
    rows = max(1, table.counted)
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
        if primary in ranges:
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
    for item in select.items:
        tree = item.expression
        names |= named(tree.operand if isinstance(tree, Aggregate) else tree)
    return names | named(select.where)


def index_condition(where: Expression | None, index: Index) -> list[Expression]:
    """The conjuncts that the index's own columns decide."""
    return [tree for tree in conjuncts(where) if named(tree) <= _columns(index)]
