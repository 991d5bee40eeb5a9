"""Anomaly × engine × level, found by running every scenario that shows an anomaly everywhere.

Nothing is typed in: a scenario has a row if its own run is not serializable, its anomaly is the
first that the verdict names, and a cell says what the same script does there.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from simulations.isolation import SIMULATION
from simulations.isolation.sql import LEVELS
from simulations.isolation.verdict import ANOMALIES
from simulations.simulation import Scenario

COLUMNS = (
    ("none", LEVELS[:1]),  # without control there are no levels
    ("locking", LEVELS),
    ("postgresql", LEVELS[1:]),  # where read uncommitted is read committed
    ("innodb", LEVELS),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """`outcome` is

    allowed   the row's anomaly happens
    other     it does not, but another one does
    aborts    none does, because a transaction was refused with an error
    waits     none does, because a statement waited
    hidden    none does, and nobody waited: a transaction saw an older version
    """

    engine: str
    level: str
    outcome: str
    anomalies: tuple[str, ...]
    sentence: str  # the verdict


@dataclass(frozen=True, slots=True)
class Row:
    scenario: str
    title: str
    anomaly: str
    cells: tuple[Cell, ...]


def matrix() -> list[dict[str, Any]]:
    """The rows, by anomaly, as JSON values."""
    order = list(ANOMALIES)
    rows = sorted(_rows(), key=lambda row: (order.index(row.anomaly), row.scenario))
    return [asdict(row) for row in rows]


def _rows() -> Iterator[Row]:
    for scenario in SIMULATION.scenarios:
        own = SIMULATION.run({}, scenario=scenario.name).verdict["anomalies"]
        if own:
            cells = tuple(
                _cell(scenario, own[0], engine, level)
                for engine, levels in COLUMNS
                for level in levels
            )
            yield Row(scenario.name, scenario.title, own[0], cells)


def _cell(scenario: Scenario, anomaly: str, engine: str, level: str) -> Cell:
    trace = SIMULATION.run({"engine": engine, "level": level}, scenario=scenario.name)
    statements = SIMULATION.report(trace)["statements"]
    found = tuple(trace.verdict["anomalies"])
    if anomaly in found:
        outcome = "allowed"
    elif found:
        outcome = "other"
    elif any(statement["error"] for statement in statements):
        outcome = "aborts"
    elif any(statement["waited_for"] for statement in statements):
        outcome = "waits"
    else:
        outcome = "hidden"
    return Cell(engine, level, outcome, found, trace.verdict["sentence"])
