"""The runtime in Debian's Firefox, which no driver of ours speaks to: the page tells a server."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.browser.bare import QuietHandler, StaticServer
from tests.browser.test_hostile import PROGRAMS, REACH

# Those that end by themselves and leave the others as they are, in one source.
TOGETHER = (
    "beacon broadcast_channel caches cookie dynamic_import event_source fetch"
    " file_system function_constructor import_scripts indexed_db js_module local_storage"
    " nested_worker pyfetch pyodide_api raw_socket run_js service_worker urllib_request web_rtc"
    " web_socket web_transport xml_http_request"
).split()
PAGE = """<!doctype html><meta charset="utf-8"><title>Firefox</title>
<link rel="icon" href="data:,"><script src="bare.js"></script><script>
const run = { do: "run", simulation: "isolation", parameters: { engine: "none" } };
const told = {};
(async () => {
  try {
    told.before = await host.request(run);
    const { declaration } = await host.request({ do: "describe", simulation: "isolation" });
    const hostile = await (await fetch("hostile.txt")).text();
    const source = declaration.source + hostile;
    told.hostile = await host.request({ ...run, source }, { tainted: true });
    const loop = host.request({ ...run, source: "while True: pass" }, { tainted: true });
    while (host.state !== "busy") await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    host.stop();
    told.stopped = await loop;
    told.seconds = (performance.now() - start) / 1000;
    told.after = await host.request(run);
    told.kept = [...Object.keys(localStorage), ...await caches.keys(), document.cookie];
  } catch (error) {
    told.error = String(error);
  }
  await fetch("told", { method: "POST", body: JSON.stringify(told) });
})();
</script>"""


@pytest.mark.browser
def test_firefox_runs_stops_and_confines(bare: StaticServer, tmp_path: Path) -> None:
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if firefox is None:
        pytest.skip("Firefox is missing: apt-get install firefox-esr")
    told: dict = {}
    finished = threading.Event()
    heard: list[str] = []

    class Told(QuietHandler):
        def do_POST(self) -> None:
            told.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            finished.set()

    class Canary(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            heard.append("a connection")
            super().setup()

        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path / "site"
    shutil.copytree(bare.folder, folder)
    (folder / "firefox.html").write_text(PAGE, "utf-8")
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary) as canary,
        StaticServer(folder, Told) as server,
    ):
        threading.Thread(target=canary.serve_forever, daemon=True).start()
        at = f"CANARY = 'http://127.0.0.1:{canary.server_address[1]}/'"
        programs = [(PROGRAMS / f"{name}.py").read_text("utf-8") for name in TOGETHER]
        (folder / "hostile.txt").write_text("\n".join(["", REACH, at, *programs]), "utf-8")
        command = [firefox, "--headless", "--no-remote", "--profile", str(tmp_path / "profile")]
        (tmp_path / "profile").mkdir()
        process = subprocess.Popen(
            [*command, f"{server.url}firefox.html"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert finished.wait(120), "Firefox told nothing within two minutes"
        finally:
            process.terminate()
            process.wait(30)
            canary.shutdown()
    assert "error" not in told, told
    assert told["before"]["ok"], told["before"]
    assert told["hostile"]["ok"], told["hostile"]  # else not all of them ran
    assert heard == []
    assert told["kept"] == [""]
    assert told["stopped"]["problem"]["message"] == "The run was stopped."
    assert told["seconds"] < 1
    assert told["after"] == told["before"]
