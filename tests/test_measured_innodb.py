"""The InnoDB engine against runs that were measured beforehand, so that no server is needed.

measured_innodb.json holds the interleavings of the Hermitage suite as MariaDB 10.11.19 ran them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulations import load, run

MEASURED = json.loads(Path(__file__).with_name("measured_innodb.json").read_text())


def script_of(measured: dict) -> tuple[str, dict[int, int]]:
    """The run as a script, and each step's line in it."""
    rows = ", ".join(str(tuple(row)) for row in MEASURED["initial_rows"])
    lines = [
        "setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);",
        f"setup: INSERT INTO test VALUES {rows};",
    ]
    lines += [f"{session}: BEGIN;" for session in sorted({s for s, _ in measured["sql"]})]
    numbers = {}
    for step, (session, sql) in enumerate(measured["sql"]):
        lines.append(f"{session}: {sql};")
        numbers[step] = len(lines)
    return "\n".join(lines) + "\n", numbers


@pytest.mark.parametrize(
    "measured", MEASURED["runs"], ids=lambda run: f"{run['name']} at {run['level']}"
)
def test_it_goes_as_measured(measured):
    script, lines = script_of(measured)
    trace = run("isolation", {"engine": "innodb", "level": measured["level"], "script": script})
    report = load("isolation").report(trace)
    statements = {statement["line"]: statement for statement in report["statements"]}
    for event in measured["events"]:
        statement = statements[lines[event["step"]]]
        if event["what"] == "blocked":
            assert statement["waited_for"] == event["by"]
            continue
        if event["what"] == "deferred":
            assert statement["deferred"]
            continue
        released = event.get("released_by_step")
        assert statement["outcome"] == event["what"]
        assert statement["released_by"] == (None if released is None else lines[released])
        if event["what"] == "error":
            assert statement["error"]["code"] == event["errno"]
        elif "rows" in event:
            assert statement["rows"] == event["rows"]
        elif "n" in event:
            assert statement["count"] == event["n"]
    assert report["tables"]["test"] == measured["final"]
    assert report["waiting"] == measured["stuck"]
