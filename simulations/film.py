"""Trace -> film: the one form in which a run travels to a page, from the build and from the worker.

A film holds every step's sentence and, panel by panel, the distinct pictures with an index for each
step (None where a step has not been drawn). Most steps change one panel, so pictures are shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulations.simulation import Simulation, Trace
from simulations.svg import svg

FILM_VERSION = 1


def film(
    simulation: Simulation, trace: Trace, steps: Iterable[int] | None = None
) -> dict[str, Any]:
    """The film of a trace with the given steps drawn, or with all of them."""
    count = len(trace.events)
    return {
        "version": FILM_VERSION,
        "simulation": trace.simulation,
        "title": simulation.title,
        "scenario": trace.scenario,
        "parameters": dict(trace.parameters),
        "seed": trace.seed,
        "panels": pictures(simulation, trace, range(count) if steps is None else steps),
        "steps": [
            {"time": e.time, "actor": e.actor, "kind": e.kind, "sentence": e.sentence}
            for e in trace.events
        ],
        "telling": min(max(simulation.telling(trace), 0), count - 1),
        "verdict": None if trace.verdict is None else dict(trace.verdict),
        "metrics": dict(trace.metrics),
    }


def pictures(simulation: Simulation, trace: Trace, steps: Iterable[int]) -> list[dict[str, Any]]:
    """The panels at these steps: [{key, title, svg: [distinct], at: [index or None a step]}]."""
    panels: dict[str, dict[str, Any]] = {}
    known: dict[str, dict[str, int]] = {}
    for step in steps:
        for panel in simulation.draw(trace, step).panels:
            entry = panels.setdefault(
                panel.key,
                {
                    "key": panel.key,
                    "title": panel.title,
                    "svg": [],
                    "at": [None] * len(trace.events),
                },
            )
            text = svg(panel)
            index = known.setdefault(panel.key, {}).setdefault(text, len(entry["svg"]))
            if index == len(entry["svg"]):
                entry["svg"].append(text)
            entry["at"][step] = index
    return list(panels.values())
