/** The words beside the picture: the caption of the step, the verdict, and the transcript. */

import { h } from "./dom";
import type { Film } from "./film";

export class Telling {
  readonly #caption: HTMLElement | null;
  readonly #list: HTMLOListElement | null;
  readonly #details: HTMLDetailsElement | null;
  readonly #verdict: HTMLElement | null;
  readonly #summary: HTMLElement | null;
  #film: Film;

  /** Take over what the build wrote under the figure. */
  constructor(figure: Element, film: Film, seek: (step: number) => void) {
    this.#film = film;
    // Where an author wrote the caption, the build gives the step's sentence a line of its own.
    this.#caption =
      figure.querySelector<HTMLElement>(".sim-caption") ?? figure.querySelector("figcaption");
    this.#details = figure.querySelector<HTMLDetailsElement>("details.sim-transcript");
    this.#list = this.#details?.querySelector("ol") ?? null;
    this.#summary = this.#details?.querySelector("summary") ?? null;
    this.#verdict = this.#details?.querySelector<HTMLElement>(".sim-verdict") ?? null;
    this.#caption?.setAttribute("aria-live", "polite");
    this.#list?.addEventListener("click", (event) => {
      const line = (event.target as Element).closest("li");
      if (line && !getSelection()?.toString()) seek([...this.#lines].indexOf(line));
    });
  }

  /** Let the bar above the caption know how high it is, since both stick to the screen's edge. */
  watch(player: HTMLElement, signal: AbortSignal): void {
    const caption = this.#caption;
    if (!caption) return;
    const observer = new ResizeObserver(() => {
      player.style.setProperty("--sim-caption", `${caption.offsetHeight}px`);
    });
    observer.observe(caption);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** A sentence is read out when the reader steps, not while steps pass by themselves. */
  speak(on: boolean): void {
    this.#caption?.setAttribute("aria-live", on ? "polite" : "off");
  }

  show(film: Film, step: number): void {
    if (film !== this.#film) this.#tell(film);
    const sentence = film.steps[step]?.sentence ?? "";
    const verdict = step === film.last ? film.verdict : null;
    const said: Node[] = [];
    // A run may end by telling its verdict; it is not said twice.
    if (verdict?.sentence !== sentence) said.push(h("span", { class: "sim-sentence" }, sentence));
    if (verdict) {
      const tone = /^(good|bad)$/.test(verdict.tone) ? verdict.tone : "neutral";
      said.push(h("strong", { class: `sim-outcome sim-${tone}` }, verdict.sentence));
    }
    this.#caption?.replaceChildren(...said);
    for (const line of this.#list?.querySelectorAll("[aria-current]") ?? []) {
      line.removeAttribute("aria-current");
    }
    this.#lines[step]?.setAttribute("aria-current", "step");
  }

  /** On paper: the transcript open. Answers with what closes it again. */
  unfold(): () => void {
    const details = this.#details;
    if (!details || details.open) return () => {};
    details.open = true;
    return () => {
      details.open = false;
    };
  }

  get #lines(): HTMLCollectionOf<Element> | Element[] {
    return this.#list?.children ?? [];
  }

  #tell(film: Film): void {
    this.#film = film;
    this.#list?.replaceChildren(...film.steps.map(({ sentence }) => h("li", {}, sentence)));
    const count = `${film.steps.length} ${film.steps.length === 1 ? "step" : "steps"}`;
    if (this.#summary) {
      this.#summary.textContent = (this.#summary.textContent ?? "").replace(/\d+ steps?$/, count);
    }
    if (this.#verdict) {
      this.#verdict.textContent = film.verdict?.sentence ?? "";
      this.#verdict.dataset.tone = film.verdict?.tone ?? "neutral";
    }
  }
}
