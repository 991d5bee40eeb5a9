"""The worker's keeper on a bare page: starting, stopping, budgets, damage, and what it says."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route

from tests.browser.bare import StaticServer

pytestmark = pytest.mark.browser

RUN = {"do": "run", "simulation": "isolation", "parameters": {"engine": "none"}}
LOOP = RUN | {"source": "while True:\n    pass\n"}
ASK = """async ([message, options]) => {
  const start = performance.now();
  const answer = await host.request(message, options);
  return [answer, (performance.now() - start) / 1000];
}"""
STOP = """async ([loop, after]) => {
  const running = host.request(loop, { tainted: true });
  const waiting = host.request(after);
  while (host.state !== "busy") await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const start = performance.now();
  host.stop();
  const answers = [await running, await waiting];
  return { answers, seconds: (performance.now() - start) / 1000, state: host.state };
}"""


def ask(page: Page, message: dict, **options: object) -> tuple[dict, float]:
    answer, seconds = page.evaluate(ASK, [message, options])
    return answer, seconds


@pytest.fixture
def opened(page: Page, bare: StaticServer) -> Page:
    page.goto(bare.url)
    return page


def test_nothing_of_python_is_fetched_before_it_is_asked_for(
    page: Page, bare: StaticServer
) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(bare.url)
    page.wait_for_timeout(200)
    assert not [url for url in fetched if "/runtime/" in url]
    assert page.evaluate("host.state") == "cold"


def test_progress_counts_the_bytes_that_came(opened: Page) -> None:
    told = opened.evaluate(
        """async (message) => {
          const told = [];
          const states = [host.state];
          const asked = host.request(message, { onProgress: (progress) => told.push(progress) });
          await new Promise((resolve) => setTimeout(resolve));
          states.push(host.state);
          const answer = await asked;
          states.push(host.state);
          const manifest = await (await fetch("runtime/manifest.json")).json();
          return { told, states, ok: answer.ok, manifest };
        }""",
        RUN,
    )
    total = sum(asset["size"] for asset in told["manifest"]["assets"].values())
    loaded = [progress["loaded"] for progress in told["told"]]
    assert told["ok"]
    assert told["states"] == ["cold", "starting", "ready"]
    assert loaded == sorted(loaded)
    assert loaded[-1] == total
    assert {progress["total"] for progress in told["told"]} == {total}
    assert told["told"][0]["what"] == "the Python engine"


def test_stop_ends_an_endless_loop_and_all_that_waits(opened: Page) -> None:
    assert ask(opened, RUN)[0]["ok"]
    told = opened.evaluate(STOP, [LOOP, RUN])
    assert [answer["problem"]["message"] for answer in told["answers"]] == [
        "The run was stopped."
    ] * 2
    assert told["seconds"] < 1
    assert ask(opened, RUN)[0]["ok"]


def test_stop_while_python_starts(opened: Page) -> None:
    answer, seconds = opened.evaluate(
        """async (message) => {
          const asked = host.request(message);
          await new Promise((resolve) => setTimeout(resolve, 50));
          const start = performance.now();
          host.stop();
          return [await asked, (performance.now() - start) / 1000];
        }""",
        RUN,
    )
    assert answer["problem"]["message"] == "The run was stopped."
    assert seconds < 1
    assert ask(opened, RUN)[0]["ok"]


def test_a_run_past_its_time_is_stopped_and_says_so(opened: Page) -> None:
    ask(opened, RUN)
    answer, seconds = ask(opened, LOOP, tainted=True, budgetMs=1000)
    assert answer["problem"]["message"] == "The run took longer than 1 s and was stopped."
    assert seconds < 20
    assert ask(opened, RUN)[0]["ok"]


def test_a_run_past_its_memory_is_stopped_and_says_so(opened: Page) -> None:
    hoard = RUN | {"source": "hoard = []\nwhile True: hoard.append(bytearray(10**7))\n"}
    answer, _ = ask(opened, hoard, tainted=True)
    assert answer["problem"]["message"] == (
        "The run needed more than 512 MB of memory and was stopped."
    )
    assert ask(opened, RUN)[0]["ok"]


def test_edited_source_says_its_own_error_and_line(opened: Page) -> None:
    answer, _ = ask(opened, RUN | {"source": "x = 1\nx / 0\n"}, tainted=True)
    assert answer["problem"]["line"] == 2
    assert "division by zero" in answer["problem"]["message"]


def test_questions_wait_their_turn(opened: Page) -> None:
    answers = opened.evaluate(
        """(message) => Promise.all([1, 2, 3].map(() => host.request(message)))""", RUN
    )
    assert [answer["ok"] for answer in answers] == [True] * 3
    assert answers[0] == answers[1] == answers[2]


def test_a_page_that_replaces_its_body_keeps_its_worker(opened: Page) -> None:
    ask(opened, RUN)
    opened.evaluate("document.body.replaceWith(document.createElement('body'))")
    answer, seconds = ask(opened, RUN)
    assert answer["ok"]
    assert seconds < 2


def test_a_frame_that_is_gone_is_made_again(opened: Page) -> None:
    ask(opened, RUN)
    opened.evaluate("document.querySelector('iframe').remove()")
    assert ask(opened, RUN)[0]["ok"]


def damaged(route: Route) -> None:
    response = route.fetch()
    body = bytearray(response.body())
    body[len(body) // 2] ^= 1
    route.fulfill(response=response, body=bytes(body))


@pytest.mark.parametrize("name", ["python-*", "library-*", "worker-*", "frame-*", "*.whl"])
def test_a_damaged_file_is_fetched_again(opened: Page, name: str) -> None:
    opened.route(f"**/runtime/{name}", damaged, times=1)
    assert ask(opened, RUN)[0]["ok"]


def test_a_file_that_stays_damaged_is_never_run(opened: Page) -> None:
    opened.route("**/runtime/worker-*", damaged)
    answer, _ = ask(opened, RUN)
    assert "arrived damaged" in answer["problem"]["message"]
    assert opened.evaluate("[host.state, document.querySelectorAll('iframe').length]") == [
        "cold",
        0,
    ]
    opened.unroute("**/runtime/worker-*")
    assert ask(opened, RUN)[0]["ok"]


@pytest.mark.parametrize("name", ["manifest.json", "python-*", "pyodide-lock-*"])
def test_a_lost_connection_is_said_and_the_next_run_works(opened: Page, name: str) -> None:
    opened.route(f"**/runtime/{name}", lambda route: route.abort())
    answer, _ = ask(opened, RUN)
    assert answer["problem"]["message"] == (
        "The Python runtime could not be fetched. Is this computer online?"
    )
    opened.unroute(f"**/runtime/{name}")
    assert ask(opened, RUN)[0]["ok"]


def test_a_missing_file_is_named(opened: Page) -> None:
    opened.route("**/runtime/library-*", lambda route: route.fulfill(status=404))
    answer, _ = ask(opened, RUN)
    assert answer["problem"]["message"].startswith("The server answered 404 for a file")
