"""Blocks in pages: a right one becomes a figure, a wrong one stops the build and says where."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from embed import films
from embed.figure import plain
from simulations import run

ROOT = Path(__file__).resolve().parents[1]
BAD_PAGES = sorted((ROOT / "tests" / "bad_pages").glob("*.md"))
PLAIN = {"site_name": "A site", "theme": {"name": "mkdocs"}, "plugins": []}


def extensions() -> list:
    """The Markdown extensions of the real site."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = yaml.load(text, Loader=_NamesAsText)["markdown_extensions"]
    return [e for e in listed if not (isinstance(e, dict) and "pymdownx.emoji" in e)]


class _NamesAsText(yaml.SafeLoader):
    pass


_NamesAsText.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda *_: "")
_NamesAsText.add_constructor("!ENV", lambda loader, node: "")


@pytest.fixture
def built(tmp_path: Path):
    """Build a site of one page with MkDocs, and give the page's HTML."""

    def build_page(text: str, name: str = "index.md", **options: object) -> str:
        docs = tmp_path / "docs"
        docs.mkdir(exist_ok=True)
        (docs / name).write_text(text, "utf-8")
        config = tmp_path / "mkdocs.yml"
        config.write_text(yaml.safe_dump({**PLAIN, "markdown_extensions": extensions()}), "utf-8")
        build(load_config(str(config), site_dir=str(tmp_path / "site"), **options))
        return (tmp_path / "site" / name.replace(".md", ".html")).read_text("utf-8")

    return build_page


@pytest.mark.parametrize("page", BAD_PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "plain"])
def test_a_wrong_page_stops_the_build(
    page: Path, strict: bool, built, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(Abort):
        built(page.read_text("utf-8"), strict=strict)
    said = caplog.records[-1].getMessage().replace(str(tmp_path / "docs" / "index.md"), "PAGE")
    # What stands beside the page is how the message begins: lists of all that exists may grow.
    expected = page.with_suffix(".txt").read_text("utf-8").strip()
    if not said.startswith(expected):
        page.with_suffix(".txt.changed").write_text(f"{said}\n", "utf-8")
    assert said[: len(expected)] == expected


BLOCK = """\
/// simulation | isolation
scenario: write-skew
engine: postgresql
level: repeatable read
///
"""


def indented(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def test_a_block_becomes_a_figure_that_needs_no_script(built) -> None:
    html = built(f"# A page\n\n{BLOCK}\nAfter it.\n")
    trace = run(
        "isolation", {"engine": "postgresql", "level": "repeatable read"}, scenario="write-skew"
    )
    figure = re.search(r'<figure class="simulation">.*</figure>', html, re.DOTALL)[0]
    assert '<sim-player id="sim-write-skew" data-simulation="isolation"' in figure
    assert figure.count("<li>") == len(trace.events)
    assert trace.verdict["sentence"] in figure
    assert figure.index("<svg") < figure.index("<script")
    assert "///" not in html
    assert "After it." in html


def test_the_film_in_the_page_is_the_film_of_the_run(built) -> None:
    html = built(BLOCK)
    data = re.search(r'<script type="application/json" class="sim-film">(.*?)</script>', html)[1]
    film = json.loads(data)
    for panel in film["panels"]:
        marks = panel.pop("marks")
        panel["svg"] = ["".join(marks[part] for part in picture) for picture in panel["svg"]]
    given = {"engine": "postgresql", "level": "repeatable read"}
    expected = films.film("isolation", given, scenario="write-skew")
    for panel in expected["panels"]:
        panel["svg"] = [plain(picture) for picture in panel["svg"]]
    assert film == json.loads(json.dumps(expected))


def test_a_picture_stays_the_same_xml_in_the_page() -> None:
    script = """\
setup: CREATE TABLE t (id INT PRIMARY KEY, v TEXT);
T1: INSERT INTO t VALUES (1, 'it''s "so" > < &');
T1: SELECT v FROM t;
"""
    given = {"engine": "none", "script": script}
    for panel in films.film("isolation", given)["panels"]:
        for picture in panel["svg"]:
            assert canonicalize(picture) == canonicalize(plain(picture))


@pytest.mark.parametrize(
    ("before", "parent"),
    [
        ("- An item\n\n", "li"),
        ("1. First\n\n", "li"),
        ("!!! note\n\n", "div"),
        ("??? note\n\n", "details"),
        ('=== "A tab"\n\n', "div"),
    ],
    ids=["list", "numbered", "admonition", "details", "tab"],
)
def test_a_block_works_where_blocks_nest(built, before: str, parent: str) -> None:
    html = built(f"# A page\n\n{before}{indented(BLOCK)}\nAfter it.\n")
    inside = html[: html.index("<figure")].rpartition("# A page")[2]
    assert html.count("<figure") == 1
    assert inside.count(f"<{parent}") > inside.count(f"</{parent}>")
    assert "///" not in html


def test_a_fenced_block_is_shown_as_text(built) -> None:
    html = built(f"# A page\n\n``` yaml\n{BLOCK}```\n\n~~~\n{BLOCK}~~~\n")
    assert "<figure" not in html
    assert html.count("///") == 4


def test_code_within_a_line_opens_no_fence(built) -> None:
    assert built(f"# A page\n\n``` so ``` is code.\n\n{BLOCK}").count("<figure") == 1


def test_figures_of_one_page_have_ids_of_their_own(built) -> None:
    html = built(f"{BLOCK}\n{BLOCK}\n/// simulation | isolation\nscenario: lost-update\n///\n")
    assert re.findall(r'<sim-player id="([^"]*)"', html) == [
        "sim-write-skew",
        "sim-write-skew-2",
        "sim-lost-update",
    ]


def test_the_first_step_can_be_chosen(built) -> None:
    html = built(BLOCK.replace("scenario", "step: 0\nscenario", 1))
    assert "<figcaption>Before anything starts" in html


def test_a_caption_can_be_given_and_is_escaped(built) -> None:
    html = built(BLOCK.replace("scenario", 'caption: "<b> & more"\nscenario', 1))
    assert "<figcaption>&lt;b&gt; &amp; more</figcaption>" in html


def test_a_script_is_read_to_the_letter(built) -> None:
    script = (
        "setup: CREATE TABLE t (id INT PRIMARY KEY, v TEXT);\n"
        "T1: INSERT INTO t VALUES (1, '</script>');\n"
    )
    html = built(f"/// simulation | isolation\nscript: |\n{indented(script)}///\n")
    data = re.search(r'class="sim-film">(.*?)</script>', html)[1]
    assert json.loads(data)["parameters"]["script"] == script


@pytest.mark.parametrize("options", [[], ["--strict"]], ids=["plain", "strict"])
def test_the_command_itself_stops(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "index.md"
    page.write_text("# A page\n\n/// simulation | isolaton\n///\n", "utf-8")
    config = {**PLAIN, "markdown_extensions": ["embed.block"]}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"{page}:3: There is no simulation “isolaton”. Did you mean “isolation”?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "site" / "index.html").exists()


def test_a_film_is_made_once_for_one_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(films, "CACHE", tmp_path)
    made = []
    for source in ("one", "one", "two"):
        monkeypatch.setattr(films, "source_hash", lambda source=source: source)
        films.kept("films", ["a key"], lambda: made.append(1) or {"a": "film"})
    assert len(made) == 2
