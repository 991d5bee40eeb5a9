"""What every browser test needs: a browser, a page that reports its errors, the built site."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.bare import ARGUMENTS, ROOT, StaticServer, chromium_path, lay_out


def missing(what: str, how: str) -> None:
    """Skip where a contributor lacks something; fail where nothing may be lacking."""
    sentence = f"{what} is missing: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for the session: Debian's where there is one, else Playwright's own."""
    found = chromium_path()
    with sync_playwright() as playwright:
        if not found and not Path(playwright.chromium.executable_path).exists():
            missing("Chromium", "apt-get install chromium, or playwright install chromium")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of its own context. `page.errors` holds what went wrong in it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda message: page.errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()


@pytest.fixture(scope="session")
def site() -> Iterator[StaticServer]:
    """The built site on loopback; `site.url` ends in a slash."""
    folder = ROOT / "site"
    if not (folder / "index.html").exists():
        missing("The built site", "make site")
    with StaticServer(folder) as server:
        yield server


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaticServer]:
    """A page with nothing but the worker's keeper, as `host`."""
    folder = tmp_path_factory.mktemp("bare")
    lay_out(folder)
    with StaticServer(folder) as server:
        yield server
