/** The source of a simulation's model, in an editor that is loaded when the reader opens it. */

import { h } from "./dom";
import type { Editor, Open } from "./editor";
import type { Answer, Options } from "./host";
import { beside, describe } from "./runs";

interface Wishes {
  edited(): void;
  run(): void;
  options(): Options;
}

let loading: Promise<Open> | null = null;

/** The editor's bundle: a plain script, since a page opened as a file can import nothing. */
function bundle(): Promise<Open> {
  loading ??= new Promise<Open>((resolve, reject) => {
    const script = h("script", { src: beside("editor.js").href });
    script.addEventListener("load", () => {
      script.remove();
      const open = (globalThis as { simEditor?: Open }).simEditor;
      if (open) resolve(open);
      else reject(new Error("The editor did not start."));
    });
    script.addEventListener("error", () => {
      script.remove();
      loading = null;
      reject(new Error("The editor could not be loaded. Is the connection there?"));
    });
    document.body.append(script);
  });
  return loading;
}

export class Source {
  readonly element = h("div", { class: "sim-source" });
  readonly #simulation: string;
  readonly #wishes: Wishes;
  #editor: Editor | null = null;
  #original: string | null = null;
  #opening: Promise<string | null> | null = null;

  constructor(simulation: string, wishes: Wishes) {
    this.#simulation = simulation;
    this.#wishes = wishes;
  }

  /** The text to run instead of the original; null while they are the same. */
  get edited(): string | null {
    if (!this.#editor || this.#editor.value === this.#original) return null;
    return this.#editor.value;
  }

  get opened(): boolean {
    return this.#editor !== null;
  }

  /** Show the source. Answers with what went wrong, or null. */
  open(): Promise<string | null> {
    this.#opening ??= this.#load().then((wrong) => {
      if (wrong !== null) this.#opening = null;
      return wrong;
    });
    return this.#opening;
  }

  reset(): void {
    if (this.#editor && this.#original !== null && this.edited !== null) {
      this.#editor.value = this.#original;
    }
  }

  mark(line: number | null): void {
    this.#editor?.mark(line);
  }

  async #load(): Promise<string | null> {
    let answer: Answer;
    let open: Open;
    try {
      const asked = describe(this.#simulation, this.#wishes.options());
      [open, answer] = await Promise.all([bundle(), asked]);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (!answer.ok) return answer.problem.message;
    const { source } = answer.declaration as { source?: unknown };
    if (typeof source !== "string") return "The simulation did not show its source.";
    this.#original = source;
    const host = h("div", { class: "sim-editor" });
    this.element.replaceChildren(host);
    this.#editor = open(host, {
      label: "Source of the model",
      text: source,
      edited: () => this.#wishes.edited(),
      run: () => this.#wishes.run(),
    });
    return null;
  }
}
