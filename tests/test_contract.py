"""What every simulation keeps, whatever it is about. No simulation is named here."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

import simulations
from simulations import Problem, Simulation, Trace, catalog, load
from simulations.browser import request
from simulations.film import film
from simulations.simulation import EVENT_BUDGET, Parameter

ROOT = Path(__file__).resolve().parents[1]

EVENTS_OF_A_SCENARIO = 300  # more than a reader steps through
SECONDS_OF_A_SCENARIO = 0.5  # in CPython; Pyodide takes some three times as long
FILM_BYTES = 40_000  # gzipped; a page with its figures has 80 KB in all
SENTENCE_LENGTH = 300
PANEL_WIDTH = 460
HOSTILE = """<b>&amp;"''</b>"""  # the quote doubled, as in SQL

SIMULATIONS = [load(name) for name in catalog()]
SCENARIOS = [
    pytest.param(simulation, scenario.name, id=f"{simulation.name}-{scenario.name}")
    for simulation in SIMULATIONS
    for scenario in simulation.scenarios
]
PARAMETERS = [
    pytest.param(simulation, parameter, id=f"{simulation.name}-{parameter.name}")
    for simulation in SIMULATIONS
    for parameter in simulation.parameters
]

every_simulation = pytest.mark.parametrize("simulation", SIMULATIONS, ids=lambda s: s.name)
every_scenario = pytest.mark.parametrize(("simulation", "scenario"), SCENARIOS)
every_parameter = pytest.mark.parametrize(("simulation", "parameter"), PARAMETERS)


def whole(simulation: Simulation, trace: Trace) -> str:
    """All that a run gives: its JSON and every picture."""
    return simulation.json(trace) + json.dumps(film(simulation, trace), ensure_ascii=False)


def bounds(parameter: Parameter) -> Iterator[object]:
    if parameter.kind == "choice":
        yield from parameter.choices
    elif parameter.kind != "script":
        yield from (v for v in (parameter.minimum, parameter.maximum) if v is not None)


def well_told(sentence: str) -> str | None:
    """What is wrong with a sentence, or None."""
    first = sentence.split(" ")[0] if sentence else ""
    identifier = bool(re.search(r"[\d_.()]", first.rstrip(".,:;")))
    if not sentence or not (sentence[0].isupper() or sentence[0] in "“\"'(" or identifier):
        return "does not start like a sentence"
    if not re.search(r"[.!?][”\")]?$", sentence):
        return "has no end"
    if len(sentence) > SENTENCE_LENGTH:
        return f"has {len(sentence)} characters, more than {SENTENCE_LENGTH}"
    if re.search(r"\s{2}|\n|\bNone\b|<[\w.]+ object", sentence):
        return "holds what is not meant for a reader"
    return None


@every_simulation
def test_declares_itself(simulation: Simulation) -> None:
    declaration = simulation.declare()
    assert json.loads(json.dumps(declaration)) == declaration
    assert simulation.name in catalog()
    assert simulation.title
    assert well_told(simulation.summary) is None, simulation.summary
    assert simulation.scenarios, "A simulation without a scenario shows nothing."
    names = [scenario.name for scenario in simulation.scenarios]
    assert len(set(names)) == len(names)
    for scenario in simulation.scenarios:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", scenario.name), scenario.name
        assert scenario.title
        assert well_told(scenario.summary) is None, f"{scenario.name}: {scenario.summary}"
        simulation.read({}, scenario.name)


@every_parameter
def test_parameter_is_declared_whole(simulation: Simulation, parameter: Parameter) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", parameter.name)
    assert well_told(parameter.help) is None, parameter.help
    assert parameter.read(parameter.default) == parameter.default
    if parameter.kind == "choice":
        assert parameter.default in parameter.choices
    elif parameter.kind == "script":
        assert parameter.maximum, "A script needs a longest length."
    else:
        assert parameter.minimum is not None
        assert parameter.maximum is not None
        assert parameter.minimum <= parameter.default <= parameter.maximum


@every_parameter
def test_parameter_at_its_bounds(simulation: Simulation, parameter: Parameter) -> None:
    """Each bound runs in every scenario, or says in a sentence why not."""
    for scenario in simulation.scenarios:
        for value in bounds(parameter):
            given = {parameter.name: str(value)}
            try:
                trace = simulation.run(given, scenario=scenario.name)
            except Problem as problem:
                assert well_told(problem.message) is None, problem.message
            else:
                assert trace.parameters[parameter.name] == value
                assert len(trace.events) <= EVENT_BUDGET


@every_parameter
def test_parameter_beyond_its_bounds(simulation: Simulation, parameter: Parameter) -> None:
    wrong: list[object] = [None, True, [], float("nan")] if parameter.kind != "choice" else ["?"]
    if parameter.kind == "script":
        wrong = [None, 5, "x" * (int(parameter.maximum or 0) + 1)]
    elif parameter.kind != "choice":
        wrong += [parameter.minimum - 1, parameter.maximum + 1, "many"]
    for value in wrong:
        with pytest.raises(Problem) as caught:
            simulation.run({parameter.name: value})
        assert caught.value.parameter == parameter.name
        assert parameter.name in caught.value.message


@every_scenario
def test_same_run_same_bytes(simulation: Simulation, scenario: str) -> None:
    """Also after another run in between: nothing is kept from one run to the next."""
    first = whole(simulation, simulation.run({}, seed=7, scenario=scenario))
    simulation.run({}, seed=8, scenario=scenario)
    assert whole(simulation, simulation.run({}, seed=7, scenario=scenario)) == first


DIGESTS = """
import hashlib
from tests.test_contract import SIMULATIONS, whole
for simulation in SIMULATIONS:
    for scenario in simulation.scenarios:
        text = whole(simulation, simulation.run({}, seed=7, scenario=scenario.name))
        print(simulation.name, scenario.name, hashlib.sha256(text.encode()).hexdigest())
"""


def test_same_bytes_whatever_the_hash_seed() -> None:
    """The order of a set of strings differs from process to process; no trace may show it."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == len(SCENARIOS)


@every_scenario
def test_events_tell_the_run(simulation: Simulation, scenario: str) -> None:
    trace = simulation.run({}, scenario=scenario)
    assert trace.events
    now = 0
    for event in trace.events:
        assert type(event.time) is int
        assert event.time >= now
        now = event.time
        assert event.actor
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", event.kind), event.kind
        assert well_told(event.sentence) is None, (well_told(event.sentence), event.sentence)
    if trace.verdict is not None:
        assert trace.verdict["tone"] in {"good", "bad", "neutral"}
        sentences = re.split(r"(?<=[.!?])\s+", trace.verdict["sentence"])
        assert all(well_told(sentence) is None for sentence in sentences), sentences
    assert 0 <= simulation.telling(trace) < len(trace.events)


@every_scenario
def test_trace_is_plain_json(simulation: Simulation, scenario: str) -> None:
    trace = simulation.run({}, scenario=scenario)
    text = json.dumps({**trace.declare(), **simulation.report(trace)}, allow_nan=False)
    told = json.loads(text)
    for key in ("version", "parameters", "seed", "events", "metrics", "verdict"):
        assert key in told
    again = simulation.run(told["parameters"], seed=told["seed"])
    assert again.events == trace.events, "A trace's own parameters do not give its events again."


@every_scenario
def test_the_fold_is_pure(simulation: Simulation, scenario: str) -> None:
    trace = simulation.run({}, scenario=scenario)
    state = simulation.initial(trace)
    for event in trace.events:
        before = repr(state), repr(event)
        after = simulation.apply(state, event)
        assert (repr(state), repr(event)) == before, f"apply() changes what it is given: {event}"
        assert repr(simulation.apply(state, event)) == repr(after)
        state = after


def check_picture(svg: str, where: str) -> None:
    root = ElementTree.fromstring(svg)
    tag = root.tag.rpartition("}")[2]
    assert tag == "svg", where
    assert root.get("role") == "img", where
    assert root.get("aria-label"), f"{where}: a picture needs a summary for those who do not see it"
    left, top, width, height = map(int, root.get("viewBox", "").split())
    assert (left, top) == (0, 0), where
    assert 0 < width <= PANEL_WIDTH, f"{where}: {width} wide; at most {PANEL_WIDTH}"
    assert height > 0, where
    keys = [key for element in root.iter() if (key := element.get("data-key")) is not None]
    assert len(set(keys)) == len(keys), f"{where}: a key is used twice"
    for element in root.iter():
        for name, value in element.attrib.items():
            assert name not in {"style", "fill", "stroke", "onclick", "href"}, f"{where}: {name}"
            if name in {"transform", "d", "x", "y", "width", "height", "points"}:
                assert not re.search(r"\d\.\d|nan|inf|e[+-]?\d", value), f"{where}: {name}={value}"


@every_scenario
def test_every_step_draws(simulation: Simulation, scenario: str) -> None:
    trace = simulation.run({}, scenario=scenario)
    drawn = film(simulation, trace)
    assert drawn["panels"]
    for panel in drawn["panels"]:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", panel["key"])
        assert panel["title"]
        sizes = {re.search(r'viewBox="([^"]*)"', svg).group(1) for svg in panel["svg"]}
        assert len(sizes) == 1, f"{panel['key']} changes its size: the page would jump. {sizes}"
        for number, svg in enumerate(panel["svg"]):
            check_picture(svg, f"{panel['key']}, picture {number}")
    steps = set().union(
        *({s for s, i in enumerate(p["at"]) if i is not None} for p in drawn["panels"])
    )
    assert steps == set(range(len(trace.events))), "A step has no picture."


@every_scenario
def test_text_of_the_reader_is_escaped(simulation: Simulation, scenario: str) -> None:
    """What a reader writes may hold markup: in a quoted text, or in a comment."""
    scripts = [p.name for p in simulation.parameters if p.kind == "script"]
    values = simulation.read({}, scenario)
    for name in scripts:
        values[name] = re.sub(r"'([^'\n]*)'", rf"'{HOSTILE}\1'", values[name])
    try:
        trace = simulation.run(values)
    except Problem as problem:
        assert well_told(problem.message) is None, problem.message
        return
    for panel in film(simulation, trace)["panels"]:
        for svg in panel["svg"]:
            check_picture(svg, panel["key"])
            assert "<b>" not in svg


@every_scenario
def test_within_budget(simulation: Simulation, scenario: str) -> None:
    """Small enough to be followed, to ride in a page, and to be run again while a reader waits."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        trace = simulation.run({}, scenario=scenario)
        drawn = film(simulation, trace)
        best = min(best, time.process_time() - start)
    assert len(trace.events) <= EVENTS_OF_A_SCENARIO
    assert best < SECONDS_OF_A_SCENARIO
    packed = gzip.compress(json.dumps(drawn, ensure_ascii=False).encode())
    assert len(packed) <= FILM_BYTES


@every_scenario
def test_the_browser_gets_the_same(simulation: Simulation, scenario: str) -> None:
    """Asked for picture by picture, the worker's door gives what the build puts into the page."""
    whole_film = film(simulation, simulation.run({}, scenario=scenario))
    asked = {"do": "run", "simulation": simulation.name, "scenario": scenario, "parameters": {}}
    answer = json.loads(request(json.dumps(asked)))
    assert answer["ok"], answer
    assert answer["film"] == film(
        simulation, simulation.run({}, scenario=scenario), [whole_film["telling"]]
    )
    steps = list(range(len(whole_film["steps"])))
    answer = json.loads(request(json.dumps({"do": "draw", "steps": steps})))
    assert answer["panels"] == whole_film["panels"]


@every_simulation
def test_readme_says_what_is_true(simulation: Simulation) -> None:
    text = (Path(simulations.__file__).parent / simulation.name / "README.md").read_text("utf-8")
    for section in ("What is modelled", "What is simplified", "Sources"):
        found = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert found, f"README.md has no section “## {section}”."
        assert found.group(1).strip(), f"“{section}” is empty."
