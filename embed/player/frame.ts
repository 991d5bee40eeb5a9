/**
 * The script of the sandboxed frame: it keeps the workers and passes words on, both ways.
 *
 * The frame has an opaque origin and a policy of its own (frame.html), which its workers inherit.
 * It is also the wall in front of the page: of a worker's messages it passes only what was asked
 * for and only short text; a worker that says more is ended.
 */

import { LONGEST, MEMORY, type Kind, type Order, type Parts, type Report, type Start } from "./wire";

interface Kept {
  readonly worker: Worker;
  /** Something was asked (its start, or a question) and not yet answered. */
  awaited: boolean;
}

const KINDS: readonly Kind[] = ["ready", "answer", "failed", "memory"];
const kept = new Map<number, Kept>();
let made: { address: string; start: Promise<Start> } | undefined;

const unpacked = (bytes: ArrayBuffer, type: string): Response =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")), {
    headers: { "Content-Type": type },
  });

/** Compile and unpack once, for every worker of the visit. */
function load(parts: Parts): void {
  const { wheel, lock } = parts;
  made = {
    address: URL.createObjectURL(new Blob([parts.worker], { type: "text/javascript" })),
    start: Promise.all([
      WebAssembly.compileStreaming(unpacked(parts.wasm, "application/wasm")),
      unpacked(parts.library, "application/zip").arrayBuffer(),
    ]).then(([module, library]) => ({ module, library, wheel, lock, memory: MEMORY })),
  };
}

function listen(port: MessagePort): void {
  const report = (id: number, kind: Kind, text = ""): void =>
    port.postMessage({ id, kind, text } satisfies Report);

  const end = (id: number): void => {
    kept.get(id)?.worker.terminate();
    kept.delete(id);
  };

  const start = (id: number): void => {
    if (!made) return;
    const worker = new Worker(made.address);
    const entry: Kept = { worker, awaited: true };
    kept.set(id, entry);
    const fail = (kind: Kind, text: string): void => {
      if (kept.get(id) !== entry) return;
      end(id);
      report(id, kind, text);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail("failed", event.message || "The worker did not start.");
    };
    worker.onmessage = ({ data }) => {
      if (kept.get(id) !== entry) return;
      const [kind, text] = Array.isArray(data) ? data : [];
      const fits = KINDS.includes(kind) && typeof text === "string" && text.length <= LONGEST;
      if (!entry.awaited || !fits) return fail("flood", "");
      if (kind === "ready" || kind === "answer") {
        entry.awaited = false;
        report(id, kind, text);
      } else {
        fail(kind, text.slice(0, 1000));
      }
    };
    made.start.then(
      (given) => worker.postMessage(given),
      (error: unknown) => fail("failed", String(error)),
    );
  };

  port.onmessage = ({ data: order }: MessageEvent<Order>) => {
    if (order.do === "load") load(order.parts);
    else if (order.do === "start") start(order.id);
    else if (order.do === "end") end(order.id);
    else {
      const entry = kept.get(order.id);
      if (!entry) return;
      entry.awaited = true;
      entry.worker.postMessage(order.text);
    }
  };
}

addEventListener("message", (event) => {
  const [port] = event.ports;
  if (event.source === parent && port) listen(port);
});
