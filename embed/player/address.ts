/**
 * The state of a figure as a fragment of the page's address:
 *
 *   #sim=sim-1&v=1&of=isolation&scenario=write-skew&p=level=serializable&seed=0&step=4
 *
 * `sim` is the figure, `of` (which may be left out) its simulation; each `p` is a parameter that
 * differs from what the scenario says. Everything is percent-encoded. A fragment longer than 8 KB
 * is neither made nor read.
 */

export interface State {
  readonly figure: string;
  readonly simulation: string | null;
  readonly scenario: string | null;
  readonly parameters: ReadonlyMap<string, string>;
  readonly seed: number | null;
  readonly step: number | null;
}

const VERSION = "1";
const LONGEST = 8192;
const MOST_SEED = 2 ** 32 - 1;

/** The state as a fragment with its `#`, or null when it is too long for a link. */
export function format(state: State): string | null {
  const parts: [string, string][] = [
    ["sim", state.figure],
    ["v", VERSION],
  ];
  if (state.simulation !== null) parts.push(["of", state.simulation]);
  if (state.scenario !== null) parts.push(["scenario", state.scenario]);
  const fragment = parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  for (const [name, value] of state.parameters) {
    fragment.push(`p=${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  if (state.seed !== null) fragment.push(`seed=${state.seed}`);
  if (state.step !== null) fragment.push(`step=${state.step}`);
  const whole = `#${fragment.join("&")}`;
  return whole.length <= LONGEST ? whole : null;
}

/** What a fragment says: a state, null when it is about no figure, or "malformed". */
export function parse(hash: string): State | "malformed" | null {
  if (!hash.startsWith("#sim=")) return null;
  if (hash.length > LONGEST) return "malformed";
  const single = new Map<string, string>();
  const parameters = new Map<string, string>();
  try {
    for (const part of hash.slice(1).split("&")) {
      const [key = "", first, second, ...more] = part.split("=").map(decodeURIComponent);
      if (more.length || first === undefined) return "malformed";
      if (key === "p") {
        if (second === undefined || parameters.has(first)) return "malformed";
        parameters.set(first, second);
      } else {
        if (second !== undefined || single.has(key) || !KEYS.has(key)) return "malformed";
        single.set(key, first);
      }
    }
  } catch {
    return "malformed"; // a percent sign that encodes nothing
  }
  const seed = count(single.get("seed"), MOST_SEED);
  const step = count(single.get("step"), Number.MAX_SAFE_INTEGER);
  const figure = single.get("sim");
  if (single.get("v") !== VERSION || !figure) return "malformed";
  if (seed === undefined || step === undefined) return "malformed";
  const simulation = single.get("of") ?? null;
  return { figure, simulation, scenario: single.get("scenario") ?? null, parameters, seed, step };
}

const KEYS = new Set(["sim", "v", "of", "scenario", "seed", "step"]);

/** A number as written, null when there is none, undefined when it is not one. */
function count(written: string | undefined, most: number): number | null | undefined {
  if (written === undefined) return null;
  const number = Number(written);
  return /^[0-9]{1,16}$/.test(written) && number <= most ? number : undefined;
}
