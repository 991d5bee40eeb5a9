"""The frame alone: what its origin and its policy refuse to a worker that still has everything."""

from __future__ import annotations

import http.server
import threading

import pytest
from playwright.sync_api import Page

from tests.browser.bare import StaticServer

ATTEMPTS = """
const tries = {
  origin: async () => { if (self.origin !== "null") throw "not here"; return "opaque"; },
  fetch: () => fetch(AT),
  data: () => fetch("data:,x"),
  xhr: () => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.onload = resolve;
    request.onerror = () => reject("refused");
    request.open("GET", AT);
    request.send();
  }),
  socket: () => new Promise((resolve, reject) => {
    const socket = new WebSocket(AT.replace("http", "ws"));
    socket.onopen = resolve;
    socket.onerror = () => reject("refused");
  }),
  events: () => new Promise((resolve, reject) => {
    const events = new EventSource(AT);
    events.onopen = resolve;
    events.onerror = () => reject("refused");
  }),
  importScripts: async () => importScripts(AT),
  import: () => import(AT),
  importData: () => import("data:text/javascript,0"),
  eval: async () => (0, eval)("1"),
  Function: async () => new Function("return 1")(),
  indexedDB: () => new Promise((resolve, reject) => {
    const opening = indexedDB.open("x");
    opening.onsuccess = resolve;
    opening.onerror = () => reject("refused");
  }),
  caches: () => caches.open("x"),
  files: () => navigator.storage.getDirectory(),
};
const told = {};
Promise.all(Object.entries(tries).map(async ([name, act]) => {
  try { told[name] = `done: ${await act()}`; } catch (error) { told[name] = `refused: ${error}`; }
})).then(() => postMessage(told));
"""
IN_WORKER = """(text) => new Promise((resolve, reject) => {
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(message);
})"""


@pytest.mark.browser
def test_a_worker_in_the_frame_reaches_nothing(page: Page, bare: StaticServer) -> None:
    heard: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            heard.append("a connection")
            super().setup()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(bare.url)
        page.evaluate("host.warm()")
        at = f"http://127.0.0.1:{server.server_address[1]}/"
        frame = next(frame for frame in page.frames if frame is not page.main_frame)
        told = frame.evaluate(IN_WORKER, f"const AT = {at!r};{ATTEMPTS}")
        server.shutdown()
    assert told.pop("origin") == "done: opaque"
    assert {name: said for name, said in told.items() if not said.startswith("refused")} == {}
    assert heard == []


@pytest.mark.browser
def test_the_page_cannot_be_reached_from_the_frame(page: Page, bare: StaticServer) -> None:
    page.goto(bare.url)
    page.evaluate("host.warm()")
    frame = next(frame for frame in page.frames if frame is not page.main_frame)
    refused = """() => ["parent.document", "top.location.href", "localStorage", "document.cookie"]
      .filter((path) => {
        try { path.split(".").reduce((at, name) => at[name], window); return true; }
        catch { return false; }
      })"""
    assert frame.evaluate(refused) == []
    frame.evaluate("() => { try { top.location = 'about:blank'; } catch {} }")
    page.wait_for_timeout(200)
    assert page.url == bare.url
