/** What a simulation declares about itself: the page holds it once for each simulation. */

import { readValues, type Value, type Values } from "./film";

export interface Parameter {
  readonly name: string;
  readonly kind: "integer" | "number" | "choice" | "script";
  readonly default: Value;
  readonly help: string;
  readonly unit: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly choices: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly parameters: Values;
}

export interface Declaration {
  readonly name: string;
  readonly title: string;
  readonly parameters: readonly Parameter[];
  readonly scenarios: readonly Scenario[];
}

const known = new Map<string, Declaration>();

/**
 * The declaration of a simulation. The scripts that hold them are read and removed, because
 * Material's instant navigation runs every script of a page again, as JavaScript.
 */
export function declaration(simulation: string): Declaration | null {
  for (const script of document.querySelectorAll("script.sim-declaration")) {
    known.set((script as HTMLElement).dataset.simulation ?? "", read(script.textContent ?? "{}"));
    script.remove();
  }
  return known.get(simulation) ?? null;
}

function read(json: string): Declaration {
  const declared = JSON.parse(json) as Declaration;
  return {
    ...declared,
    scenarios: declared.scenarios.map((scenario) => ({
      ...scenario,
      parameters: readValues(scenario.parameters),
    })),
  };
}

/** The values that a scenario stands for: its own, else the defaults. */
export function valuesOf(declared: Declaration, scenario: string | null): Values {
  const own = declared.scenarios.find(({ name }) => name === scenario)?.parameters ?? {};
  return readValues(
    Object.fromEntries(declared.parameters.map((p) => [p.name, own[p.name] ?? p.default])),
  );
}

/** The words for a parameter or a choice: `lock_wait_timeout` is “Lock wait timeout”. */
export function words(name: string): string {
  const plain = name.replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** What a text means for a parameter: its value, or a sentence that says what would be right. */
export function check(parameter: Parameter, given: Value): { value: Value } | { wrong: string } {
  const { kind, minimum, maximum, unit, choices } = parameter;
  const name = words(parameter.name);
  if (kind === "choice") {
    if (choices.includes(String(given))) return { value: String(given) };
    return { wrong: `${name} cannot be “${given}”. There is: ${choices.join(", ")}.` };
  }
  if (kind === "script") {
    const script = String(given);
    if (maximum === null || script.length <= maximum) return { value: script };
    return { wrong: `${name} has ${script.length} characters; at most ${maximum} are allowed.` };
  }
  const number = String(given).trim() === "" ? NaN : Number(given);
  const fits =
    (kind === "integer" ? Number.isSafeInteger(number) : Number.isFinite(number)) &&
    number >= (minimum ?? -Infinity) &&
    number <= (maximum ?? Infinity);
  if (fits) return { value: number };
  const what = kind === "integer" ? "a whole number" : "a number";
  const bounds =
    minimum !== null && maximum !== null
      ? ` from ${minimum} to ${maximum}`
      : minimum !== null
        ? ` of at least ${minimum}`
        : maximum !== null
          ? ` of at most ${maximum}`
          : "";
  return { wrong: `${name} must be ${what}${bounds}${unit && ` ${unit}`}.` };
}
