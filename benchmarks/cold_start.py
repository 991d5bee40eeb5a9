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
  const show = (film) => {
    document.querySelector("#stage").innerHTML = film.panels.flatMap((panel) => panel.svg).join("");
    return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  };
  const times = [];
  for (const message of asked) {
    const start = performance.now();
    const answer = await host.request({ do: "run", ...message });
    if (!answer.ok) throw new Error(answer.problem.message);
    await show(answer.film);
    times.push(performance.now() - start);
  }
  const stopped = performance.now();
  host.stop();
  const endless = host.request({ do: "run", ...asked[0], source: "while True: pass" },
    { tainted: true });
  setTimeout(() => host.stop(), 300);
  await endless;
  const again = performance.now();
  await host.request({ do: "run", ...asked[0] });
  return { times, stop: again - stopped - 300, restart: performance.now() - again };
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
    cold: list[float] = []
    warm: dict[str, list[float]] = {}
    restarts: list[float] = []
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        lay_out(folder)
        (folder / "pyodide").symlink_to(ROOT / "node_modules" / "pyodide")
        (folder / "plain.mjs").write_text(PLAIN_WORKER, "utf-8")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        with StaticServer(folder) as server:
            for _ in range(RUNS):
                plain.append(timed(browser, server.url, PLAIN))
                ours = timed(browser, server.url, OURS, asked)
                cold.append(ours["times"][0])
                restarts.append(ours["restart"])
                for message, time in list(zip(asked, ours["times"], strict=True))[1:]:
                    name = f"{message['simulation']}/{message['scenario']}"
                    warm.setdefault(name, []).append(time)
        browser.close()
    slowest = max(warm, key=lambda name: median(warm[name]), default="")
    numbers = {"plain": plain, "cold": cold, "restart": restarts, "warm": warm}
    kept = ROOT / "benchmarks" / "results" / "cold_start.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    note = f"medians of {RUNS}: {median(cold):,.0f} ms and {median(plain):,.0f} ms"
    rows = [
        Row(
            "cold “what if”, to plain Pyodide's boot",
            median(cold) / median(plain),
            0.6,
            "",
            note=note,
        )
    ]
    if slowest:
        rows.append(
            Row("warm “what if”, slowest scenario", median(warm[slowest]), 100, "ms", note=slowest)
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
