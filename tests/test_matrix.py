"""The matrix and the verdicts against what others published and what real servers did.

measured_isolation.json holds the summary table of the Hermitage suite for the two databases, and
its interleavings as they went on PostgreSQL 15.20 and MariaDB 10.11.19: which transactions
committed, whether the run was serializable (by trying every serial order), and what prevented the
anomaly. PostgreSQL ran without sequential and bitmap scans there, so its planner does without too.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulations import load, run
from simulations.isolation.matrix import matrix
from simulations.isolation.postgresql.planner import Planner
from simulations.isolation.verdict import ANOMALIES

FACTS = json.loads(Path(__file__).with_name("measured_isolation.json").read_text("utf-8"))
SCENARIOS = {name: name.lower() for name in ANOMALIES} | {"P4": "p4-lost-update"}
PREVENTED_BY = {"blocking": "waits", "abort": "aborts", "versioning (no wait, no abort)": "hidden"}

Cells = dict[tuple[str, str, str], dict]


@pytest.fixture(scope="module")
def cells() -> Iterator[Cells]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Planner, "disabled", frozenset({"seq", "bitmap"}))
        yield {
            (row["scenario"], cell["engine"], cell["level"]): cell
            for row in matrix()
            for cell in row["cells"]
        }


@pytest.mark.parametrize("row", FACTS["published"], ids=lambda r: f"{r['engine']} {r['level']}")
def test_it_allows_what_the_published_table_allows(row: dict, cells: Cells) -> None:
    for anomaly, scenario in SCENARIOS.items():
        outcome = cells[scenario, row["engine"], row["level"]]["outcome"]
        # InnoDB at repeatable read prevents PMP and G-single for reads alone, which these are.
        assert (outcome == "allowed") == (row[anomaly] == "allowed"), (anomaly, outcome)


@pytest.mark.parametrize(
    "measured",
    [measured for measured in FACTS["runs"] if measured["name"] in SCENARIOS],
    ids=lambda r: f"{r['engine']} {r['level']} {r['name']}",
)
def test_it_prevents_as_the_servers_did(measured: dict, cells: Cells) -> None:
    cell = cells[SCENARIOS[measured["name"]], measured["engine"], measured["level"]]
    assert (cell["outcome"] == "allowed") == (measured["verdict"] == "allowed")
    if cell["outcome"] == "other":
        assert not measured["serializable"]
    elif cell["outcome"] != "allowed":
        assert cell["outcome"] == PREVENTED_BY[measured["how"]]


@pytest.mark.parametrize(
    "measured", FACTS["runs"], ids=lambda r: f"{r['engine']} {r['level']} {r['name']}"
)
def test_it_judges_as_every_serial_order_does(
    measured: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Planner, "disabled", frozenset({"seq", "bitmap"}))
    rows = ", ".join(str(tuple(row)) for row in FACTS["initial_rows"])
    lines = [
        "setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);",
        f"setup: INSERT INTO test VALUES {rows};",
        *(f"{name}: BEGIN;" for name in sorted({name for name, _ in measured["sql"]})),
        *(f"{name}: {sql};" for name, sql in measured["sql"]),
    ]
    trace = run("isolation", {
        "engine": measured["engine"], "level": measured["level"], "script": "\n".join(lines),
    })  # fmt: skip
    report = load("isolation").report(trace)
    assert trace.verdict["serializable"] == measured["serializable"], trace.verdict["sentence"]
    assert report["committed"] == measured["committed"]
    assert report["aborted"] == measured["aborted"]
