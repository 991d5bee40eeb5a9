"""The PostgreSQL engine against the real server: every case, random schedules, and its plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations.isolation.scenarios import cases
from simulations.isolation.sql import LEVELS
from tests.reality.compare import compare, told
from tests.reality.hunt import DIVERGENCES, SETTLED, hunt, wanted
from tests.reality.plans import differing_plans
from tests.test_postgresql_rules import RULES

pytestmark = pytest.mark.reality
# Read uncommitted is read committed in PostgreSQL; the cases hold the two together.
RANDOM_LEVELS = LEVELS[1:]
KEPT = sorted(path for where in (DIVERGENCES, SETTLED) for path in where.glob("postgresql-*.txt"))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_goes_as_on_the_server(postgresql, case, level):
    script = case.parameters["script"]
    found = compare(postgresql, script, level)
    assert not found.differences, told(found, script, "postgresql", level)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_the_servers(postgresql, rule):
    level, setup, script = RULES[rule]
    found = compare(postgresql, setup + script, level)
    assert not found.differences, told(found, setup + script, "postgresql", level)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_differed_agrees_now(postgresql, path: Path):
    header, _, script = path.read_text().partition("\n\n")
    level = header.removeprefix("level: ")
    found = compare(postgresql, script, level)
    assert not found.differences, told(found, script, "postgresql", level)


@pytest.mark.parametrize("level", RANDOM_LEVELS)
def test_random_schedules_go_as_on_the_server(postgresql, level):
    hunt(postgresql, level, wanted())


def test_the_planner_plans_as_the_server_does(postgresql):
    if not postgresql.version.startswith("15."):
        pytest.skip(f"The model has the planner of PostgreSQL 15; this is {postgresql.version}.")
    assert not differing_plans(postgresql, 300)
