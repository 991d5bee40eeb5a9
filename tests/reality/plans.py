"""The model's plans against EXPLAIN: statements drawn at random over the schedules' tables."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulations.isolation.parser import parse
from simulations.isolation.postgresql.heap import Table
from simulations.isolation.postgresql.planner import Planner
from simulations.isolation.sql import Select
from tests.reality.postgresql import PostgreSQL
from tests.reality.schedules import SCHEMAS, locking_reads, reads, updates, where


@st.composite
def questions(draw) -> tuple[str, str]:
    """A table definition and a statement over it."""
    definition, columns = draw(st.sampled_from(SCHEMAS))
    delete = where(columns).map("DELETE FROM test{}".format)
    return definition, draw(
        st.one_of(reads(columns), locking_reads(columns), updates(columns), delete)
    )


def differing_plans(system: PostgreSQL, examples: int) -> list[str]:
    """Statements that the server plans in another way, each with both plans."""
    found = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(questions())
    def ask(question: tuple[str, str]) -> None:
        definition, sql = question
        system.begin([], "read committed", 50)
        system.set_up(f"CREATE TABLE test ({definition})")
        row = ", ".join("'1'" for _ in definition.split(","))
        system.set_up(f"INSERT INTO test VALUES ({row})")
        ours, theirs = model_plan(definition, sql), real_plan(system.explain(sql))
        if ours != theirs:
            found.append(f"{sql}\n    model: {ours}\n    real: {theirs}")

    ask()
    return found


def model_plan(definition: str, sql: str) -> str:
    table = Table(parse(f"CREATE TABLE test ({definition})"))
    for index in table.indexes:
        index.born = True
    statement = parse(sql)
    planner = Planner(table, statement.where)
    plan = planner.plan(statement)
    if plan.kind in ("nothing", "ends"):
        return plan.kind
    ordered = isinstance(statement, Select) and bool(planner.needed(statement.order_by))
    return _words(
        plan.kind,
        [arm.index.name for arm in plan.arms],
        plan.backward,
        ordered and not plan.sorted,
    )


def real_plan(explained: str) -> str:
    if "One-Time Filter: false" in explained:
        return "nothing"
    if "InitPlan" in explained:
        return "ends"
    kind = "seq" if "Seq Scan" in explained else "bitmap" if "Bitmap" in explained else "index"
    indexes = re.findall(r"Index (?:Only )?Scan (?:Backward )?(?:using|on) (\w+)", explained)
    return _words(kind, indexes, "Backward" in explained, "Sort" in explained)


def _words(kind: str, indexes: list[str], backward: bool, sort: bool) -> str:
    words = [kind, *sorted(indexes)]
    return " ".join([*words, *(["backward"] if backward else []), *(["sort"] if sort else [])])
