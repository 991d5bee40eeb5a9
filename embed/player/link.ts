/** Between what a figure shows and what an address says of it. */

import type { State } from "./address";
import { check, valuesOf, type Declaration } from "./declaration";
import type { Film, Value, Values } from "./film";

/** What belongs to the figure of the page, whatever the reader does to it. */
export interface Home {
  readonly id: string;
  readonly simulation: string;
  readonly declared: Declaration | null;
  readonly built: Film;
}

/** What a reader has made of it. */
export interface Setting {
  readonly scenario: string | null;
  readonly values: Values;
  readonly seed: number;
}

/** The values that need no word in an address: the page's own, or those of another scenario. */
function plain({ declared, built }: Home, scenario: string | null): Values {
  return scenario === built.scenario || !declared ? built.parameters : valuesOf(declared, scenario);
}

export function same(setting: Pick<Setting, "values" | "seed">, film: Film): boolean {
  return (
    setting.seed === film.seed &&
    Object.entries(setting.values).every(([name, value]) => film.parameters[name] === value)
  );
}

export function stateOf(home: Home, { scenario, values, seed }: Setting, step: number): State {
  const unsaid = plain(home, scenario);
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    if (unsaid[name] !== value) parameters.set(name, String(value));
  }
  return {
    figure: home.id,
    simulation: home.simulation,
    scenario: scenario === home.built.scenario ? null : scenario,
    parameters,
    seed: seed === home.built.seed ? null : seed,
    step,
  };
}

/** What a state asks of this figure; null when it does not fit it. */
export function settingOf(home: Home, state: State): Setting | null {
  const { declared, built } = home;
  if (state.simulation !== null && state.simulation !== home.simulation) return null;
  if (state.scenario !== null && !declared?.scenarios.some(({ name }) => name === state.scenario)) {
    return null;
  }
  const scenario = state.scenario ?? built.scenario;
  const values: Record<string, Value> = { ...plain(home, scenario) };
  for (const [name, written] of state.parameters) {
    const parameter = declared?.parameters.find((one) => one.name === name);
    const checked = parameter && check(parameter, written);
    if (!checked || "wrong" in checked) return null;
    values[name] = checked.value;
  }
  return { scenario, values, seed: state.seed ?? built.seed };
}
