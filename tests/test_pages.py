"""The pages that are made: what they say is what the simulations, the seeds and the tests say."""

from __future__ import annotations

import json
import re
import tomllib
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from embed import reality
from embed.coverage import coverage
from embed.matrix import matrix
from embed.pages import pages, simulation_pages
from simulations import catalog, load, run

ROOT = Path(__file__).resolve().parents[1]


def test_each_cell_of_the_matrix_opens_the_run_that_it_tells_of() -> None:
    links = re.findall(r'<a class="outcome [a-z]+" href="#([^"]*)" title="([^"]*)"', matrix())
    assert len(links) >= 120  # ten anomalies, twelve columns
    for link, told in links:
        parts = [part.split("=") for part in unescape(link).split("&")]
        given = {unquote(part[1]): unquote(part[2]) for part in parts if part[0] == "p"}
        (scenario,) = [unquote(part[1]) for part in parts if part[0] == "scenario"]
        trace = run("isolation", given, scenario=scenario)
        assert trace.verdict["sentence"] in unescape(told)


@pytest.mark.parametrize("name", catalog())
def test_a_simulations_page_names_all_that_it_declares(name: str) -> None:
    page = pages()[f"simulations/{name}.md"]
    assert f"simulations/{name}.md" in simulation_pages()
    simulation = load(name)
    for parameter in simulation.parameters:
        assert f"<code>{parameter.name}</code>" in page
        assert all(f"<code>{choice}</code>" in page for choice in parameter.choices)
    for scenario in simulation.scenarios:
        assert f"<code>{scenario.name}</code>" in page


def test_the_coverage_page_holds_every_claim_and_counts_right() -> None:
    page = coverage()
    claims = tomllib.loads((ROOT / "seeds" / "claims.toml").read_text("utf-8"))["claim"]
    assert all(f"<code>{claim['id']}</code>" in page for claim in claims)
    planned = sum(claim["lesson"] == "planned" for claim in claims)
    assert page.count('<span class="planned">planned</span>') == planned
    assert f"**{len(claims) - planned} of" in page


def test_the_page_on_truth_publishes_counts_and_divergences(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    count = {"system": "mariadb", "version": "10.11.19", "level": "serializable"}
    count |= {"date": "2026-01-01", "compared": 1234, "ambiguous": 5, "divergences": 1}
    (tmp_path / "published.json").write_text(json.dumps([count]), "utf-8")
    (tmp_path / "mariadb-serializable-1.txt").write_text(
        "level: serializable\n\nT1: SELECT 1 FROM t;\n", "utf-8"
    )
    monkeypatch.setattr(reality, "MEASURED", tmp_path / "published.json")
    monkeypatch.setattr(reality, "DIVERGENCES", tmp_path)
    page = reality.reality()
    assert "**1,234 random schedules; 1 differed.**" in page
    assert "<td>MariaDB (InnoDB) 10.11.19</td>" in page
    assert "    T1: SELECT 1 FROM t;" in page
