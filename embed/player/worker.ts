/**
 * The worker: Pyodide, the simulations, and one function from text to text.
 *
 * It lives in a sandboxed frame of opaque origin and inherits that frame's policy, so it can reach
 * no network and no storage, and no JavaScript can be made from text in it. What it needs is handed
 * over. Before any reader's code runs, all that the simulations do not need is taken away besides.
 */

import "./mask";
import { loadPyodide, type PyodideAPI } from "pyodide";
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import type { Kind, Said, Start } from "./wire";

/** The worker's global object, as far as it is used here. */
interface Scope extends EventTarget {
  fetch(address: string | URL): Promise<Response>;
  postMessage(message: Said): void;
}

const scope = globalThis as unknown as Scope;
const post = scope.postMessage.bind(scope);
const say = (kind: Kind, text = ""): void => post([kind, text]);

/** The global names that Pyodide's core still reads once it has started. */
const KEPT = new Set(`
  Infinity NaN undefined globalThis self Object Function Array Number Boolean String Symbol BigInt
  Date Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError
  URIError JSON Math Intl ArrayBuffer Uint8Array Int8Array Uint16Array Int16Array Uint32Array
  Int32Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map
  Set WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect Iterator WebAssembly parseFloat
  parseInt isFinite isNaN decodeURIComponent decodeURI encodeURIComponent encodeURI TextDecoder
  TextEncoder setTimeout clearTimeout queueMicrotask performance crypto DOMException console
`.trim().split(/\s+/));

/** Files, pipes and the like live outside the interpreter's memory: what may be written in all. */
const WRITTEN = 32 * 1024 * 1024;

/** Take away what is not kept, from the global object and from all that it inherits from. */
function disarm(): void {
  for (let object: object | null = scope; object; object = Object.getPrototypeOf(object)) {
    if (object === Object.prototype) break;
    for (const name of Reflect.ownKeys(object)) {
      if (typeof name !== "string" || KEPT.has(name) || name === "constructor") continue;
      if (Reflect.deleteProperty(object, name)) continue;
      try {
        Reflect.defineProperty(object, name, { value: undefined });
      } catch {
        // The few that stay are constants of the engine.
      }
    }
  }
}

/** Refuse memory beyond the limit, and say so at once: the run is in the way of a later word. */
function limitMemory(memory: WebAssembly.Memory, limit: number): void {
  const grow = memory.grow.bind(memory);
  Object.defineProperty(memory, "grow", {
    value: (pages: number): number => {
      if (memory.buffer.byteLength + pages * 65536 > limit) {
        say("memory");
        throw new RangeError("memory limit");
      }
      return grow(pages);
    },
  });
}

interface Files {
  write(stream: { node: { mode: number } }, ...rest: unknown[]): number;
  isChrdev(mode: number): boolean;
  ErrnoError: new (code: number) => Error;
  filesystems: { MEMFS: Record<"expandFileStorage" | "resizeFileStorage", Grow> };
}
type Grow = (node: unknown, size: number) => void;

function limitFiles(files: Files): void {
  const NO_SPACE = 51;
  let written = 0;
  const count = (bytes: number): void => {
    written += bytes;
    if (written > WRITTEN) throw new files.ErrnoError(NO_SPACE);
  };
  const write = files.write;
  files.write = (stream, ...rest) => {
    if (!files.isChrdev(stream.node.mode)) count(Number(rest[2]));
    return write.call(files, stream, ...rest);
  };
  const memory = files.filesystems.MEMFS;
  for (const name of ["expandFileStorage", "resizeFileStorage"] as const) {
    const change = memory[name];
    memory[name] = (node, size) => {
      if (size > WRITTEN) throw new files.ErrnoError(NO_SPACE);
      change.call(memory, node, size);
    };
  }
}

async function start(given: Start): Promise<(text: string) => string> {
  // Pyodide asks for two files by their addresses; neither request leaves this function.
  scope.fetch = async (address) =>
    new Response(String(address).endsWith(".zip") ? given.library : null);
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const instance = await WebAssembly.instantiate(given.module, imports);
    limitMemory(instance.exports["memory"] as WebAssembly.Memory, given.memory);
    return { instance, module: given.module };
  };
  const pyodide = await loadPyodide({
    indexURL: "https://runtime.invalid/",
    lockFileContents: given.lock,
    createPyodideModule,
    jsglobals: Object.freeze(Object.create(null)),
    stdout: () => {},
    stderr: () => {},
    env: { PYTHONHASHSEED: "0", PYTHONDONTWRITEBYTECODE: "1" },
  });
  install(pyodide, given.wheel);
  const answer = pyodide.pyimport("simulations.browser").request as (text: string) => string;
  harden(pyodide);
  return answer;
}

/** Write the wheel's files where Python looks; its own unpacking takes as long as the imports. */
function install({ FS, runPython }: PyodideAPI, wheel: Start["wheel"]): void {
  const site = runPython("import site; site.getsitepackages()[0]") as string;
  const folders = new Set([...wheel.keys()].map((name) => name.slice(0, name.lastIndexOf("/"))));
  for (const folder of folders) FS.mkdirTree(`${site}/${folder}`);
  for (const [name, data] of wheel) FS.writeFile(`${site}/${name}`, data);
  runPython("import importlib; importlib.invalidate_caches()");
}

/** What Python can reach of JavaScript: nothing by a name. */
function harden(pyodide: PyodideAPI): void {
  const discard = { write: (bytes: Uint8Array): number => bytes.length };
  pyodide.setStdin({ error: true });
  pyodide.setStdout(discard);
  pyodide.setStderr(discard);
  pyodide.unregisterJsModule("js");
  pyodide.unregisterJsModule("pyodide_js");
  pyodide.runPython(`
import sys
for name in [name for name in sys.modules if name.partition(".")[0] in ("js", "pyodide_js")]:
    del sys.modules[name]
`);
  limitFiles(pyodide.FS as unknown as Files);
  disarm();
}

let answer: ((text: string) => string) | undefined;

async function receive(data: Start | string): Promise<void> {
  try {
    if (typeof data !== "string") {
      answer = await start(data);
      say("ready");
    } else if (answer) {
      say("answer", answer(data));
    }
  } catch (error) {
    say("failed", String((error as Error)?.message ?? error).trim().split("\n").at(-1));
  }
}

scope.addEventListener("message", (event) => {
  void receive((event as MessageEvent<Start | string>).data);
});
