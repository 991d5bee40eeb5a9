"""The player on a page of its own, with a film made up here: no site and no Python."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from embed.figure import declaration, figure
from tests.browser.bare import ROOT, StaticServer

pytestmark = pytest.mark.browser

STEPS = 6
POLICY = "default-src 'self'; img-src data:"
"""What a careful host allows: no inline style or script, no eval."""
HOSTILE = (
    "<script>window.hit = 1</script><style>body{display:none}</style>"
    '<g onclick="window.hit = 1" style="position:fixed" class="node" data-key="kept">'
    '<rect width="9" height="9" fill="url(http://203.0.113.1/)"/></g>'
    '<a href="javascript:window.hit=1"><text>link</text></a>'
    '<image href="http://203.0.113.1/picture"/><use href="http://203.0.113.1/x#y"/>'
    '<rect x="-9999" y="-9999" width="99999" height="99999"/>'
    '<foreignObject><img src="x" onerror="window.hit = 1"></foreignObject>'
    '<animate attributeName="x" onbegin="window.hit = 1" dur="1s"/>'
)


def picture(number: int, more: str = "") -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="scene" role="img" width="420" '
        f'height="120" viewBox="0 0 420 120" aria-label="Box at {number}.">'
        f'<g class="node s1" data-key="box" transform="translate({20 + 50 * number} 20)">'
        f'<rect width="60" height="30"/><text x="30" y="19">{number}</text></g>{more}</svg>'
    )


def film() -> dict:
    """A box that moves; the fourth picture is what a hostile program would send."""
    pictures = [picture(n, HOSTILE if n == 3 else "") for n in range(STEPS)]
    steps = [
        {"time": n, "actor": "A", "kind": "ok", "sentence": f"The box is at place {n}."}
        for n in range(STEPS)
    ]
    panel = {"key": "box", "title": "The box", "svg": pictures, "at": list(range(STEPS))}
    return {
        "version": 1,
        "simulation": "made-up",
        "title": "A box",
        "scenario": "plain",
        "parameters": {"speed": 3, "way": "left", "script": "go"},
        "seed": 0,
        "panels": [panel],
        "steps": steps,
        "telling": 2,
        "verdict": {"sentence": "The box has arrived.", "tone": "good"},
        "metrics": {},
    }


def parameter(name: str, kind: str, default: object, **more: object) -> dict:
    empty = {"unit": "", "minimum": None, "maximum": None, "choices": [], "help": f"The {name}."}
    return {"name": name, "kind": kind, "default": default, **empty, **more}


DECLARED = {
    "name": "made-up",
    "title": "A box",
    "summary": "A box that moves.",
    "parameters": [
        parameter("speed", "integer", 3, minimum=1, maximum=9, unit="m/s"),
        parameter("way", "choice", "left", choices=["left", "right"]),
        parameter("script", "script", "go", maximum=20_000),
    ],
    "scenarios": [
        {"name": "plain", "title": "Plain", "summary": "Plain.", "parameters": {}},
        {"name": "fast", "title": "Fast", "summary": "Fast.", "parameters": {"speed": 9}},
    ],
}


def build(folder: Path) -> Path:
    script = ROOT / "embed" / "player" / "build.mjs"
    subprocess.run(["node", script, f"--into={folder}"], check=True)
    return folder


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaticServer]:
    """A page with one figure and the player. It has no runtime, so nothing can be run."""
    folder = tmp_path_factory.mktemp("alone")
    build(folder / "player")
    shutil.copy(ROOT / "docs" / "assets" / "stylesheets" / "site.css", folder)
    html = figure(film(), DECLARED, identity="sim-box", caption=None) + declaration(DECLARED)
    (folder / "page.css").write_text("body { margin: 0 } main { margin: 0 0.8rem }", "utf-8")
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A box</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="player/player.css">'
        '<link rel="stylesheet" href="page.css">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<body data-md-color-scheme="default"><main class="md-typeset">'
        f'{html}<p id="after">After.</p></main>'
        '<script defer src="player/player.js"></script></body></html>',
        "utf-8",
    )
    with StaticServer(folder) as server:
        yield server


@pytest.fixture
def box(alone: StaticServer, page: Page) -> Page:
    open_page(page, alone.url)
    return page


def open_page(page: Page, url: str) -> None:
    # Who asks to save data has no worker started ahead, and there is none here to start.
    page.add_init_script(
        "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    )
    page.goto(url)
    page.locator("sim-player[data-ready]").wait_for()


def step(page: Page) -> int:
    """The step that is shown, by the bar; the picture, the caption and the bar must agree."""
    shown = int(page.get_by_role("slider").input_value())
    expect(page.locator(".sim-panel svg")).to_have_attribute("aria-label", f"Box at {shown}.")
    expect(page.locator(".sim-sentence")).to_have_text(f"The box is at place {shown}.")
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == (
        f"Step {shown + 1} of {STEPS}. The box is at place {shown}."
    )
    current = page.locator(".sim-transcript li[aria-current=step]")
    assert current.text_content() == f"The box is at place {shown}."
    return shown


def test_it_begins_where_the_page_began_and_stays_there(box: Page) -> None:
    assert step(box) == 2
    box.wait_for_timeout(400)
    assert step(box) == 2
    assert box.evaluate("document.getAnimations().length") == 0
    assert box.errors == []


def test_steps_scrubs_and_stops_at_the_ends(box: Page) -> None:
    box.get_by_role("button", name="Next step").click()
    assert step(box) == 3
    box.get_by_role("button", name="Previous step").click(click_count=2)
    assert step(box) == 1
    box.get_by_role("slider").fill("5")
    assert step(box) == 5
    assert box.locator(".sim-outcome").text_content() == "The box has arrived."
    box.get_by_role("button", name="Next step").click(force=True)
    assert step(box) == 5


def test_the_keyboard_alone_is_enough(box: Page) -> None:
    box.get_by_role("slider").focus()
    for key, expected in [("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2), ("ArrowLeft", 1),
                          ("End", 5), ("ArrowRight", 5)]:  # fmt: skip
        box.keyboard.press(key)
        assert step(box) == expected
    box.get_by_role("button", name="Next step").focus()
    box.keyboard.press("Home")
    assert step(box) == 0
    box.keyboard.press("Space")
    assert step(box) == 1
    box.get_by_role("tab", name="Figure").focus()
    box.keyboard.press("ArrowRight")
    expect(box.get_by_role("tab", name="Script")).to_be_focused()
    expect(box.get_by_role("textbox", name="Script")).to_be_visible()
    box.keyboard.press("Tab")
    assert box.evaluate("document.activeElement.textContent") == "Run"


def test_every_control_can_be_reached_with_tab(box: Page) -> None:
    reached = set()
    for _ in range(20):
        box.keyboard.press("Tab")
        reached.add(
            box.evaluate(
                "(({ariaLabel, labels, textContent: text}) =>"
                " ariaLabel ?? labels?.[0]?.textContent ?? text)"
                "(document.activeElement)"
            ).strip()
        )
    wanted = {"Figure", "Run", "Stop", "Reset", "Copy link", "Scenario", "Speed (m/s)", "Way"}
    wanted |= {"Previous step", "Play", "Next step", "Step", "Speed"}
    assert wanted <= reached


def test_space_plays_from_the_start_and_pauses(box: Page) -> None:
    box.get_by_role("combobox", name="Speed").select_option("4")
    box.get_by_role("slider").focus()
    box.keyboard.press("Space")
    assert step(box) == 0
    expect(box.locator("figcaption")).to_have_attribute("aria-live", "off")
    expect(box.locator(".sim-sentence")).to_have_text("The box is at place 2.")
    box.keyboard.press("Space")
    expect(box.get_by_role("button", name="Play")).to_be_visible()
    stopped = step(box)
    box.wait_for_timeout(900)
    assert step(box) == stopped


def test_it_stops_at_the_end(box: Page) -> None:
    box.get_by_role("combobox", name="Speed").select_option("4")
    box.get_by_role("slider").fill("4")
    box.get_by_role("button", name="Play").click()
    expect(box.get_by_role("button", name="Play")).to_be_visible(timeout=3000)
    assert step(box) == 5


def test_sentences_are_read_out_once(box: Page) -> None:
    caption = box.locator("figcaption")
    expect(caption).to_have_attribute("aria-live", "polite")
    box.get_by_role("slider").focus()
    expect(caption).to_have_attribute("aria-live", "off")  # the slider speaks by itself
    box.get_by_role("button", name="Next step").click()
    expect(caption).to_have_attribute("aria-live", "polite")


def test_a_step_moves_marks_unless_the_reader_wants_no_motion(box: Page) -> None:
    box.evaluate(
        "window.moved = new Set();"
        "addEventListener('transitionrun', (event) => moved.add(event.propertyName), true)"
    )

    def moved() -> set[str]:
        """What has begun to move inside the picture since it was last asked."""
        box.wait_for_timeout(100)
        return set(box.evaluate("(() => { const all = [...moved]; moved.clear(); return all })()"))

    box.get_by_role("button", name="Next step").click()
    assert moved() == {"transform", "opacity"}  # one mark moves, others come into being
    box.get_by_role("slider").fill("0")
    assert moved() == set()  # a jump is no move
    box.emulate_media(reduced_motion="reduce")
    box.get_by_role("button", name="Next step").click()
    assert moved() == set()


@pytest.mark.parametrize("width", [1280, 700, 360])
def test_nothing_shifts_when_it_takes_over(
    alone: StaticServer, chromium: Browser, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    held: list[Route] = []
    page.route("**/player.js", lambda route: held.append(route))
    page.goto(alone.url, wait_until="commit")
    page.locator("#after").wait_for()
    page.wait_for_timeout(100)
    assert page.locator("sim-player[data-ready]").count() == 0
    before = page.locator("#after").bounding_box()
    held[0].continue_()
    page.locator("sim-player[data-ready]").wait_for()
    assert page.locator("#after").bounding_box() == before
    page.get_by_role("slider").fill("0")
    assert page.locator("#after").bounding_box() == before
    context.close()


@pytest.mark.parametrize("tab", ["Figure", "Script"])
def test_a_narrow_screen_is_wide_enough(alone: StaticServer, chromium: Browser, tab: str) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 700})
    page = context.new_page()
    open_page(page, alone.url)
    page.get_by_role("tab", name=tab).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.locator("sim-player :is(button, select, input):visible").evaluate_all(
        "all => all.map((one) => [one.title, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([title]) => title)"
    )
    assert small == []
    context.close()


def test_a_picture_can_do_nothing_but_show(box: Page) -> None:
    asked = []
    box.on("request", lambda request: asked.append(request.url))
    box.get_by_role("slider").fill("3")
    assert step(box) == 3
    box.locator('[data-key="kept"]').dispatch_event("click")
    box.wait_for_timeout(200)
    assert box.evaluate("window.hit") is None
    assert asked == []
    assert box.locator(".sim-stage").evaluate("one => getComputedStyle(one).contain") == "paint"
    left = "all => all.map((one) => one.localName)"
    assert set(box.locator(".sim-panel svg *").evaluate_all(left)) == {"g", "rect", "text"}
    assert box.locator('[data-key="kept"]').evaluate(
        "one => [...one.attributes, ...one.firstElementChild.attributes].map(({name}) => name)"
    ) == ["class", "data-key", "width", "height"]


@pytest.mark.parametrize(
    "fragment",
    [
        "#sim=",
        "#sim=sim-box",
        "#sim=sim-box&v=2&step=1",
        "#sim=sim-box&v=1&step=-1",
        "#sim=sim-box&v=1&step=one",
        "#sim=sim-box&v=1&step=1&step=2",
        "#sim=sim-box&v=1&seed=4294967296",
        "#sim=sim-box&v=1&of=another",
        "#sim=sim-box&v=1&scenario=none",
        "#sim=sim-box&v=1&p=speed",
        "#sim=sim-box&v=1&p=speed=99",
        "#sim=sim-box&v=1&p=way=up",
        "#sim=sim-box&v=1&p=height=3",
        "#sim=sim-box&v=1&p=__proto__=3",
        "#sim=sim-box&v=1&p=script=%E0%A4%A",
        "#sim=after&v=1",
        "#sim=no-such-figure&v=1",
        "#sim=sim-box&v=1&p=script=" + "x" * 9000,
        "#sim=<img src=x onerror=window.hit=1>&v=1",
    ],
)
def test_a_malformed_link_shows_the_figure_and_says_so(
    alone: StaticServer, page: Page, fragment: str
) -> None:
    open_page(page, alone.url + fragment)
    expect(page.locator(".sim-message")).to_contain_text("This link cannot be read")
    assert step(page) == 2
    assert page.get_by_label("Speed (m/s)").input_value() == "3"
    assert page.evaluate("window.hit") is None
    assert page.errors == []


def test_a_link_opens_a_step(alone: StaticServer, page: Page) -> None:
    open_page(page, alone.url + "#sim=sim-box&v=1&of=made-up&step=4")
    assert step(page) == 4
    expect(page.locator(".sim-message")).to_be_hidden()
    page.evaluate("location.hash = '#sim=sim-box&v=1&step=1'")
    expect(page.locator(".sim-sentence")).to_have_text("The box is at place 1.")


def test_a_link_to_a_changed_run_runs_nothing(alone: StaticServer, page: Page) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, alone.url + "#sim=sim-box&v=1&scenario=fast&p=way=right&p=script=a%0Ab&step=9")
    expect(page.locator(".sim-message")).to_have_text(
        "This link holds a changed simulation. Press Run."
    )
    assert page.get_by_label("Scenario").input_value() == "fast"
    assert page.get_by_label("Speed (m/s)").input_value() == "9"
    assert page.get_by_label("Way").input_value() == "right"
    page.get_by_role("tab", name="Script").click()
    assert page.get_by_role("textbox", name="Script").input_value() == "a\nb"
    page.wait_for_timeout(300)
    assert not [url for url in asked if "runtime" in url]


def test_the_address_follows_the_reader(box: Page) -> None:
    box.get_by_role("button", name="Next step").click()
    expect(box).to_have_url(re.compile("step=3$"))
    box.reload()
    box.locator("sim-player[data-ready]").wait_for()
    assert step(box) == 3


def test_a_link_that_is_too_long_is_not_made(box: Page) -> None:
    box.get_by_role("tab", name="Script").click()
    box.get_by_role("textbox", name="Script").fill("SELECT 1;\n" * 1000)
    box.get_by_role("button", name="Copy link").click()
    expect(box.locator(".sim-message")).to_contain_text("too long for a link")


def test_a_wrong_number_is_refused_before_anything_runs(box: Page) -> None:
    number = box.get_by_label("Speed (m/s)")
    number.fill("12")
    number.press("Enter")
    expect(box.get_by_role("alert")).to_have_text("Speed must be a whole number from 1 to 9 m/s.")
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    box.get_by_role("button", name="Reset").click()
    expect(box.get_by_role("alert")).to_be_hidden()
    assert number.input_value() == "3"


def test_without_its_runtime_it_says_so_and_plays_on(box: Page) -> None:
    box.get_by_label("Way").select_option("right")
    expect(box.get_by_role("alert")).to_be_visible()
    assert "\n" not in box.get_by_role("alert").inner_text()
    box.get_by_role("button", name="Next step").click()
    assert step(box) == 3


def test_the_editor_needs_no_inline_style(box: Page) -> None:
    box.add_script_tag(url="player/editor.js")
    box.evaluate(
        """() => {
          const place = document.querySelector(".sim-source");
          place.closest("[role=tabpanel]").hidden = false;
          window.said = [];
          window.editor = simEditor(place, {
            label: "Source", text: "def f():\\n    return 1\\n",
            edited: () => said.push("edited"), run: () => said.push("run"),
          });
        }"""
    )
    text = box.get_by_role("textbox", name="Source")
    text.press("Control+End")
    text.press("x")
    text.press("Control+Enter")
    assert box.evaluate("[editor.value, said]") == ["def f():\n    return 1\nx", ["edited", "run"]]
    box.evaluate("editor.mark(2)")
    wrong = box.locator(".cm-wrong")
    assert wrong.inner_text().strip() == "return 1"
    assert wrong.evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert box.errors == []


def test_it_leaves_no_trace_when_its_page_goes(box: Page) -> None:
    box.get_by_role("button", name="Play").click()
    box.evaluate("window.kept = document.querySelector('figure'); kept.remove()")
    box.wait_for_timeout(2600)
    assert box.evaluate("kept.querySelector('input[type=range]').value") == "0"
    box.evaluate("document.querySelector('main').prepend(kept)")
    box.get_by_role("button", name="Next step").click()
    assert step(box) == 1
    assert box.errors == []


def test_paper_shows_the_telling_picture_and_the_transcript(box: Page) -> None:
    box.get_by_role("slider").fill("5")
    box.emulate_media(media="print")
    box.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(box.locator(".sim-panel svg")).to_have_attribute("aria-label", "Box at 2.")
    expect(box.locator(".sim-transcript li").first).to_be_visible()
    expect(box.get_by_role("button", name="Play")).to_be_hidden()
    box.evaluate("dispatchEvent(new Event('afterprint'))")
    box.emulate_media(media="screen")
    assert step(box) == 5


def test_it_is_small_and_built_the_same_every_time(tmp_path: Path, alone: StaticServer) -> None:
    names = ("player.js", "player.css", "editor.js")
    first, again = ([(f / n).read_bytes() for n in names]
                    for f in (alone.folder / "player", build(tmp_path)))  # fmt: skip
    assert first == again
    assert sum(len(gzip.compress(one)) for one in first[:2]) <= 40_000
