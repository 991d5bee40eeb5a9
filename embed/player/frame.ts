/**
 * The script of the sandboxed frame: it keeps the workers and passes words on, both ways.
 *
 * The frame has an opaque origin and a policy of its own (frame.html), which its workers inherit.
 * It is also the wall in front of the page: of a worker's messages it passes only what was asked
 * for and only short text; a worker that says more is ended.
 */

import {
  LONGEST,
  MEMORY,
  type Kind,
  type Order,
  type Part,
  type Report,
  type Said,
  type Start,
} from "./wire";
import { unzip } from "./zip";

interface Kept {
  readonly worker: Worker;
  /** Something was asked (its start, or a question) and not yet answered. */
  awaited: boolean;
}

const KINDS: readonly Kind[] = ["ready", "answer", "failed", "memory"];
const kept = new Map<number, Kept>();

const fits = (data: unknown): data is Said =>
  Array.isArray(data) &&
  KINDS.includes(data[0]) &&
  typeof data[1] === "string" &&
  data[1].length <= LONGEST;
const taken = new Map<Part, (bytes: ArrayBuffer) => void>();

/** A file of the runtime, once the page has handed it over. */
const part = (name: Part): Promise<ArrayBuffer> =>
  new Promise((resolve) => taken.set(name, resolve));

const text = (bytes: ArrayBuffer): string => new TextDecoder().decode(bytes);

const unpacked = (bytes: ArrayBuffer, type: string): Response =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")), {
    headers: { "Content-Type": type },
  });

const script = part("worker").then((bytes) =>
  URL.createObjectURL(new Blob([bytes], { type: "text/javascript" })),
);
/** The first worker reads its script while the other files are still on their way. */
let early: Promise<Worker> | undefined = script.then((address) => new Worker(address));

/** Compiled and unpacked once, for every worker of the visit. */
const given: Promise<Start> = Promise.all([
  part("wasm").then((bytes) => WebAssembly.compileStreaming(unpacked(bytes, "application/wasm"))),
  part("library").then((bytes) => unpacked(bytes, "application/zip").arrayBuffer()),
  part("wheel").then(unzip),
  part("lock").then(text),
]).then(([module, library, wheel, lock]) => ({ module, library, wheel, lock, memory: MEMORY }));

function listen(port: MessagePort): void {
  const report = (id: number, kind: Kind, text = ""): void =>
    port.postMessage({ id, kind, text } satisfies Report);

  const end = (id: number): void => {
    kept.get(id)?.worker.terminate();
    kept.delete(id);
  };

  const start = async (id: number): Promise<void> => {
    const worker = await (early ?? script.then((address) => new Worker(address)));
    early = undefined;
    const entry: Kept = { worker, awaited: true };
    kept.set(id, entry);
    const fail = (kind: Kind, text = ""): void => {
      if (kept.get(id) !== entry) return;
      end(id);
      report(id, kind, text.slice(0, 1000));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail("failed", event.message || "The worker did not start.");
    };
    worker.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (kept.get(id) !== entry) return;
      if (!entry.awaited || !fits(data)) fail("flood");
      else if (data[0] !== "ready" && data[0] !== "answer") fail(...data);
      else {
        entry.awaited = false;
        report(id, ...data);
      }
    };
    try {
      worker.postMessage(await given);
    } catch (error) {
      fail("failed", String(error));
    }
  };

  port.onmessage = ({ data: order }: MessageEvent<Order>) => {
    if (order.do === "take") taken.get(order.part)?.(order.bytes);
    else if (order.do === "start") void start(order.id);
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
