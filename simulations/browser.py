"""The one function that the browser calls: a request as JSON text in, an answer as JSON text out.

    {"do": "describe", "simulation": N}
    {"do": "run", "simulation": N, "parameters": {…}, "scenario": S, "seed": 0, "step": k,
     "source": T}
    {"do": "draw", "steps": […]}

`run` keeps its trace and answers with a film in which one step is drawn; `draw` draws more of it.
`source` is an edited model.py: its functions stand in for those of the simulation, for this run.
Whatever is wrong comes back as {"ok": false, "problem": {message, parameter, line, column}}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from simulations import load, packaged
from simulations.film import film, pictures
from simulations.simulation import Problem, Simulation, Trace

SOURCE = "model.py"


@dataclass(slots=True)
class _Latest:
    run: tuple[Simulation, Trace] | None = None


_latest = _Latest()


def request(text: str) -> str:
    """Answer one request. Never raises for bad input; `text` and the result are JSON."""
    edited = False
    try:
        asked = json.loads(text)
        if not isinstance(asked, dict) or asked.get("do") not in _ANSWERS:
            raise Problem(f"A request must say what to do: {', '.join(_ANSWERS)}.")
        edited = bool(asked.get("source"))
        answer = {"ok": True, **_ANSWERS[asked["do"]](asked)}
    except Problem as problem:
        answer = {"ok": False, "problem": problem.declare()}
    except json.JSONDecodeError as error:
        answer = {"ok": False, "problem": Problem(f"The request is not JSON: {error}.").declare()}
    except Exception as error:  # the reader's own source may raise anything
        answer = {"ok": False, "problem": _explain(error, edited).declare()}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _describe(asked: Mapping[str, Any]) -> dict[str, Any]:
    name = str(asked.get("simulation"))
    declaration = load(name).declare()
    return {"declaration": {**declaration, "source": packaged.text(name, SOURCE)}}


def _run(asked: Mapping[str, Any]) -> dict[str, Any]:
    simulation = load(str(asked.get("simulation")))
    if asked.get("source"):
        simulation = _edited(simulation, str(asked["source"]))
    parameters = asked.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Problem("parameters must be an object of names and values.")
    trace = simulation.run(
        parameters, seed=asked.get("seed", 0), scenario=asked.get("scenario") or None
    )
    if not trace.events:
        raise Problem("This run has no events, so there is nothing to show.")
    _latest.run = (simulation, trace)
    last = len(trace.events) - 1
    step = asked.get("step")
    step = simulation.telling(trace) if not isinstance(step, int) else step
    return {"film": film(simulation, trace, [min(max(step, 0), last)])}


def _draw(asked: Mapping[str, Any]) -> dict[str, Any]:
    if _latest.run is None:
        raise Problem("Nothing has been run yet, so there is nothing to draw.")
    simulation, trace = _latest.run
    count = len(trace.events)
    steps = asked.get("steps")
    if not isinstance(steps, list) or not all(
        isinstance(step, int) and 0 <= step < count for step in steps
    ):
        raise Problem(f"steps must be a list of whole numbers from 0 to {count - 1}.")
    return {"panels": pictures(simulation, trace, steps)}


_ANSWERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "describe": _describe,
    "run": _run,
    "draw": _draw,
}


def _edited(simulation: Simulation, source: str) -> Simulation:
    """The simulation with the functions of an edited model.py in place of its own."""
    original = simulation.model.__module__
    module = ModuleType(original)
    module.__package__ = original.rpartition(".")[0]
    module.__file__ = SOURCE
    try:
        code = compile(source, SOURCE, "exec")
    except SyntaxError as error:
        raise Problem(
            f"The edited source is not Python: {error.msg}.",
            parameter="source",
            line=error.lineno,
            column=error.offset,
        ) from None
    exec(code, module.__dict__)  # the reader's own code, in a worker that can reach nothing
    changed = {}
    for role in ("model", "initial", "apply", "telling", "report"):
        function = getattr(simulation, role)
        if function.__module__ == original:
            changed[role] = getattr(module, function.__name__, None)
            if changed[role] is None:
                raise Problem(
                    f"The edited source no longer defines {function.__name__}().",
                    parameter="source",
                )
    return replace(simulation, **changed)


def _explain(error: Exception, edited: bool) -> Problem:
    """An unforeseen exception as a sentence; in edited source, with the line that raised it."""
    name = type(error).__name__
    said = f"{name}: {error}" if str(error) else name
    if not edited:
        return Problem(f"The simulation failed: {said}. This is an error of the course, not yours.")
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == SOURCE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return Problem(f"The edited source raised {said}.", parameter="source", line=line)
