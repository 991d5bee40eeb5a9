/** The panels of a figure. A new picture is morphed into the one that stands there, key by key. */

import morphdom from "morphdom";
import { h } from "./dom";
import type { Film } from "./film";

const keys = {
  getNodeKey: (node: Node): string | undefined =>
    node instanceof Element ? (node.getAttribute("data-key") ?? undefined) : undefined,
  onBeforeElUpdated: (from: Element, to: Element): boolean => !from.isEqualNode(to),
};

export class Stage {
  readonly element: HTMLElement;
  #film: Film;
  #shown = new Map<string, string>();

  /** Take over a stage that shows `step` of the film already, as the build wrote it. */
  constructor(element: HTMLElement, film: Film, step: number) {
    this.element = element;
    this.#film = film;
    for (const panel of film.panels) {
      const svg = film.svg(panel, step);
      if (svg !== null && this.#panel(panel.key)?.querySelector("svg")) {
        this.#shown.set(panel.key, svg);
      }
    }
  }

  /** Show a step. False when it has not been drawn yet; the picture before it stays. */
  show(film: Film, step: number, moving: boolean): boolean {
    if (!film.drawn(step)) return false;
    if (film !== this.#film) this.#arrange(film);
    this.element.classList.toggle("sim-moving", moving);
    for (const panel of film.panels) {
      const svg = film.svg(panel, step);
      const holder = this.#panel(panel.key);
      if (!holder) continue;
      holder.hidden = svg === null;
      if (svg === null || this.#shown.get(panel.key) === svg) continue;
      const next = film.picture(svg);
      if (!next) continue;
      const standing = holder.querySelector("svg");
      if (standing) morphdom(standing, next, keys);
      else holder.append(next);
      this.#shown.set(panel.key, svg);
    }
    return true;
  }

  #panel(key: string): HTMLElement | null {
    return this.element.querySelector<HTMLElement>(`:scope > [data-panel="${CSS.escape(key)}"]`);
  }

  /** One holder for each panel of a film, in its order. */
  #arrange(film: Film): void {
    this.#film = film;
    const holders = film.panels.map(({ key, title }) => {
      const holder = this.#panel(key) ?? h("div", { class: "sim-panel", "data-panel": key });
      if (!holder.querySelector(".sim-panel-title")) {
        holder.prepend(h("p", { class: "sim-panel-title" }, title));
      }
      return holder;
    });
    for (const holder of [...this.element.children]) {
      if (!holders.includes(holder as HTMLDivElement)) {
        this.#shown.delete(holder.getAttribute("data-panel") ?? "");
        holder.remove();
      }
    }
    for (const [index, holder] of holders.entries()) {
      const there = this.element.children[index];
      if (there !== holder) this.element.insertBefore(holder, there ?? null);
    }
  }
}
