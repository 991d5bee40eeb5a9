/** What the page, the sandboxed frame and the worker say to each other. */

/** Page to frame, once: what every worker is made of. Compressed parts are gzip. */
export interface Parts {
  readonly worker: string;
  readonly wasm: ArrayBuffer;
  readonly library: ArrayBuffer;
  readonly wheel: ArrayBuffer;
  readonly lock: string;
}

/** Page to frame. Each worker has a number of its own. */
export type Order =
  | { readonly do: "load"; readonly parts: Parts }
  | { readonly do: "start"; readonly id: number }
  | { readonly do: "ask"; readonly id: number; readonly text: string }
  | { readonly do: "end"; readonly id: number };

/** Frame to worker, once. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly library: ArrayBuffer;
  readonly wheel: ArrayBuffer;
  readonly lock: string;
  readonly memory: number;
}

/** What became of a worker's start or of a question to it. */
export type Kind = "ready" | "answer" | "failed" | "memory" | "flood";

/** Worker to frame, and with the worker's number frame to page. */
export type Said = readonly [kind: Kind, text: string];
export interface Report {
  readonly id: number;
  readonly kind: Kind;
  readonly text: string;
}

/** The longest answer, in UTF-16 units: a film of every frame is far below it. */
export const LONGEST = 16_000_000;
/** The bytes that a worker's interpreter may grow to. */
export const MEMORY = 512 * 1024 * 1024;
