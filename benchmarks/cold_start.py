"""From a click, with nothing fetched before, to the first live frame: against plain Pyodide.

Plain Pyodide boots in a module worker on a bare page. Ours fetches the runtime, starts the worker,
runs the simulation's first scenario and puts its frame on the page. Both come from one server, each
run has a browser context of its own, and the two take turns.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks import Row
from simulations import catalog, load
from tests.browser.bare import ARGUMENTS, ROOT, StaticServer, chromium_path, lay_out

RUNS = 5
PLAIN_WORKER = """
import { loadPyodide } from "./pyodide/pyodide.mjs";
await loadPyodide();
postMessage("up");
"""
PLAIN = """async () => {
  const start = performance.now();
  const worker = new Worker("plain.mjs", { type: "module" });
  await new Promise((resolve, reject) => { worker.onmessage = resolve; worker.onerror = reject; });
  return performance.now() - start;
}"""
OURS = """async (asked) => {
  const stage = document.querySelector("#stage");
  const show = (film) => {
    stage.innerHTML = film.panels.flatMap((panel) => panel.svg).join("");
    return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  };
  const timed = async (message) => {
    const start = performance.now();
    const answer = await host.request({ do: "run", ...message });
    if (!answer.ok) throw new Error(answer.problem.message);
    await show(answer.film);
    return performance.now() - start;
  };
  const cold = await timed(asked[0]);
  // What the page asks for while a figure comes near, so that its simulation is imported.
  await host.request({ do: "describe", simulation: asked[0].simulation });
  const warm = [];
  for (const message of asked) warm.push(await timed(message));
  host.stop();
  const loop = { do: "run", ...asked[0], source: "while True: pass" };
  const endless = host.request(loop, { tainted: true });
  while (host.state !== "busy") await new Promise((resolve) => setTimeout(resolve, 20));
  const start = performance.now();
  host.stop();
  await endless;
  const stop = performance.now() - start;
  return { cold, warm, stop, restart: stop + await timed(asked[0]) };
}"""


def timed(browser: Browser, url: str, script: str, argument: object = None):
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        return page.evaluate(script, argument)
    finally:
        context.close()


def requests() -> list[dict[str, object]]:
    """Every scenario of every simulation."""
    return [
        {"simulation": name, "scenario": scenario.name, "parameters": {}}
        for name in catalog()
        for scenario in load(name).scenarios
    ]


def measure() -> list[Row]:
    asked = requests()
    plain: list[float] = []
    ours: list[dict] = []
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        lay_out(folder)
        (folder / "pyodide").symlink_to(ROOT / "node_modules" / "pyodide")
        (folder / "plain.mjs").write_text(PLAIN_WORKER, "utf-8")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        with StaticServer(folder) as server:
            for _ in range(RUNS):
                plain.append(timed(browser, server.url, PLAIN))
                ours.append(timed(browser, server.url, OURS, asked))
        browser.close()
    names = [f"{message['simulation']}/{message['scenario']}" for message in asked]
    warm = {name: [run["warm"][at] for run in ours] for at, name in enumerate(names)}
    numbers = {"plain": plain, "warm": warm}
    numbers |= {key: [run[key] for run in ours] for key in ("cold", "stop", "restart")}
    kept = ROOT / "benchmarks" / "results" / "cold_start.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    middle = {key: median(numbers[key]) for key in ("plain", "cold", "stop", "restart")}
    slowest = max(names, key=lambda name: median(warm[name]))
    note = f"medians of {RUNS}: {middle['cold']:,.0f} ms to {middle['plain']:,.0f} ms"
    back = f"back with a new frame after {middle['restart']:,.0f} ms"
    ratio = middle["cold"] / middle["plain"]
    return [
        Row("cold “what if”, to plain Pyodide's boot", ratio, 0.6, "", note=note),
        Row("warm “what if”, slowest scenario", median(warm[slowest]), 100, "ms", note=slowest),
        Row("Stop of an endless loop", middle["stop"], 1000, "ms", note=back),
    ]
