"""Every golden script: the case's own engine and level print what the case says.

A case that prints something else leaves the changed file beside it, as NAME.txt.changed; if the
change is right, move it over the old one. A case without output gets its first in the same way.
"""

from pathlib import Path

import pytest

import simulations.isolation
from simulations import run
from simulations.__main__ import text
from simulations.isolation.model import ENGINES
from simulations.isolation.scenarios import Case, cases, read_case
from simulations.isolation.sql import LEVELS
from simulations.isolation.verdict import ANOMALIES

FOLDER = Path(simulations.isolation.__file__).parent / "cases"

every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


@every_case
def test_case_prints_what_it_says(case: Case) -> None:
    printed = text(run("isolation", case.parameters))
    changed = FOLDER / f"{case.name}.txt.changed"
    if printed == case.expected:
        changed.unlink(missing_ok=True)
        return
    changed.write_text(case.text(printed), "utf-8")
    assert printed == case.expected, f"see {changed.name}"


@every_case
def test_case_is_written_in_one_way(case: Case) -> None:
    """So that a changed file differs only where the output does."""
    written = (FOLDER / f"{case.name}.txt").read_text("utf-8")
    assert case.text(case.expected) == written
    assert read_case(case.name, written) == case


@every_case
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("level", LEVELS)
def test_case_runs_everywhere(case: Case, engine: str, level: str) -> None:
    trace = run("isolation", {**case.parameters, "engine": engine, "level": level})
    verdict = trace.verdict
    assert verdict["serializable"] == (not verdict["anomalies"])
    if level == "serializable" and engine != "none":
        assert verdict["serializable"], verdict["sentence"]


def test_every_anomaly_has_a_scenario_of_its_name() -> None:
    names = [case.name for case in cases() if case.title]
    for anomaly in ANOMALIES:
        assert any(name.startswith(anomaly.lower()) for name in names), anomaly
    for name in ("dirty-write", "lost-update", "write-skew", "phantom", "read-only-anomaly",
                 "deadlock", "unique-key-race"):  # fmt: skip
        assert name in names


@pytest.mark.parametrize("anomaly", ANOMALIES)
def test_the_scenario_of_an_anomaly_shows_it(anomaly: str) -> None:
    case = next(c for c in cases() if c.title and c.name.startswith(anomaly.lower()))
    exact = next((c for c in cases() if c.title and c.name == anomaly.lower()), case)
    assert run("isolation", exact.parameters).verdict["anomalies"][0] == anomaly
