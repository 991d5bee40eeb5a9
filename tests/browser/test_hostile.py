"""Edited source is hostile: each program of hostile/ runs as one, and must fail to act.

Each is put after the isolation model's own source and run in the real worker. Then a server that
listens must have heard nothing, the page and its storage must be as before, and the next run of
the unedited model must answer exactly as it did before.
"""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.bare import StaticServer

PROGRAMS = Path(__file__).parent / "hostile"
REACH = (PROGRAMS / "_reach.py").read_text("utf-8")
ASK = """async ([message, options]) => {
  const start = performance.now();
  const answer = await host.request(message, options);
  return { answer, seconds: (performance.now() - start) / 1000 };
}"""
PREPARE = """() => {
  window.heard = [];
  new BroadcastChannel("hostile").onmessage = ({ data }) => heard.push(data);
  addEventListener("message", ({ data }) => heard.push(data));
}"""
TRACES = """async () => ({
  heard, title: document.title, cookie: document.cookie,
  polluted: "polluted" in {}, hash: location.hash,
  kept: [...Object.keys(localStorage), ...Object.keys(sessionStorage),
         ...await caches.keys(), ...(await indexedDB.databases()).map(({ name }) => name),
         ...await navigator.serviceWorker.getRegistrations()],
  frames: document.querySelectorAll("iframe").length,
})"""
RUN = {"do": "run", "simulation": "isolation", "parameters": {"engine": "none"}}
BUDGET = 2_500  # ms
ANSWER_WITHIN = 30  # s, with a start of Python on a busy machine


@dataclass
class Canary:
    """A server that writes down whatever reaches it, and the bare bytes of it."""

    heard: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    canary = Canary()

    class Listener(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            canary.heard.append("a connection")
            super().setup()

        def do_GET(self) -> None:
            canary.heard.append(self.path)
            self.send_error(404)

        do_POST = do_OPTIONS = do_CONNECT = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        canary.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield canary
        server.shutdown()


@dataclass
class Visit:
    """A page that stays open for the whole corpus."""

    page: Page
    source: str
    answer: dict

    def ask(self, message: dict, **options: object) -> tuple[dict, float]:
        told = self.page.evaluate(ASK, [message, options])
        return told["answer"], told["seconds"]


@pytest.fixture(scope="module")
def visit(chromium: Browser, bare: StaticServer) -> Iterator[Visit]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(bare.url)
    page.evaluate(PREPARE)
    visit = Visit(page, "", {})
    described, _ = visit.ask({"do": "describe", "simulation": "isolation"})
    visit.source = described["declaration"]["source"]
    visit.answer, _ = visit.ask(RUN)
    assert visit.answer["ok"], visit.answer
    yield visit
    context.close()


def programs() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.glob("[!_]*.py"))


def edited(visit: Visit, canary: Canary, name: str) -> str:
    program = (PROGRAMS / f"{name}.py").read_text("utf-8")
    return "\n".join([visit.source, REACH, f"CANARY = {canary.url!r}", program])


@pytest.mark.browser
@pytest.mark.parametrize("name", programs())
def test_a_hostile_program_fails_to_act(name: str, visit: Visit, canary: Canary) -> None:
    before = visit.page.evaluate(TRACES)
    canary.heard.clear()
    message = RUN | {"source": edited(visit, canary, name)}
    answer, seconds = visit.ask(message, tainted=True, budgetMs=BUDGET)
    assert seconds < BUDGET / 1000 + ANSWER_WITHIN
    if not answer["ok"]:
        told = answer["problem"]["message"]
        assert told.endswith((".", "?")), told
        assert "Traceback" not in told
        assert len(told) < 1000
    after, _ = visit.ask(RUN)
    assert after == visit.answer, "the next unedited run answers otherwise"
    time.sleep(0.2)  # a request that got out would need no longer on loopback
    assert canary.heard == []
    assert visit.page.evaluate(TRACES) == before


@pytest.mark.browser
def test_the_canary_hears_what_gets_out(canary: Canary, visit: Visit) -> None:
    """Otherwise its silence would prove nothing."""
    canary.heard.clear()
    visit.page.evaluate("(url) => fetch(url).catch(() => {})", canary.url + "page")
    assert "/page" in canary.heard
