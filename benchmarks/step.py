"""From the reader's step to the picture laid out: every step of every scenario, in Chromium.

The page holds each film as the build writes it, and the player. A sample is one press of “Next
step”, or one scrub to a step far away: the handler, the swap and the layout that follows it, up to
when the page could be painted. A scrub is the harder case, since it shares the fewest marks. Each
round loads the page afresh, so every picture is parsed anew; a step's time is the median of its
rounds, and the slowest step of all counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks import Row
from embed.figure import declaration, figure
from simulations import catalog, load
from simulations.film import film
from tests.browser.bare import ARGUMENTS, ROOT, StaticServer, chromium_path

BUDGET = 16
ROUNDS = 5
MEASURE = """() => {
  const player = document.querySelector("sim-player");
  const slider = player.querySelector("input[type=range]");
  const next = player.querySelector("[aria-label='Next step']");
  const last = Number(slider.max);
  const timed = (act) => {
    const start = performance.now();
    act();
    document.body.getBoundingClientRect();
    document.querySelector(".sim-stage").offsetHeight;
    return performance.now() - start;
  };
  const to = (step) => {
    slider.value = String(step);
    slider.dispatchEvent(new Event("input"));
  };
  to(0);
  const step = Array.from({ length: last }, () => timed(() => next.click()));
  const far = Array.from({ length: last + 1 }, (_, at) => timed(() => to((at * 7) % (last + 1))));
  return { step, far };
}"""


def page_of(name: str, scenario: str) -> str:
    simulation = load(name)
    declared = simulation.declare()
    made = film(simulation, simulation.run({}, scenario=scenario))
    html = figure(made, declared, identity="sim", caption=None) + declaration(declared)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="player/player.css">'
        f'<body data-md-color-scheme="default"><main class="md-typeset">{html}</main>'
        '<script defer src="player/player.js"></script></body></html>'
    )


def lay_out(folder: Path) -> list[str]:
    script = ROOT / "embed" / "player" / "build.mjs"
    subprocess.run(["node", script, f"--into={folder / 'player'}"], check=True)
    shutil.copy(ROOT / "docs" / "assets" / "stylesheets" / "site.css", folder)
    names = []
    for name in catalog():
        for scenario in load(name).scenarios:
            path = f"{name}-{scenario.name}.html"
            (folder / path).write_text(page_of(name, scenario.name), "utf-8")
            names.append(path)
    return names


def samples(page: Page, url: str) -> dict[str, list[float]]:
    page.goto(url)
    page.locator("sim-player[data-ready]").wait_for()
    return page.evaluate(MEASURE)


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        names = lay_out(folder)
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        with StaticServer(folder) as server:
            rounds = [
                {name: samples(page, server.url + name) for name in names} for _ in range(ROUNDS)
            ]
        browser.close()
    steps, jumps = settled(rounds, "step"), settled(rounds, "far")
    kept = ROOT / "benchmarks" / "results" / "step.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"step": steps, "far": jumps}, indent=1) + "\n", "utf-8")
    return [row("step to the next frame", steps), row("scrub to a far frame", jumps)]


def settled(rounds: list[dict[str, dict[str, list[float]]]], what: str) -> dict[str, list[float]]:
    """For each page, each step's median over the rounds."""
    return {
        name: [round(median(one), 2) for one in zip(*(r[name][what] for r in rounds), strict=True)]
        for name in rounds[0]
    }


def row(what: str, times: dict[str, list[float]]) -> Row:
    slowest = max(times, key=lambda name: max(times[name]))
    every = [time for page in times.values() for time in page]
    note = f"the slowest of {len(every)}, in {Path(slowest).stem}; median {median(every):.1f} ms"
    return Row(what, max(times[slowest]), BUDGET, "ms", note=note)


if __name__ == "__main__":
    for one in measure():
        print(one)
