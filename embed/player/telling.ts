/** The words beside the picture: the caption of the step, the verdict, and the transcript. */

import { h } from "./dom";
import type { Film } from "./film";

export class Telling {
  readonly #caption: HTMLElement | null;
  readonly #list: HTMLOListElement | null;
  readonly #details: HTMLDetailsElement | null;
  readonly #verdict: HTMLElement | null;
  #film: Film;

  /** Take over what the build wrote under the figure. */
  constructor(figure: Element, film: Film, seek: (step: number) => void) {
    this.#film = film;
    this.#caption = caption(figure, film);
    this.#details = figure.querySelector<HTMLDetailsElement>("details.sim-transcript");
    this.#list = this.#details?.querySelector("ol") ?? null;
    this.#verdict = this.#details?.querySelector<HTMLElement>(".sim-verdict") ?? null;
    this.#caption?.setAttribute("aria-live", "polite");
    this.#list?.addEventListener("click", (event) => {
      const line = (event.target as Element).closest("li");
      if (line && !getSelection()?.toString()) seek([...this.#lines].indexOf(line));
    });
  }

  /** A sentence is read out when the reader steps, not while steps pass by themselves. */
  speak(on: boolean): void {
    this.#caption?.setAttribute("aria-live", on ? "polite" : "off");
  }

  show(film: Film, step: number): void {
    if (film !== this.#film) this.#tell(film);
    const said: Node[] = [h("span", { class: "sim-sentence" }, film.steps[step]?.sentence ?? "")];
    if (step === film.last && film.verdict) {
      const tone = /^(good|bad)$/.test(film.verdict.tone) ? film.verdict.tone : "neutral";
      said.push(h("strong", { class: `sim-outcome sim-${tone}` }, film.verdict.sentence));
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
    if (this.#verdict) this.#verdict.textContent = film.verdict?.sentence ?? "";
  }
}

/** The caption, unless an author wrote it: then a line of the player's own, before it. */
function caption(figure: Element, film: Film): HTMLElement | null {
  const found = figure.querySelector<HTMLElement>("figcaption");
  if (!found) return null;
  const built = film.steps[film.telling]?.sentence ?? "";
  const plain = (text: string): string => text.replace(/\s+/g, " ").trim();
  if (plain(found.textContent ?? "") === plain(built)) return found;
  const own = h("p", { class: "sim-caption" });
  found.before(own);
  return own;
}
