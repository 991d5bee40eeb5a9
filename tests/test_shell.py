"""The door from the shell: list, describe, run, draw; 2 and one sentence for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from simulations import catalog, load
from simulations.__main__ import main

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not catalog(), reason="There is no simulation yet.")


@pytest.fixture(params=catalog())
def simulation(request: pytest.FixtureRequest):
    return load(request.param)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence on standard error."""
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    return printed.err


def test_list_names_every_simulation(capsys, simulation) -> None:
    line = next(
        line for line in run(capsys, "list").splitlines() if line.split()[0] == simulation.name
    )
    assert simulation.title in line


def test_describe(capsys, simulation) -> None:
    text = run(capsys, "describe", simulation.name)
    told = json.loads(run(capsys, "describe", simulation.name, "--json"))
    assert told["name"] == simulation.name
    for parameter in simulation.parameters:
        assert parameter.name in text
        assert parameter.name in [declared["name"] for declared in told["parameters"]]
    for scenario in simulation.scenarios:
        assert scenario.name in text


def test_run_as_text_and_as_json(capsys, simulation) -> None:
    scenario = simulation.scenarios[0].name
    words = ("run", simulation.name, f"scenario={scenario}", "--seed", "3")
    trace = simulation.run({}, seed=3, scenario=scenario)
    text = run(capsys, *words)
    assert run(capsys, *words, "--text") == text
    assert text.splitlines()[0] == trace.events[0].sentence
    told = json.loads(run(capsys, *words, "--json"))
    assert told["version"] == 1
    assert told["seed"] == 3
    assert [event["sentence"] for event in told["events"]] == [e.sentence for e in trace.events]


def test_run_takes_every_parameter_as_a_word(capsys, simulation) -> None:
    words = [f"{p.name}={p.default}" for p in simulation.parameters if p.kind != "script"]
    assert run(capsys, "run", simulation.name, *words) == run(capsys, "run", simulation.name)


def test_run_takes_a_script_from_a_file(capsys, simulation, tmp_path: Path) -> None:
    scripts = [p for p in simulation.parameters if p.kind == "script"]
    file = tmp_path / "script.txt"
    file.write_text(scripts[0].default if scripts else "", "utf-8")
    if scripts:
        written = run(capsys, "run", simulation.name, "--script", str(file))
        assert written == run(capsys, "run", simulation.name)
        absent = refused(capsys, "run", simulation.name, "--script", str(tmp_path / "absent"))
        assert "absent" in absent
    else:
        assert "script" in refused(capsys, "run", simulation.name, "--script", str(file))


def test_draw_writes_a_picture_that_stands_alone(capsys, simulation, tmp_path: Path) -> None:
    trace = simulation.run({})
    file = tmp_path / "figure.svg"
    last = len(trace.events) - 1
    words = ("draw", simulation.name, "--step", str(last), "-o", str(file))
    assert trace.events[last].sentence in run(capsys, *words)
    picture = file.read_text("utf-8")
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "href" not in picture
    for step in ("-1", str(last + 1), "many"):
        refused(capsys, "draw", simulation.name, f"--step={step}", "-o", str(file))
    refused(
        capsys, "draw", simulation.name, "--step", "0", "-o", str(tmp_path / "no" / "figure.svg")
    )


def test_bad_input_is_named(capsys, simulation) -> None:
    name = simulation.name
    parameter = simulation.parameters[0].name
    assert f"“{name}x”" in refused(capsys, "run", f"{name}x")
    assert name in refused(capsys, "describe", f"{name}x")
    assert f"“{parameter}x”" in refused(capsys, "run", name, f"{parameter}x=1")
    assert "KEY=VALUE" in refused(capsys, "run", name, "word")
    assert parameter in refused(capsys, "run", name, f"{parameter}=1", f"{parameter}=2")
    assert "“nothing”" in refused(capsys, "run", name, "scenario=nothing")
    assert "seed" in refused(capsys, "run", name, "--seed", "-1")
    for scenario in refused(capsys, "run", name, "scenario=?").split("There is:")[1:]:
        assert simulation.scenarios[0].name in scenario


@pytest.mark.parametrize("words", [(), ("walk",), ("run",), ("list", "x"), ("draw", "x")])
def test_a_wrong_command_shows_the_usage(capsys, words: tuple[str, ...]) -> None:
    assert "python -m simulations" in refused(capsys, *words)


def shell(*words: str, **more) -> subprocess.CompletedProcess[str]:
    """A process of its own, as a person starts it; in a locale that knows ASCII only."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-m", "simulations", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        **more,
    )


def test_as_a_command() -> None:
    listed = shell("list")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == len(catalog())
    wrong = shell("run", "nothing")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert wrong.stderr.count("\n") == 1, wrong.stderr
    assert "“nothing”" in wrong.stderr


def test_help_is_no_error() -> None:
    asked = shell("--help")
    assert asked.returncode == 0
    assert "describe" in asked.stdout
