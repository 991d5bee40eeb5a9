"""The built site as a reader meets it: the isolation lesson, its figures, and Python."""

from __future__ import annotations

import gzip
import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.bare import StaticServer

pytestmark = pytest.mark.browser

LESSON = "databases/isolation.html"
START = 60_000
"""Milliseconds for Python to start in; a machine under test is busy."""
ENDLESS = "\nwhile True:\n    pass\n"


class Figure:
    """A figure by what a reader sees of it."""

    def __init__(self, page: Page, number: int = 0) -> None:
        self.page = page
        self.all: Locator = page.locator("figure.simulation").nth(number)
        self.all.locator("sim-player[data-ready]").wait_for()
        self.slider = self.all.get_by_role("slider")
        self.caption = self.all.locator("figcaption")
        self.message = self.all.locator(".sim-message")

    def choose(self, field: str, value: str) -> None:
        self.all.get_by_label(field, exact=True).select_option(value)
        self.answered()

    def press(self, name: str) -> None:
        self.all.get_by_role("button", name=name, exact=True).click()

    def tab(self, name: str) -> None:
        self.all.get_by_role("tab", name=name).click()

    def answered(self) -> None:
        """Wait for the run that was asked for; its picture is there before Stop goes out."""
        stop = self.all.get_by_role("button", name="Stop", exact=True)
        expect(stop).to_have_attribute("aria-disabled", "true", timeout=START)

    def to(self, key: str) -> None:
        self.slider.focus()
        self.page.keyboard.press(key)

    def pictures(self) -> str:
        expect(self.all.locator(".sim-stage")).not_to_have_attribute("aria-busy", "true")
        return self.all.locator(".sim-stage").inner_text()

    def source(self) -> Locator:
        self.tab("Source")
        editor = self.all.locator(".cm-content")
        editor.wait_for(timeout=START)
        self.answered()
        return editor

    def append(self, text: str) -> None:
        """Write at the end of the source that is open."""
        self.all.locator(".cm-content").focus()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.insert_text(text)


@pytest.fixture
def lesson(site: StaticServer, page: Page) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(site.url + LESSON)
    return page


def test_a_new_reader_s_journey(lesson: Page, chromium: Browser) -> None:
    figure = Figure(lesson)
    figure.to("Home")
    figure.to("ArrowRight")
    expect(figure.caption).to_contain_text("BEGIN")
    for _ in range(3):
        figure.to("ArrowRight")
    expect(figure.caption).to_contain_text("SELECT")
    assert "(2)" in figure.pictures()
    figure.to("End")
    expect(figure.caption).to_contain_text("G2-item")
    assert figure.pictures().count("rw") >= 2

    figure.choose("Level", "serializable")
    figure.to("End")
    expect(figure.caption).to_contain_text("erializable", timeout=START)
    expect(figure.all.locator(".sim-transcript")).to_contain_text("40001")
    assert "40001" in figure.pictures()

    figure.tab("Script")
    script = figure.all.get_by_role("textbox", name="Script")
    text = script.input_value()
    script.fill(text.rstrip() + "\nT4: SELECT COUNT(*) FROM doctors WHERE on_call = 1;\n")
    script.press("Control+Enter")
    figure.answered()
    expect(figure.slider).to_be_focused()
    figure.to("End")
    assert "T4" in figure.pictures()

    figure.source()
    figure.append(ENDLESS)
    figure.press("Run")
    lesson.wait_for_timeout(1500)
    began = time.monotonic()
    figure.press("Stop")
    figure.answered()
    assert time.monotonic() - began < 1
    expect(figure.message).to_contain_text("stopped")

    figure.press("Reset")
    figure.tab("Figure")
    figure.choose("Level", "serializable")
    figure.to("Home")
    figure.to("ArrowRight")
    said = figure.caption.inner_text()
    figure.press("Copy link")
    expect(figure.message).to_contain_text("copied")
    link = lesson.evaluate("navigator.clipboard.readText()")
    assert lesson.errors == []

    context = chromium.new_context()
    opened = context.new_page()
    opened.goto(link)
    shared = Figure(opened)
    expect(shared.message).to_contain_text("Press Run")
    assert shared.all.get_by_label("Level").input_value() == "serializable"
    shared.press("Run")
    shared.answered()
    expect(shared.caption).to_have_text(said)
    context.close()


def test_nobody_who_only_reads_loads_python(site: StaticServer, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.url + LESSON)
    Figure(page)
    page.wait_for_timeout(1000)
    assert [url for url in asked if "/runtime/" in url or "editor.js" in url] == []
    assert [url for url in asked if not url.startswith((site.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("saves", [False, True], ids=["plain", "saving"])
def test_python_starts_ahead_only_where_data_is_not_saved(
    site: StaticServer, page: Page, saves: bool
) -> None:
    connection = json.dumps({"saveData": saves})
    page.add_init_script(
        f"Object.defineProperty(navigator, 'connection', {{ value: {connection} }})"
    )
    page.goto(site.url + LESSON)
    figure = Figure(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    figure.all.scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(2000)
    assert bool([url for url in asked if "/runtime/" in url]) is not saves


def test_a_page_with_figures_is_light(site: StaticServer) -> None:
    player = site.folder / "assets" / "player"
    ours = [Path(site.folder, LESSON), player / "player.js", player / "player.css"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in ours) <= 80_000


def test_the_keyboard_alone_asks_what_if(lesson: Page) -> None:
    figure = Figure(lesson)
    figure.all.get_by_label("Level", exact=True).focus()
    lesson.keyboard.press("ArrowDown")
    figure.answered()
    expect(figure.all.locator(".sim-transcript")).to_contain_text("40001")
    figure.all.get_by_role("tab", name="Figure").focus()
    lesson.keyboard.press("ArrowRight")
    script = figure.all.get_by_role("textbox", name="Script")
    script.focus()
    lesson.keyboard.press("Control+End")
    lesson.keyboard.type("T1: SELEKT 1;")
    lesson.keyboard.press("Control+Enter")
    expect(figure.all.get_by_role("alert")).to_contain_text("Line", timeout=START)
    expect(script).to_be_focused()
    assert lesson.evaluate("getSelection().toString()") == "T1: SELEKT 1;"
    assert "Traceback" not in figure.all.inner_text()


def test_a_mistake_in_the_source_is_shown_at_its_line(lesson: Page) -> None:
    figure = Figure(lesson)
    editor = figure.source()
    last = int(figure.all.locator(".cm-lineNumbers .cm-gutterElement").last.inner_text())
    figure.append("\nraise ValueError('mine')\n")
    lesson.keyboard.press("Control+Enter")
    alert = figure.all.get_by_role("alert")
    expect(alert).to_contain_text("mine", timeout=START)
    line = int(re.match(r"Line (\d+):", alert.inner_text())[1])
    assert line >= last
    expect(figure.all.locator(".cm-wrong")).to_have_text("raise ValueError('mine')")
    expect(editor).to_be_focused()
    figure.press("Reset")
    expect(alert).to_be_hidden()
    assert "mine" not in editor.inner_text()


def test_an_edited_source_is_what_runs(lesson: Page) -> None:
    figure = Figure(lesson)
    figure.source()
    figure.append(
        "\n\n_whole = model\n\n\ndef model(values, random):\n"
        "    outcome = _whole(values, random)\n"
        "    return type(outcome)(outcome.events[:4], {}, None)\n"
    )
    figure.press("Run")
    expect(figure.slider).to_be_focused(timeout=START)
    assert figure.slider.get_attribute("max") == "3"
    for key in ("Home", "End", "ArrowLeft"):
        figure.to(key)
        assert figure.pictures()
    expect(figure.all.locator(".sim-transcript li")).to_have_count(4)
    figure.choose("Level", "serializable")
    assert figure.slider.get_attribute("max") == "3"
    figure.press("Copy link")
    expect(figure.message).to_contain_text("not your edited source")
    figure.press("Reset")
    assert int(figure.slider.get_attribute("max")) > 3
    assert lesson.errors == []


def test_one_worker_serves_the_whole_visit(lesson: Page, site: StaticServer) -> None:
    # Instant navigation follows links to what the sitemap lists, and a site that does not know its
    # own address (SITE_URL) lists nothing.
    places = [site.url + path for path in (LESSON, "index.html")]
    pages = "".join(f"<url><loc>{place}</loc></url>" for place in places)
    listed = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{pages}</urlset>'
    answer = {"body": listed, "content_type": "text/xml"}
    lesson.route("**/sitemap.xml", lambda route: route.fulfill(**answer))
    lesson.reload()
    figure = Figure(lesson)
    figure.choose("Level", "serializable")
    lesson.evaluate("window.visit = 1")
    other = Figure(lesson, 1)
    other.choose("Engine", "innodb")
    figure.to("Home")
    expect(figure.caption).to_contain_text("Before anything starts")
    assert "BEGIN" in figure.pictures()

    lesson.get_by_role("link", name="Home").first.click()
    lesson.wait_for_url(re.compile("index.html|/$"))
    expect(lesson.locator("sim-player")).not_to_have_count(5)
    lesson.go_back()
    lesson.wait_for_url(re.compile(LESSON))
    assert lesson.evaluate("window.visit") == 1
    again = Figure(lesson)
    began = time.monotonic()
    again.choose("Level", "serializable")
    expect(again.all.locator(".sim-transcript")).to_contain_text("40001")
    assert time.monotonic() - began < 3
    assert lesson.locator("iframe[title=Python]").count() == 1
    assert lesson.errors == []


def test_every_frame_of_a_new_run_can_be_seen(lesson: Page) -> None:
    figure = Figure(lesson)
    figure.choose("Engine", "innodb")
    figure.to("Home")
    seen = set()
    for _ in range(int(figure.slider.get_attribute("max")) + 1):
        seen.add(figure.pictures())
        figure.to("ArrowRight")
    assert len(seen) > 5
    assert lesson.errors == []


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_text_can_be_read_in_light_and_dark(lesson: Page, scheme: str) -> None:
    figure = Figure(lesson)
    lesson.evaluate("scheme => document.body.dataset.mdColorScheme = scheme", scheme)
    pale = figure.all.evaluate(
        """figure => {
          const canvas = document.createElement("canvas").getContext("2d");
          const light = (colour) => {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
              .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = light(getComputedStyle(figure).backgroundColor);
          const ratio = (colour) => {
            const [low, high] = [ground, light(colour)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
          };
          const texts = [...figure.querySelectorAll(
            "button:not([aria-disabled], .sim-due), label, select, input[type=number], " +
            ".sim-count, figcaption *, summary, .sim-panel-title, .scene :not(.solid) > text")];
          return texts.map((one) => [one.textContent, ratio(one.localName === "text"
              ? getComputedStyle(one).fill : getComputedStyle(one).color)])
            .filter(([, contrast]) => contrast < 4.5);
        }"""
    )
    assert pale == []


def test_a_phone_needs_no_sideways_scrolling(site: StaticServer, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(site.url + LESSON)
    figure = Figure(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    figure.source()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
