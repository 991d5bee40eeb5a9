/** The form: a field for each declared parameter, and the scenario. It knows none by name. */

import { check, valuesOf, words, type Declaration, type Parameter } from "./declaration";
import { h } from "./dom";
import type { Value, Values } from "./film";
import { ScriptEditor } from "./script";

export interface Changes {
  /** A value that is run at once: a choice, a number, a scenario. */
  changed(): void;
  /** A text that is run when the reader says so. */
  edited(): void;
  run(): void;
}

interface Field {
  readonly parameter: Parameter;
  readonly control: HTMLInputElement | HTMLSelectElement | ScriptEditor;
}

export class Form {
  readonly element: HTMLElement;
  readonly scripts: readonly ScriptEditor[];
  readonly #fields: readonly Field[];
  readonly #scenario: HTMLSelectElement | null;

  constructor(id: string, declared: Declaration, changes: Changes) {
    this.#fields = declared.parameters.map((parameter) => ({
      parameter,
      control: control(`${id}-${parameter.name}`, parameter, changes),
    }));
    this.scripts = this.#fields
      .map((field) => field.control)
      .filter((control) => control instanceof ScriptEditor);
    this.#scenario = declared.scenarios.length ? picker(`${id}-scenario`, declared) : null;
    this.#scenario?.addEventListener("change", () => {
      if (this.scenario === null) return;
      this.#choose(declared, this.scenario);
      changes.changed();
    });
    this.element = h("div", { class: "sim-form", role: "group", "aria-label": "What if" });
    if (this.#scenario) this.element.append(labelled("Scenario", this.#scenario, "", "sim-wide"));
    for (const { parameter, control } of this.#fields) {
      if (control instanceof ScriptEditor) continue;
      this.element.append(labelled(words(parameter.name), control, parameter.unit));
    }
  }

  get scenario(): string | null {
    return this.#scenario?.value || null;
  }

  set(scenario: string | null, values: Values): void {
    if (this.#scenario) this.#scenario.value = scenario ?? "";
    for (const { parameter, control } of this.#fields) {
      const value = String(values[parameter.name] ?? parameter.default);
      if (control.value !== value) control.value = value;
    }
    this.unmark();
  }

  /** What a scenario leaves open stays as the reader has it; a script belongs to its scenario. */
  #choose(declared: Declaration, scenario: string): void {
    const whole = valuesOf(declared, scenario);
    const own = declared.scenarios.find(({ name }) => name === scenario)?.parameters ?? {};
    const values: Record<string, Value> = {};
    for (const { parameter, control } of this.#fields) {
      const { name, kind } = parameter;
      const given = name in own || kind === "script";
      values[name] = given ? (whole[name] ?? parameter.default) : control.value;
    }
    this.set(scenario, values);
  }

  unmark(): void {
    for (const { control } of this.#fields) {
      if (control instanceof ScriptEditor) control.mark(null);
      else control.removeAttribute("aria-invalid");
    }
  }

  /** The values as they stand, or the first field that is wrong and why. */
  read(): { values: Values } | { wrong: string; parameter: string } {
    const values: Record<string, Value> = {};
    for (const { parameter, control } of this.#fields) {
      const checked = check(parameter, control.value);
      if ("wrong" in checked) return { wrong: checked.wrong, parameter: parameter.name };
      values[parameter.name] = checked.value;
    }
    return { values };
  }

  /** Take the reader to what is wrong. False when the form has no such field to show. */
  point(name: string, line: number | null): boolean {
    const control = this.#fields.find(({ parameter }) => parameter.name === name)?.control;
    if (!control) return false;
    if (control instanceof ScriptEditor) {
      control.mark(line);
    } else {
      control.setAttribute("aria-invalid", "true");
      control.focus();
    }
    return true;
  }

  script(name: string): ScriptEditor | undefined {
    return this.scripts.find((script) => script.name === name);
  }
}

function control(id: string, parameter: Parameter, changes: Changes): Field["control"] {
  if (parameter.kind === "script") return new ScriptEditor(id, parameter, changes);
  const shared = { id, name: parameter.name, title: parameter.help };
  if (parameter.kind === "choice") {
    const options = parameter.choices.map((choice) => h("option", { value: choice }, choice));
    const select = h("select", shared, ...options);
    select.addEventListener("change", () => changes.changed());
    return select;
  }
  const input = h("input", {
    ...shared,
    type: "number",
    min: parameter.minimum,
    max: parameter.maximum,
    step: parameter.kind === "integer" ? 1 : "any",
    inputmode: parameter.kind === "integer" ? "numeric" : "decimal",
  });
  input.addEventListener("change", () => changes.changed());
  return input;
}

function picker(id: string, declared: Declaration): HTMLSelectElement {
  const select = h("select", { id, name: "scenario" }, h("option", { value: "" }, "None"));
  for (const { name, title, summary } of declared.scenarios) {
    select.append(h("option", { value: name, title: summary }, title));
  }
  return select;
}

function labelled(label: string, control: HTMLElement, unit: string, kind = ""): HTMLElement {
  const name = h("label", { for: control.id }, unit ? `${label} (${unit})` : label);
  return h("div", { class: `sim-field ${kind}`.trim() }, name, control);
}
