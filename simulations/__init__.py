"""The public door: which simulations there are, and how to run and draw one.

    >>> from simulations import run
    >>> run("isolation", {"engine": "postgresql"}, scenario="write-skew").verdict["serializable"]
    False

A simulation is a folder here whose `__init__.py` holds `SIMULATION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from simulations.scene import Scene
from simulations.simulation import Problem, Simulation, Trace, nearest

__all__ = ["Problem", "Scene", "Simulation", "Trace", "catalog", "draw", "load", "run"]


@lru_cache(maxsize=1)
def catalog() -> tuple[str, ...]:
    """The names of all simulations, in alphabetical order."""
    return tuple(
        sorted(m.name for m in iter_modules(__path__) if m.ispkg and not m.name.startswith("_"))
    )


def load(name: str) -> Simulation:
    """The simulation of that name. Raises Problem with the nearest right one."""
    if name not in catalog():
        raise Problem(f"There is no simulation “{name}”.{nearest(name, catalog())}")
    return import_module(f"{__name__}.{name}").SIMULATION


def run(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    scenario: str | None = None,
) -> Trace:
    """One run of a simulation. Raises Problem, a sentence, for anything that cannot be run."""
    return load(name).run(parameters or {}, seed=seed, scenario=scenario)


def draw(trace: Trace, step: int) -> Scene:
    """The picture of a trace after a step, counted from 0. Raises Problem beyond the last step."""
    if not 0 <= step < len(trace.events):
        raise Problem(
            f"step must be from 0 to {len(trace.events) - 1}, not {step}.", parameter="step"
        )
    return load(trace.simulation).draw(trace, step)
