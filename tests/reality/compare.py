"""A model's report against a real database's: the same, or where not.

Where one statement wakes several sessions at once, the database does not define which of them
runs first. A run that differs is therefore tried again with the model's other orders of waking,
and counts as ambiguous if one of them agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulations.isolation.model import play
from simulations.isolation.state import report
from simulations.simulation import Trace
from tests.reality.driver import System, run_real

ENGINES = {"postgresql": "postgresql", "mariadb": "innodb"}
STATEMENT_KEYS = (
    "outcome", "columns", "rows", "count", "error", "waited_for", "deferred", "released_by",
)  # fmt: skip
ORDERS = 200  # of waking, at most
# MariaDB lets a woken session run on while the other is still freeing its locks, so that the same
# script can go more than one way; a run that differs is done again.
ATTEMPTS = {"postgresql": 1, "mariadb": 3}


@dataclass(frozen=True, slots=True)
class Comparison:
    differences: tuple[str, ...]  # of the model's own order
    ambiguous: bool = False  # the database ran the woken sessions in another order


def run_model(
    system: str, script: str, level: str, lock_wait_timeout: int = 50, choose=None
) -> dict:
    values = {
        "engine": ENGINES[system],
        "level": level,
        "lock_wait_timeout": lock_wait_timeout,
        "script": script,
    }
    run = play(values, choose)
    events = tuple(run.events)
    return report(Trace("isolation", None, values, 0, events, run.metrics, run.verdict))


def compare(system: System, script: str, level: str, lock_wait_timeout: int = 50) -> Comparison:
    first: tuple[str, ...] | None = None
    for attempt in range(ATTEMPTS[system.name]):
        real = run_real(system, script, level, lock_wait_timeout)
        for number, model in enumerate(_orders(system.name, script, level, lock_wait_timeout)):
            found = differences(model, real)
            if not found:
                return Comparison((), ambiguous=number > 0 or attempt > 0)
            if first is None:
                first = found
    return Comparison(first)


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
