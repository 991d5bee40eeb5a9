"""The built site as a reader's browser gets it: whole, all its own, and nothing raw in it."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
HERE = "http://site.invalid/"

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("object", "data"),
}
LINKS_THAT_LOAD = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "manifest"}

OURS = (
    "assets/player/player.js",
    "assets/player/player.css",
    "assets/stylesheets/fonts.css",
    "assets/stylesheets/site.css",
    "assets/stylesheets/tables.css",
)
PAGE_BYTES = 80_000  # gzipped: the page with its films, and what of ours it loads


@dataclass
class Page(HTMLParser):
    """What one page loads, links to, and says."""

    path: Path
    ids: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "name" in given:
            self.ids.add(given["name"])
        self.loads += [given[name] for kind, name in LOADED if kind == tag and name in given]
        if tag == "link" and LINKS_THAT_LOAD & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "article" in self.open:
            if "style" in given:
                self.inline.append(f"<{tag} style={given['style']}>")
            if tag == "script" and given.get("type") != "application/json":
                self.inline.append(f"<script {given}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"pre", "code", "script", "style"} & set(self.open):
            self.texts.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1", "SITE_URL": HERE},
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {
        path.relative_to(site).as_posix(): Page(path)
        for path in sorted(site.rglob("*.html"))
        if "assets" not in path.relative_to(site).parts
    }


def test_every_page_is_built(pages: dict[str, Page]) -> None:
    written = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        for path in (ROOT / "docs").rglob("*")
        if path.suffix in {".md", ".ipynb"} and ".ipynb_checkpoints" not in path.parts
    }
    made = {"coverage.html", "databases/isolation-matrix.html", "databases/how-true.html"}
    assert not (written | made | {"simulations/index.html"}) - set(pages)


def test_no_page_shows_a_block_as_text(pages: dict[str, Page]) -> None:
    raw = re.compile(r"^\s*///|simulationfigure[0-9a-f]{8}", re.MULTILINE)
    assert not [
        (name, text) for name, page in pages.items() for text in page.texts if raw.search(text)
    ]


def test_no_page_loads_from_another_site(site: Path, pages: dict[str, Page]) -> None:
    elsewhere = [
        (name, address)
        for name, page in pages.items()
        for address in page.loads
        if not urljoin(HERE + name, address).startswith(HERE) and not address.startswith("data:")
    ]
    assert elsewhere == []
    for page in pages.values():
        html = page.path.read_text("utf-8")
        assert not re.search(r"//(?:cdn\.|unpkg\.|cdnjs\.|fonts\.g)", html), page.path
    for path in site.rglob("*.css"):
        loaded = re.findall(
            r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", path.read_text("utf-8")
        )
        assert not loaded, path.name


def test_what_pages_load_is_there(site: Path, pages: dict[str, Page]) -> None:
    missing = set()
    for name, page in pages.items():
        for address in page.loads:
            path = unquote(urlsplit(urljoin(HERE + name, address)).path).lstrip("/")
            if not address.startswith("data:") and not (site / path).is_file():
                missing.add(path)
    assert missing == set()


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for name, page in pages.items():
        for link in page.links:
            target = urlsplit(urljoin(HERE + name, link))
            if not target.geturl().startswith(HERE):
                continue
            path = unquote(target.path).lstrip("/") or "index.html"
            path = f"{path}index.html" if path.endswith("/") else path
            anchor = unquote(target.fragment)
            if anchor.startswith("sim="):
                anchor = anchor.split("&")[0].removeprefix("sim=")
            if not (site / path).is_file() or (
                anchor and path in pages and anchor not in pages[path].ids
            ):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_our_pages_hold_no_inline_style_or_script(pages: dict[str, Page]) -> None:
    found = {
        name: page.inline
        for name, page in pages.items()
        if page.inline and not name.startswith("labs/")
    }
    assert found == {}


def test_search_finds_what_figures_say(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    text = " ".join(entry["text"] for entry in index["docs"])
    assert "40001" in text
    assert "could not serialize access" in text
    assert "T1committed" not in text  # labels of a drawing, which say nothing in a row
    assert '"svg"' not in text


def test_a_page_with_its_figures_is_light(site: Path, pages: dict[str, Page]) -> None:
    ours = sum(len(gzip.compress((site / path).read_bytes(), 9)) for path in OURS)
    sizes = {
        name: ours + len(gzip.compress(page.path.read_bytes(), 9)) for name, page in pages.items()
    }
    heavy = {
        name: size for name, size in sizes.items() if size > PAGE_BYTES and "labs/" not in name
    }
    assert heavy == {}
