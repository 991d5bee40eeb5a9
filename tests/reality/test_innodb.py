"""The InnoDB engine against the real MariaDB: cases, the measured facts, random schedules."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations.isolation.scenarios import cases
from simulations.isolation.sql import LEVELS
from tests.reality.choices import differing_choices
from tests.reality.compare import compare, told
from tests.reality.hunt import DIVERGENCES, SETTLED, hunt, wanted
from tests.test_innodb_rules import RULES

pytestmark = pytest.mark.reality
KEPT = sorted(path for where in (DIVERGENCES, SETTLED) for path in where.glob("mariadb-*.txt"))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_goes_as_on_the_server(mariadb, case, level):
    script = case.parameters["script"]
    timeout = int(case.parameters.get("lock_wait_timeout", 50))
    found = compare(mariadb, script, level, timeout)
    assert not found.differences, told(found, script, "mariadb", level)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_the_servers(mariadb, rule):
    level, setup, script = RULES[rule]
    found = compare(mariadb, setup + script, level)
    assert not found.differences, told(found, script, "mariadb", level)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_differed_agrees_now(mariadb, request, path: Path):
    if path.parent == DIVERGENCES:
        reason = "known to differ; simulations/isolation/innodb/__init__.py says why"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False))
    header, _, script = path.read_text().partition("\n\n")
    level = header.removeprefix("level: ")
    found = compare(mariadb, script, level)
    assert not found.differences, told(found, script, "mariadb", level)


@pytest.mark.parametrize("level", LEVELS)
def test_random_schedules_go_as_on_the_server(mariadb, level):
    hunt(mariadb, level, wanted())


def test_the_optimizer_chooses_as_on_the_server(mariadb):
    assert not differing_choices(mariadb, 150)
