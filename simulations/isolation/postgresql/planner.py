"""How PostgreSQL would scan a small table that was never analyzed: the real planner's arithmetic.

The plan decides the order in which rows are returned and locked, and what SIREAD locks a
serializable read leaves. The default cost settings are used, and the guesses that stand in for
missing statistics: ten heap pages, as many rows as fit, 1/200 for `=`, 1/3 for `<`, 0.005 for a
range and for IS NULL (manual 20.7 and 76.1; optimizer/path/costsize.c, indxpath.c, allpaths.c,
optimizer/plan/planagg.c, utils/adt/selfuncs.c, access/heap/heapam_handler.c).

Not modelled: bitmaps of several indexes ANDed, incremental sorts. Neither pays on such a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from simulations.isolation.postgresql.clauses import Clause, clauses_of, selectivity
from simulations.isolation.postgresql.heap import Index, Table
from simulations.isolation.sql import Aggregate, Column, Expression, IsNull, Select

PAGES = 10.0  # assumed of a table that has fewer and was never vacuumed
SEQUENTIAL, RANDOM = 1.0, 4.0
PER_TUPLE, PER_INDEX_TUPLE, PER_OPERATOR = 0.01, 0.005, 0.0025
CACHE = 524288.0  # effective_cache_size, in pages
FUZZ = 1.01  # costs this close count as equal
DISABLED = 1e10  # what a disabled kind of scan is said to cost more
SEARCHABLE = frozenset(("=", "<", "<=", ">", ">=", "in", "null", "not null"))


@dataclass(frozen=True, slots=True)
class Arm:
    """One index scan: the conditions that it searches by."""

    index: Index
    conditions: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    kind: str  # nothing seq index bitmap ends
    arms: tuple[Arm, ...] = ()  # one for index, one or several (ORed) for bitmap
    backward: bool = False  # for index
    sorted: bool = False  # the scan gives the order that was asked for
    ends: tuple[Plan, ...] = ()  # for MIN and MAX: each is read up to its first row


@dataclass(frozen=True, slots=True)
class Path:
    plan: Plan
    startup: float
    total: float


class Planner:
    disabled: ClassVar[frozenset[str]] = frozenset()  # kinds of scan, as by enable_seqscan = off

    def __init__(self, table: Table, where: Expression | None) -> None:
        self.table = table
        self.clauses, self.never = clauses_of(where)
        self.indexes = self.table.indexes[::-1]  # the planner's own order; it decides ties
        width = sum(_width(column) for column in table.definition.columns)
        self.tuples = float(round(8168 // (28 + width) * PAGES))
        self.selectivity = self.chance(self.clauses)
        self.rows = self.clamp(self.tuples * self.selectivity)
        self.operators = sum(clause.operators for clause in self.clauses)

    def chance(self, clauses: Sequence[Clause]) -> float:
        unique = {index.key.columns[0] for index in self.table.indexes
                  if len(index.key.columns) == 1}  # fmt: skip
        return selectivity(clauses, unique, self.tuples)

    def clamp(self, rows: float) -> float:
        return max(1.0, float(round(rows)))

    def plan(self, statement: object) -> Plan:
        """The cheapest plan for the statement."""
        if self.never:
            return Plan("nothing")
        order: tuple[tuple[str, bool], ...] = ()
        if isinstance(statement, Select):
            ends = self.ends(statement)
            if ends is not None:
                return ends
            order = self.needed(statement.order_by)
        return self.cheapest(self.paths(order)).plan

    def needed(self, order: Sequence[tuple[str, bool]]) -> tuple[tuple[str, bool], ...]:
        """ORDER BY without what is fixed by an equality, or named twice."""
        fixed = {c.column for c in self.clauses if c.column is not None and c.op == "="}
        kept: dict[str, bool] = {}
        for name, descending in order:
            if name not in fixed:
                kept.setdefault(name, descending)
        return tuple(kept.items())

    def paths(self, order: tuple[tuple[str, bool], ...]) -> list[Path]:
        unordered = [self.sequential()]
        ordered = []
        for index in self.indexes:
            conditions = self.conditions(index, self.clauses)
            follows = self.follows(index, order)
            if conditions:
                unordered.append(self.index_scan(index, conditions))
            if order and follows is not None:
                ordered.append(self.index_scan(index, conditions, follows, True))
        bitmap = self.bitmap()
        if bitmap is not None:
            unordered.append(bitmap)
        if not order:
            return unordered
        return [self.sort(self.cheapest(unordered)), *ordered]

    def cheapest(self, paths: list[Path]) -> Path:
        """As add_path: of two that cost about the same, the one that starts sooner."""
        best = paths[0]
        for path in paths[1:]:
            if self.better(path, best, FUZZ) or (
                not self.better(best, path, FUZZ) and self.better(path, best, 1 + 1e-10)
            ):
                best = path
        return best

    def better(self, one: Path, other: Path, fuzz: float) -> bool:
        if one.total * fuzz < other.total:
            return True
        return one.total <= other.total * fuzz and one.startup * fuzz < other.startup

    # scans

    def sequential(self) -> Path:
        startup = DISABLED if "seq" in self.disabled else 0.0
        each = PER_TUPLE + PER_OPERATOR * self.operators
        return Path(Plan("seq"), startup, startup + PAGES * SEQUENTIAL + each * self.tuples)

    def conditions(self, index: Index, clauses: Sequence[Clause]) -> tuple[Clause, ...]:
        """The clauses that the index can search by, column by column."""
        return tuple(
            clause
            for name in index.key.columns
            for clause in clauses
            if clause.column == name and clause.op in SEARCHABLE
        )

    def follows(self, index: Index, order: tuple[tuple[str, bool], ...]) -> bool | None:
        """Whether the index gives this order: None no, else whether backwards."""
        fixed = {c.column for c in self.clauses if c.column is not None and c.op == "="}
        columns = [name for name in index.key.columns if name not in fixed]
        if not order or [name for name, _ in order] != columns[: len(order)]:
            return None
        directions = {descending for _, descending in order}
        return directions.pop() if len(directions) == 1 else None

    def index_cost(self, index: Index, conditions: Sequence[Clause]) -> tuple[float, float, float]:
        """Startup, total and selectivity (btcostestimate)."""
        pages = 2.0 if index.born else 1.0
        scans = math.prod(c.elements for c in conditions if c.op == "in")
        bound, equal = self.boundary(index, conditions)
        if equal:
            entries = 1.0
        else:
            bound_scans = math.prod(c.elements for c in bound if c.op == "in")
            entries = float(round(self.chance(bound) * self.tuples / bound_scans))
        entries = max(1.0, min(entries, self.tuples))
        leaves = math.ceil(entries * pages / self.tuples) if pages > 1 else 1.0
        total = leaves * RANDOM
        if scans > 1:
            total = self.fetched(leaves * scans, pages, pages) * RANDOM
        per_entry = PER_INDEX_TUPLE + PER_OPERATOR * len(conditions)
        total += entries * scans * per_entry
        descent = math.ceil(math.log2(self.tuples)) * PER_OPERATOR + 50 * PER_OPERATOR
        return descent, total + scans * descent, self.chance(conditions)

    def boundary(self, index: Index, conditions: Sequence[Clause]) -> tuple[list[Clause], bool]:
        """The conditions that bound the part of the index that is read, and whether they name one
        entry of a unique index."""
        bound: list[Clause] = []
        equal = True
        for name in index.key.columns:
            here = [c for c in conditions if c.column == name]
            bound.extend(here)
            if not any(c.op in ("=", "in", "null") for c in here):
                equal = False
                break
        plain = all(c.op == "=" for c in bound)
        return bound, equal and plain

    def fetched(self, tuples: float, pages: float, index_pages: float) -> float:
        """Pages read for so many tuples (Mackert and Lohman; index_pages_fetched)."""
        pages = max(1.0, pages)
        if CACHE * pages / (PAGES + index_pages) < pages:
            return math.ceil(tuples)
        return min(pages, math.ceil(2 * pages * tuples / (2 * pages + tuples)))

    def index_scan(
        self,
        index: Index,
        conditions: tuple[Clause, ...],
        backward: bool = False,
        ordered: bool = False,
    ) -> Path:
        startup, total, chance = self.index_cost(index, conditions)
        tuples = self.clamp(chance * self.tuples)
        rest = sum(c.operators for c in self.clauses if c not in conditions)
        total += self.fetched(tuples, PAGES, 2.0 if index.born else 1.0) * RANDOM
        total += (PER_TUPLE + PER_OPERATOR * rest) * tuples
        plan = Plan("index", (Arm(index, conditions),), backward, ordered)
        return Path(plan, startup, total)

    def bitmap(self) -> Path | None:
        """The cheapest bitmap: of one index, or of an OR whose every side has an index."""
        candidates = []
        for arm in self.arms(self.clauses):
            cost, chance = self.arm_cost(arm)
            candidates.append(self.bitmap_scan((arm,), cost, chance))
        for clause in self.clauses:
            if clause.op != "or":
                continue
            chosen = []
            for side in clause.sides:
                mine = self.arms([*side, *self.clauses])
                mine = [arm for arm in mine if any(c in side for c in arm.conditions)]
                if not mine:
                    break
                chosen.append(min(mine, key=lambda arm: self.arm_cost(arm)[0]))
            else:
                costs = [self.arm_cost(arm) for arm in chosen]
                cost, chance = sum(c for c, _ in costs), min(1.0, sum(s for _, s in costs))
                candidates.append(self.bitmap_scan(tuple(chosen), cost, chance))
        return min(candidates, key=lambda path: path.total, default=None)

    def arms(self, clauses: Sequence[Clause]) -> list[Arm]:
        arms = [Arm(index, self.conditions(index, clauses)) for index in self.indexes]
        return [arm for arm in arms if arm.conditions]

    def arm_cost(self, arm: Arm) -> tuple[float, float]:
        _, total, chance = self.index_cost(arm.index, arm.conditions)
        return total + 0.1 * PER_OPERATOR * self.rows, chance

    def bitmap_scan(self, arms: tuple[Arm, ...], cost: float, chance: float) -> Path:
        cost += DISABLED if "bitmap" in self.disabled else 0.0
        tuples = self.clamp(chance * self.tuples)
        pages = min(PAGES, math.ceil(2 * PAGES * tuples / (2 * PAGES + tuples)))
        each = RANDOM
        if pages >= 2:
            each -= (RANDOM - SEQUENTIAL) * math.sqrt(pages / PAGES)
        run = pages * each + (PER_TUPLE + PER_OPERATOR * self.operators) * tuples
        return Path(Plan("bitmap", arms), cost, cost + run)

    def sort(self, path: Path) -> Path:
        rows = max(2.0, self.rows)
        startup = path.total + 2 * PER_OPERATOR * rows * math.log2(rows)
        return Path(path.plan, startup, startup + PER_OPERATOR * rows)

    # MIN and MAX

    def ends(self, select: Select) -> Plan | None:
        """MIN and MAX read from the ends of indexes, if all can be and it is cheaper."""
        calls = [item.expression for item in select.items]
        if not calls or not all(isinstance(call, Aggregate) for call in calls):
            return None
        ends, cost = [], 0.0
        for name, function in dict.fromkeys(
            (call.operand, call.function) for call in calls if isinstance(call, Aggregate)
        ):
            if function not in ("min", "max") or not isinstance(name, Column):
                return None
            found = self.end(name, function == "max")
            if found is None:
                return None
            path, price = found
            ends.append(path.plan)
            cost += price
        whole = self.cheapest(self.paths(()))
        price = whole.total + PER_OPERATOR * self.rows * len(ends)
        return Plan("ends", ends=tuple(ends)) if cost < price - 1e-6 else None

    def end(self, column: Column, last: bool) -> tuple[Path, float] | None:
        """The cheapest way to the first row in the column's order that matches."""
        exists = Clause(IsNull(column, True), column.name, "not null", operators=0.0)
        inner = Planner(self.table, None)
        inner.clauses = [*self.clauses, exists]
        inner.selectivity = inner.chance(inner.clauses)
        inner.rows = inner.clamp(inner.tuples * inner.selectivity)
        inner.operators = self.operators
        if not inner.needed([(column.name, last)]):
            # Fixed by an equality: every row that matches is the first.
            path = inner.cheapest(inner.paths(()))
            return path, path.startup + (path.total - path.startup) / inner.rows
        best = None
        for index in self.indexes:
            if inner.follows(index, ((column.name, last),)) is None:
                continue
            path = inner.index_scan(index, inner.conditions(index, inner.clauses), last, True)
            price = path.startup + (path.total - path.startup) / inner.rows
            if best is None or price < best[1]:
                best = path, price
        return best


def _width(column) -> int:
    """The bytes that a value is guessed to take (get_typavgwidth)."""
    if column.type == "integer":
        return 4
    if column.length is None:
        return 32
    most = column.length * 4 + 4
    return most if most <= 32 else 32 + (min(most, 1000) - 32) // 2
