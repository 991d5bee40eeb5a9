/** The parts around a figure's picture: tabs, buttons, the form and the messages, as elements. */

import { words } from "./declaration";
import { enable, enabled, h } from "./dom";
import type { Form } from "./form";
import { Tabs, type Tab } from "./tabs";

interface Inside {
  readonly stage: HTMLElement;
  readonly transport: HTMLElement;
  readonly form: Form | null;
  readonly source: HTMLElement;
  readonly messages: HTMLElement;
  readonly work: HTMLElement;
}

export interface Acts {
  run(): void;
  stop(): void;
  reset(): void;
  share(): void;
  turned(tab: string): void;
}

export class Shell {
  readonly tabs: Tabs;
  readonly run: HTMLButtonElement;
  readonly stop: HTMLButtonElement;
  readonly reset: HTMLButtonElement;

  /** Lay the parts out in the player's element, around the stage that stands in it. */
  constructor(element: HTMLElement, inside: Inside, acts: Acts) {
    const { form } = inside;
    this.run = button("Run", "Run with these values (Ctrl+Enter)", acts.run);
    this.stop = button("Stop", "End the run", acts.stop);
    this.reset = button("Reset", "Back to the figure of the page", acts.reset);
    const share = button("Copy link", "Copy a link to what is shown now", acts.share);
    enable(this.stop, false);

    const views: Tab[] = [view("figure", "Figure", inside.stage, inside.transport)];
    for (const script of form?.scripts ?? []) {
      views.push(view(script.name, words(script.name), script.element));
    }
    if (form) views.push(view("source", "Source", inside.source));
    this.tabs = new Tabs(element.id, views, acts.turned);

    const actions = h("div", { class: "sim-actions" });
    if (form) actions.append(this.run, this.stop, this.reset);
    actions.append(share);
    const head = h("div", { class: "sim-head" }, this.tabs.element, actions);
    const body = h("div", { class: "sim-body" }, ...views.map(({ panel }) => panel), inside.work);
    element.append(head, ...(form ? [form.element] : []), inside.messages, body);
  }
}

function view(name: string, title: string, ...inside: HTMLElement[]): Tab {
  return { name, title, panel: h("div", { class: "sim-view" }, ...inside) };
}

function button(label: string, title: string, act: () => void): HTMLButtonElement {
  const made = h("button", { type: "button", class: "sim-action", title }, label);
  made.addEventListener("click", () => {
    if (enabled(made)) act();
  });
  return made;
}
