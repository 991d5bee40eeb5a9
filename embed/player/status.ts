/** What the player says for itself: one notice or error line, and what the worker is doing. */

import { h } from "./dom";
import type { Progress } from "./host";

/** Milliseconds after which work is worth a word; a shorter run would make the page flicker. */
const PATIENCE = 180;

export class Status {
  readonly message = h("p", { class: "sim-message", hidden: true });
  readonly work = h("div", { class: "sim-work", hidden: true });
  readonly #live = h("div", { class: "sim-messages" }, this.message);
  readonly #doing = h("span", { role: "status" });
  readonly #bar = h("progress", { "aria-label": "Loading" });
  readonly #busy: (busy: boolean) => void;
  #timer: number | undefined;

  constructor(busy: (busy: boolean) => void) {
    this.#busy = busy;
    this.work.append(this.#doing, this.#bar);
  }

  get element(): HTMLElement {
    return this.#live;
  }

  /** Something that the reader should know. */
  notice(text: string): void {
    this.#say(text, "status");
  }

  /** What went wrong, in one line. */
  problem(text: string): void {
    this.#say(text, "alert");
  }

  clear(): void {
    this.message.hidden = true;
    this.message.textContent = "";
  }

  begin(): void {
    this.#doing.textContent = "Running…";
    this.#bar.removeAttribute("value");
    this.#busy(true);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.work.hidden = false;
    }, PATIENCE);
  }

  progress({ what, loaded, total }: Progress): void {
    const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
    const whole = total > 0 && loaded < total;
    this.#doing.textContent = whole ? `${what}: ${mega(loaded)} of ${mega(total)} MB` : what;
    if (whole) {
      this.#bar.max = total;
      this.#bar.value = loaded;
    } else {
      this.#bar.removeAttribute("value");
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.work.hidden = true;
    this.#busy(false);
  }

  #say(text: string, role: "status" | "alert"): void {
    this.message.setAttribute("role", role);
    this.message.hidden = false;
    this.message.textContent = text;
  }
}
