/** The bar under the picture: back, play, on, scrub, speed; and the keys that do the same. */

import { enable, enabled, h, icon } from "./dom";
import type { Step } from "./film";

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h4v14H7zM13 5h4v14h-4z";
const BACK = "M7 6h2v12H7zM18 6v12l-8-6z";
const ON = "M15 6h2v12h-2zM6 6v12l8-6z";
const SPEEDS = [0.5, 1, 2, 4];
/** Milliseconds that a step stays at speed 1: time to read its sentence. */
const STAY = 2400;

export interface Orders {
  /** The reader wants this step; `near` when it is one step away, so that marks may move there. */
  seek(step: number, near: boolean): void;
  /** Whether the picture of the step that is asked for is there. */
  ready(): boolean;
  /** Playing has begun or ended. */
  played(): void;
}

export class Transport {
  readonly element: HTMLElement;
  readonly scrub = h("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  readonly #back = button("Previous step", BACK);
  readonly #play = button("Play", PLAY);
  readonly #on = button("Next step", ON);
  readonly #count = h("output", { class: "sim-count", "aria-hidden": "true" });
  readonly #speed = h(
    "select",
    { class: "sim-speed", "aria-label": "Speed", title: "Speed" },
    ...SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)),
  );
  readonly #orders: Orders;
  #timer: number | undefined;
  #step = 0;
  #last = 0;
  #touched = false;

  constructor(orders: Orders) {
    this.#orders = orders;
    this.element = h("div", { class: "sim-transport", role: "group", "aria-label": "Playback" });
    this.element.append(this.#back, this.#play, this.#on, this.scrub, this.#count, this.#speed);
    this.#back.addEventListener("click", () => this.#go(this.#step - 1));
    this.#on.addEventListener("click", () => this.#go(this.#step + 1));
    this.#play.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => this.#go(Number(this.scrub.value)));
  }

  get playing(): boolean {
    return this.#timer !== undefined;
  }

  /** Steps pass by too fast for their sentences to be read out. */
  get hurried(): boolean {
    return this.playing && this.#rate >= 1;
  }

  get #rate(): number {
    return Number(this.#speed.value);
  }

  show(step: number, steps: readonly Step[]): void {
    this.#step = step;
    this.#last = steps.length - 1;
    this.scrub.max = String(this.#last);
    this.scrub.value = String(step);
    this.scrub.setAttribute(
      "aria-valuetext",
      `Step ${step + 1} of ${steps.length}. ${steps[step]?.sentence ?? ""}`,
    );
    this.scrub.style.setProperty("--sim-done", `${(100 * step) / Math.max(1, this.#last)}%`);
    this.#count.textContent = `${step + 1} / ${steps.length}`;
    enable(this.#back, step > 0);
    enable(this.#on, step < this.#last);
  }

  toggle(): void {
    if (this.playing) return this.pause();
    // Who has not stepped yet sees the telling step; playing tells it from the start.
    const start = !this.#touched || this.#step >= this.#last ? 0 : this.#step + 1;
    this.#touched = true;
    this.#face("Pause", PAUSE);
    this.#orders.seek(start, start === this.#step + 1);
    this.#wait(STAY / this.#rate);
    this.#orders.played();
  }

  pause(): void {
    if (!this.playing) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#face("Play", PLAY);
    this.#orders.played();
  }

  /** Another run is shown: playing it begins where the reader is. */
  touch(): void {
    this.#touched = true;
  }

  /** True when a key pressed in the figure was for the player. */
  key(event: KeyboardEvent): boolean {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
    const onButton = event.target instanceof HTMLButtonElement;
    if (event.key === " " && !onButton) this.toggle();
    else if (event.key === "ArrowLeft" || event.key === "ArrowDown") this.#go(this.#step - 1);
    else if (event.key === "ArrowRight" || event.key === "ArrowUp") this.#go(this.#step + 1);
    else if (event.key === "Home") this.#go(0);
    else if (event.key === "End") this.#go(this.#last);
    else return false;
    return true;
  }

  #go(step: number): void {
    const to = Math.min(Math.max(step, 0), this.#last);
    this.#touched = true;
    this.pause();
    if (to !== this.#step) this.#orders.seek(to, Math.abs(to - this.#step) === 1);
  }

  #wait(milliseconds: number): void {
    this.#timer = window.setTimeout(() => this.#tick(), milliseconds);
  }

  #tick(): void {
    if (!this.#orders.ready()) return this.#wait(50);
    if (this.#step >= this.#last) return this.pause();
    this.#orders.seek(this.#step + 1, true);
    if (this.#step >= this.#last) this.pause();
    else this.#wait(STAY / this.#rate);
  }

  #face(label: string, path: string): void {
    this.#play.replaceChildren(icon(path));
    this.#play.setAttribute("aria-label", label);
    this.#play.title = label;
  }
}

function button(label: string, path: string): HTMLButtonElement {
  const names = { "aria-label": label, title: label };
  const made = h("button", { type: "button", class: "sim-icon", ...names });
  made.append(icon(path));
  made.addEventListener("click", (event) => {
    if (!enabled(made)) event.stopImmediatePropagation();
  });
  return made;
}
