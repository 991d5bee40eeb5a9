"""What a page with figures costs a reader who only reads: opened in Chromium and left alone."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from benchmarks import Row
from tests.browser.bare import ARGUMENTS, ROOT, StaticServer, chromium_path

# What comes with the theme, and what the page of any site has: text faces, pictures, search.
NOT_OURS = (
    "assets/fonts/",
    "assets/images/",
    "assets/javascripts/",
    "assets/stylesheets/main.",
    "assets/stylesheets/palette.",
    "assets/vendor/",
    "search/",
)


def weigh(site: Path, asked: list[str]) -> int:
    """Gzipped bytes of what is ours among the files asked for."""
    paths = {urlsplit(url).path.lstrip("/") for url in asked}
    ours = [site / p for p in paths if p and not p.startswith(NOT_OURS) and (site / p).is_file()]
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in ours)


def measure() -> list[Row]:
    site = ROOT / "site"
    names = [
        path.relative_to(site).as_posix()
        for path in sorted(site.rglob("*.html"))
        if "<sim-player" in path.read_text("utf-8")
    ]
    weights: dict[str, int] = {}
    python = 0
    with sync_playwright() as playwright, StaticServer(site) as server:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for name in names:
            asked: list[str] = []
            page = browser.new_page()
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(server.url + name)
            page.wait_for_timeout(1_000)
            weights[name] = weigh(site, asked)
            python += sum("/runtime/" in url for url in asked)
            page.close()
        browser.close()
    heaviest = max(weights, key=weights.get)
    note = f"the heaviest of {len(names)}: {heaviest}"
    return [
        Row("files of Python that a page left alone loads", python, 0, "files"),
        Row("page with figures: ours, gzipped", weights[heaviest] / 1000, 80, "KB", note=note),
    ]
