"""A model's report against a real database's: the same, or where not.

Where one statement wakes several sessions at once, the database does not define which of them
runs first, nor which of two that begin to wait at once looks for a deadlock first; and even a
single one runs on while the statement that woke it has not quite ended. A run that differs is
therefore held against the model's other orders; if none agrees, the database runs the script
again, with more time to settle. It counts as ambiguous if one agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulations.isolation.model import Driver, make_engine
from simulations.isolation.script import read_script
from simulations.isolation.state import report
from simulations.simulation import Trace
from tests.reality.driver import System, run_real

ENGINES = {"postgresql": "postgresql", "mariadb": "innodb"}
STATEMENT_KEYS = (
    "outcome", "columns", "rows", "count", "error", "waited_for", "deferred", "released_by",
)  # fmt: skip
ORDERS = 200  # of waking, at most
REPETITIONS = 4


@dataclass(frozen=True, slots=True)
class Comparison:
    differences: tuple[str, ...]  # of the model's own order
    ambiguous: bool = False  # the sessions that were woken ran on in another order


def run_model(
    system: str, script: str, level: str, lock_wait_timeout: int = 50, choose=None
) -> dict:
    values = {
        "engine": ENGINES[system],
        "level": level,
        "lock_wait_timeout": lock_wait_timeout,
        "script": script,
    }
    engine = make_engine(values["engine"], level, lock_wait_timeout)
    if choose is not None and system == "postgresql":
        engine.executor.waits.choose = choose
    run = Driver(read_script(script, engine.dialect), engine, lock_wait_timeout, choose).run()
    events = tuple(run.events)
    return report(Trace("isolation", None, values, 0, events, run.metrics, run.verdict))


def compare(system: System, script: str, level: str, lock_wait_timeout: int = 50) -> Comparison:
    real = run_real(system, script, level, lock_wait_timeout)
    models = list(_agreeing(system, script, level, lock_wait_timeout, real))
    if not differences(models[-1], real):
        return Comparison((), ambiguous=len(models) > 1)
    system.unhurried = True
    try:
        for _ in range(REPETITIONS):
            again = run_real(system, script, level, lock_wait_timeout)
            if not all(differences(model, again) for model in models):
                return Comparison((), ambiguous=True)
    finally:
        system.unhurried = False
    return Comparison(differences(models[0], real))


def _agreeing(
    system: System, script: str, level: str, lock_wait_timeout: int, real: dict
) -> Iterator[dict]:
    """The model's reports, up to the first that agrees."""
    for model in _orders(system.name, script, level, lock_wait_timeout):
        yield model
        if not differences(model, real):
            return


def _orders(system: str, script: str, level: str, lock_wait_timeout: int) -> Iterator[dict]:
    """The model's reports: for its own order of waking first, then for the others, depth first."""
    todo: list[tuple[int, ...]] = [()]
    for _ in range(ORDERS):
        if not todo:
            return
        prefix = todo.pop()
        taken: list[int] = []
        widths: list[int] = []

        def choose(woken: tuple[str, ...], prefix=prefix, taken=taken, widths=widths) -> str:
            index = prefix[len(taken)] if len(taken) < len(prefix) else 0
            taken.append(index)
            widths.append(len(woken))
            return woken[index]

        yield run_model(system, script, level, lock_wait_timeout, choose)
        for place in range(len(taken) - 1, len(prefix) - 1, -1):
            for index in range(widths[place] - 1, 0, -1):
                todo.append((*taken[:place], index))


def differences(model: dict, real: dict) -> tuple[str, ...]:
    """Each a line: where, what the model says, what the database did."""
    found = []
    for ours, theirs in zip(model["statements"], real["statements"], strict=True):
        for key in STATEMENT_KEYS:
            one, other = _same_form(key, ours[key]), _same_form(key, theirs[key])
            if one != other:
                where = f"line {ours['line']}, {ours['session']}: {ours['sql']}"
                found.append(f"{where}\n    {key}: model {one}, real {other}")
    for key in ("tables", "committed", "aborted", "waiting"):
        one, other = _same_form(key, model[key]), _same_form(key, real[key])
        if one != other:
            found.append(f"{key}: model {one}, real {other}")
    return tuple(found)


def _same_form(key: str, value):
    if key in ("waited_for", "waiting", "committed", "aborted"):
        return sorted(value)
    if key == "tables":
        return {name: [list(row) for row in rows] for name, rows in value.items()}
    if key == "rows" and value is not None:
        return [list(row) for row in value]
    return value


def told(comparison: Comparison, script: str, system: str, level: str) -> str:
    """A divergence for a person: the script that shows it, and what differs."""
    return f"{system} at {level} differs from its model:\n\n{script}\n" + "\n".join(
        comparison.differences
    )
