/** Tabs as the ARIA practices describe them: arrows move between them, Tab goes into the panel. */

import { h } from "./dom";

export interface Tab {
  readonly name: string;
  readonly title: string;
  readonly panel: HTMLElement;
}

export class Tabs {
  readonly element: HTMLElement;
  readonly #tabs: readonly Tab[];
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #turned: (name: string) => void;
  #name = "";

  constructor(id: string, tabs: readonly Tab[], turned: (name: string) => void) {
    this.#tabs = tabs;
    this.#turned = turned;
    this.#buttons = tabs.map(({ name, title, panel }) => {
      panel.id = `${id}-${name}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", `${id}-${name}-tab`);
      const tab = h("button", {
        type: "button",
        role: "tab",
        id: `${id}-${name}-tab`,
        "aria-controls": panel.id,
      });
      tab.append(title);
      tab.addEventListener("click", () => this.choose(name));
      return tab;
    });
    this.element = h("div", { class: "sim-tabs", role: "tablist", "aria-label": "Views" });
    this.element.append(...this.#buttons);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#mark(tabs[0]?.name ?? "");
  }

  get chosen(): string {
    return this.#name;
  }

  choose(name: string): void {
    this.#mark(name);
    this.#turned(name);
  }

  #mark(name: string): void {
    this.#name = name;
    for (const [index, tab] of this.#tabs.entries()) {
      const on = tab.name === name;
      tab.panel.hidden = !on;
      this.#buttons[index]?.setAttribute("aria-selected", String(on));
      this.#buttons[index]?.setAttribute("tabindex", on ? "0" : "-1");
    }
  }

  #key(event: KeyboardEvent): void {
    const at = this.#buttons.indexOf(event.target as HTMLButtonElement);
    const count = this.#buttons.length;
    const places = { ArrowLeft: at - 1 + count, ArrowRight: at + 1, Home: 0, End: count - 1 };
    const to = (places as Record<string, number>)[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const index = to % count;
    this.#buttons[index]?.focus();
    this.choose(this.#tabs[index]?.name ?? "");
  }
}
