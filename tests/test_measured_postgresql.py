"""The PostgreSQL engine against runs that were measured beforehand, so that no server is needed.

measured_postgresql.json holds the interleavings of the Hermitage suite as PostgreSQL 15.20 ran
them, with sequential and bitmap scans switched off. So the planner is told to do without them.
Rows were noted in key order, whatever order they came in.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulations import load, run
from simulations.isolation.postgresql.planner import Planner

MEASURED = json.loads(Path(__file__).with_name("measured_postgresql.json").read_text())


def script_of(measured: dict) -> tuple[str, dict[int, int]]:
    """The run as a script, and each step's line in it."""
    rows = ", ".join(str(tuple(row)) for row in MEASURED["initial_rows"])
    lines = [
        "setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);",
        f"setup: INSERT INTO test VALUES {rows};",
    ]
    lines += [f"{session}: BEGIN;" for session in sorted({s for s, _ in measured["sql"]})]
    skipped = {event["step"] for event in measured["events"] if event["what"] == "skipped"}
    numbers = {}
    for step, (session, sql) in enumerate(measured["sql"]):
        if step not in skipped:
            lines.append(f"{session}: {sql};")
            numbers[step] = len(lines)
    return "\n".join(lines) + "\n", numbers


def told(event: dict, lines: dict[int, int]) -> dict:
    released = event.get("released_by_step")
    return {
        "outcome": event["what"],
        "rows": event.get("rows"),
        "count": event.get("n"),
        "sqlstate": event.get("sqlstate"),
        "released_by": None if released is None else lines[released],
    }


@pytest.mark.parametrize(
    "measured", MEASURED["runs"], ids=lambda run: f"{run['name']} at {run['level']}"
)
def test_it_goes_as_measured(measured, monkeypatch):
    monkeypatch.setattr(Planner, "disabled", frozenset({"seq", "bitmap"}))
    script, lines = script_of(measured)
    trace = run("isolation", {"engine": "postgresql", "level": measured["level"], "script": script})
    report = load("isolation").report(trace)
    statements = {statement["line"]: statement for statement in report["statements"]}
    for event in measured["events"]:
        if event["what"] == "skipped":
            continue
        statement = statements[lines[event["step"]]]
        if event["what"] == "blocked":
            assert statement["waited_for"] == event["by"]
            continue
        assert told(event, lines) == {
            "outcome": statement["outcome"],
            "rows": statement["rows"] and sorted(statement["rows"]),
            "count": statement["count"],
            "sqlstate": statement["error"] and statement["error"]["sqlstate"],
            "released_by": statement["released_by"],
        }
    assert report["tables"]["test"] == measured["final"]
    assert report["waiting"] == measured["stuck"]
