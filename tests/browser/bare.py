"""A page with nothing but the worker's keeper, and the browser and server to try it in."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

from embed import runtime

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """<!doctype html><meta charset="utf-8"><title>bare</title><link rel="icon" href="data:,">
<script src="bare.js"></script><div id="stage"></div>"""


def chromium_path() -> str | None:
    """Debian's Chromium where there is one; else Playwright finds its own."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A plain static host: no special headers."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".wasm": "application/wasm",
        ".mjs": "text/javascript",
    }

    def log_message(self, format: str, *args: object) -> None:
        pass


class StaticServer:
    """Serves one folder on a free loopback port."""

    def __init__(self, folder: Path, handler: type[QuietHandler] = QuietHandler) -> None:
        served = functools.partial(handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), served)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.folder = folder

    def __enter__(self) -> StaticServer:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def lay_out(folder: Path) -> None:
    """The bare page with the built runtime beside it, as `host` in its scripts' world."""
    runtime.build()
    asked = {"do": "bundle", "entry": "tests/browser/bare.ts"}
    made = subprocess.run(
        [runtime.NODE, str(runtime.STEPS), json.dumps(asked)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (folder / "bare.js").write_bytes(made.stdout)
    (folder / "index.html").write_text(PAGE, "utf-8")
    shutil.copytree(runtime.TARGET, folder / "runtime")
