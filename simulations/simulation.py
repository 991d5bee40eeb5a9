"""What a simulation is: declared parameters, a model that turns them into events, and drawings.

A simulation is a folder. Its `__init__.py` holds one `SIMULATION`, made of

* parameters, declared once: the form, the shell, the reference table and validation all read them;
* a model: (parameters, seeded random source) -> events, metrics, verdict. It does no I/O, reads no
  wall clock, and counts time in integer microseconds;
* a fold: `apply(state, event)` is pure, so the state after any step can be had again;
* drawings: (trace, step) -> Scene.

Same parameters and same seed give the same trace, byte for byte, in every interpreter.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any, Literal

from simulations.scene import Scene

TRACE_VERSION = 1
EVENT_BUDGET = 20_000
"""A run with more events is refused: no reader can follow it, and a page must not freeze."""


class Problem(ValueError):
    """What is wrong with something a person wrote, as one sentence for that person.

    `parameter` names the parameter that is wrong; `line` and `column` (from 1) point into its text.
    """

    def __init__(
        self,
        message: str,
        *,
        parameter: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.line = line
        self.column = column

    def declare(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "parameter": self.parameter,
            "line": self.line,
            "column": self.column,
        }


def nearest(word: object, known: Iterable[str]) -> str:
    """The end of an error sentence: the likeliest meant name, and all that exist."""
    names = list(known)
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    meant = f" Did you mean “{close[0]}”?" if close else ""
    return f"{meant} There is: {', '.join(names)}."


Kind = Literal["integer", "number", "choice", "script"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a reader can change.

    `minimum` and `maximum` bound a number (inclusive); for a script, `maximum` is its length in
    characters. `unit` is shown beside the value.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def read(self, value: object) -> Any:
        """The value in this parameter's own type. Raises Problem, with what would be right."""
        reader = {
            "integer": self._integer,
            "number": self._number,
            "choice": self._choice,
            "script": self._script,
        }[self.kind]
        return reader(value)

    def declare(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "default": self.default,
            "help": self.help,
            "unit": self.unit,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": list(self.choices),
        }

    def _wrong(self, text: str) -> Problem:
        return Problem(text, parameter=self.name)

    def _integer(self, value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(f"{self.name} must be a whole number{self._range()}, not “{value}”.")
        return int(self._bounded(value))

    def _number(self, value: object) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                pass
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not math.isfinite(value)
        ):
            raise self._wrong(f"{self.name} must be a number{self._range()}, not “{value}”.")
        return float(self._bounded(value))

    def _bounded(self, value: float) -> float:
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise self._wrong(f"{self.name} must be{self._range()}, not {value:g}.")
        return value

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is not None and self.maximum is not None:
            return f" from {self.minimum:g} to {self.maximum:g}{unit}"
        if self.minimum is not None:
            return f" of at least {self.minimum:g}{unit}"
        if self.maximum is not None:
            return f" of at most {self.maximum:g}{unit}"
        return unit and f" of{unit}"

    def _choice(self, value: object) -> str:
        plain = re.sub(r"[-_\s]+", " ", str(value)).strip().casefold()
        for choice in self.choices:
            if re.sub(r"[-_]", " ", choice).casefold() == plain:
                return choice
        raise self._wrong(f"{self.name} cannot be “{value}”.{nearest(value, self.choices)}")

    def _script(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(f"{self.name} must be text, one statement a line.")
        if self.maximum is not None and len(value) > self.maximum:
            raise self._wrong(
                f"{self.name} has {len(value)} characters; at most {self.maximum:g} are allowed."
            )
        return value.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `time` is microseconds of virtual time from the start of the run.

    `sentence` says what happened and why. Captions, transcript, screen readers and search read it.
    `data` holds JSON values only.
    """

    time: int
    actor: str
    kind: str
    data: Mapping[str, Any]
    sentence: str

    def declare(self) -> dict[str, Any]:
        return {
            "time": self.time,
            "actor": self.actor,
            "kind": self.kind,
            "data": dict(self.data),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model returns. A verdict has at least `sentence` and `tone` (good, bad or neutral)."""

    events: Sequence[Event]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Trace:
    """One run. Nothing else persists."""

    simulation: str
    scenario: str | None
    parameters: Mapping[str, Any]
    seed: int
    events: tuple[Event, ...]
    metrics: Mapping[str, Any]
    verdict: Mapping[str, Any] | None

    def declare(self) -> dict[str, Any]:
        """The documented form: what `run --json` prints, before a simulation's own keys."""
        return {
            "version": TRACE_VERSION,
            "simulation": self.simulation,
            "scenario": self.scenario,
            "parameters": dict(self.parameters),
            "seed": self.seed,
            "events": [event.declare() for event in self.events],
            "metrics": dict(self.metrics),
            "verdict": None if self.verdict is None else dict(self.verdict),
        }


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named set of parameters that shows one thing; what it leaves out has its default."""

    name: str
    title: str
    summary: str
    parameters: Mapping[str, Any]

    def declare(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "parameters": dict(self.parameters),
        }


def _first(_: Trace) -> int:
    return 0


def _nothing(_: Trace) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Simulation:
    """A folder's `SIMULATION`: the declaration, the model and its drawings.

    `telling` names the step whose picture stands in a page before anything is played; `report`
    adds a simulation's own keys to the JSON of a trace. A panel keeps its key and its size over all
    steps of a trace, so that nothing in a page moves when the picture changes.
    """

    name: str
    title: str
    summary: str
    parameters: tuple[Parameter, ...]
    scenarios: tuple[Scenario, ...]
    model: Callable[[Mapping[str, Any], Random], Outcome]
    initial: Callable[[Trace], Any]
    apply: Callable[[Any, Event], Any]
    draw: Callable[[Trace, int], Scene]
    telling: Callable[[Trace], int] = _first
    report: Callable[[Trace], dict[str, Any]] = _nothing

    def declare(self) -> dict[str, Any]:
        return {
            "version": TRACE_VERSION,
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "parameters": [parameter.declare() for parameter in self.parameters],
            "scenarios": [scenario.declare() for scenario in self.scenarios],
        }

    def scenario(self, name: str) -> Scenario:
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        known = [scenario.name for scenario in self.scenarios]
        raise Problem(
            f"{self.name} has no scenario “{name}”.{nearest(name, known)}", parameter="scenario"
        )

    def read(self, given: Mapping[str, object], scenario: str | None = None) -> dict[str, Any]:
        """Every parameter's value: given, else the scenario's, else the default. Raises Problem."""
        declared = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in declared:
                raise Problem(
                    f"{self.name} has no parameter “{name}”.{nearest(name, declared)}",
                    parameter=name,
                )
        values = {**(self.scenario(scenario).parameters if scenario else {}), **given}
        return {name: p.read(values.get(name, p.default)) for name, p in declared.items()}

    def run(
        self, given: Mapping[str, object], *, seed: int = 0, scenario: str | None = None
    ) -> Trace:
        """One run. Raises Problem for parameters that cannot be run, and for a run without end."""
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise Problem(f"seed must be a whole number from 0 to {2**32 - 1}.", parameter="seed")
        values = self.read(given, scenario)
        outcome = self.model(values, Random(seed))
        if len(outcome.events) > EVENT_BUDGET:
            raise Problem(
                f"This run has more than {EVENT_BUDGET} events. Make it smaller, or shorter."
            )
        return Trace(
            simulation=self.name,
            scenario=scenario,
            parameters=values,
            seed=seed,
            events=tuple(outcome.events),
            metrics=outcome.metrics,
            verdict=outcome.verdict,
        )

    def json(self, trace: Trace) -> str:
        """The trace as `run --json` prints it, with this simulation's own keys."""
        return json.dumps({**trace.declare(), **self.report(trace)}, ensure_ascii=False, indent=1)


def fold(
    initial: Callable[[Trace], Any], apply: Callable[[Any, Event], Any], trace: Trace
) -> tuple[Any, ...]:
    """The state after each step of a trace. Those of the last few traces are kept."""
    return _states(initial, apply, _ById(trace))


class _ById:
    """A trace as a cache key: traces hold mappings, so they have no hash of their own."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __hash__(self) -> int:
        return id(self.trace)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.trace is other.trace


@lru_cache(maxsize=4)
def _states(
    initial: Callable[[Trace], Any], apply: Callable[[Any, Event], Any], key: _ById
) -> tuple[Any, ...]:
    state = initial(key.trace)
    states = []
    for event in key.trace.events:
        state = apply(state, event)
        states.append(state)
    return tuple(states)
