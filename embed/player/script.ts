/** A plain text area with line numbers, where one line can be marked as wrong. */

import type { Parameter } from "./declaration";
import { words } from "./declaration";
import { h } from "./dom";

export class ScriptEditor {
  readonly name: string;
  readonly element: HTMLElement;
  readonly #area: HTMLTextAreaElement;
  readonly #numbers = h("div", { class: "sim-numbers", "aria-hidden": "true" });
  #lines = 0;

  constructor(id: string, parameter: Parameter, on: { edited(): void; run(): void }) {
    this.name = parameter.name;
    this.#area = h("textarea", {
      id,
      "aria-label": words(parameter.name),
      "aria-describedby": `${id}-help`,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      wrap: "off",
      maxlength: parameter.maximum,
    });
    this.element = h(
      "div",
      {},
      h("div", { class: "sim-script" }, this.#numbers, this.#area),
      h("p", { class: "sim-hint", id: `${id}-help` }, parameter.help),
    );
    this.#area.addEventListener("input", () => {
      this.mark(null);
      this.#number();
      on.edited();
    });
    this.#area.addEventListener("scroll", () => {
      this.#numbers.scrollTop = this.#area.scrollTop;
    });
    this.#area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      on.run();
    });
  }

  get value(): string {
    return this.#area.value;
  }

  set value(text: string) {
    this.#area.value = text;
    this.#number();
  }

  /** Mark a line as wrong and go there; null unmarks. */
  mark(line: number | null): void {
    this.#numbers.querySelector(".sim-wrong")?.classList.remove("sim-wrong");
    this.#area.removeAttribute("aria-invalid");
    if (line === null) return;
    this.#area.setAttribute("aria-invalid", "true");
    this.#numbers.children[line - 1]?.classList.add("sim-wrong");
    const lines = this.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    this.#area.focus();
    this.#area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
    const tall = this.#area.scrollHeight / Math.max(1, lines.length);
    this.#area.scrollTop = Math.max(0, (line - 4) * tall);
  }

  focus(): void {
    this.#area.focus();
  }

  #number(): void {
    const count = this.#area.value.split("\n").length;
    if (count === this.#lines) return;
    this.#lines = count;
    this.#numbers.replaceChildren(
      ...Array.from({ length: count }, (_, index) => h("span", {}, String(index + 1))),
    );
    this.#area.rows = Math.min(Math.max(count, 6), 24);
  }
}
