/** What the page, the sandboxed frame and the worker say to each other. */

/** The files of the runtime; `wasm` and `library` are compressed with gzip. */
export const PARTS = ["wasm", "worker", "frame", "library", "wheel", "lock"] as const;
export type Part = (typeof PARTS)[number];

/** Page to frame: the files, each as it arrives, then orders. Each worker has its own number. */
export type Order =
  | { readonly do: "take"; readonly part: Part; readonly bytes: ArrayBuffer }
  | { readonly do: "start"; readonly id: number }
  | { readonly do: "ask"; readonly id: number; readonly text: string }
  | { readonly do: "end"; readonly id: number };

/** Frame to worker, once. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly library: ArrayBuffer;
  /** The files of the simulations' wheel. */
  readonly wheel: ReadonlyMap<string, Uint8Array>;
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
