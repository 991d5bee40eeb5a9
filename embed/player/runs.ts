/**
 * Asking the one worker of the visit. It keeps only its latest trace, and every figure shares it,
 * so a run that is no longer the latest is run again before more of it is drawn.
 */

import { host, type Answer, type Host, type Options } from "./host";
import type { Values } from "./film";

// Read at once: the script's own address is relative, and the page's changes as the reader goes on.
const here = (document.currentScript as HTMLScriptElement | null)?.src ?? document.baseURI;

/** The address of a file beside this script, or, with `../`, beside its folder. */
export function beside(path: string): URL {
  return new URL(path, here);
}

let keeper: Host | undefined;

/** The keeper of the worker: made at first use, then the same for the whole visit. */
export function worker(): Host {
  keeper ??= host(beside("../runtime/"));
  return keeper;
}

export interface Question {
  readonly simulation: string;
  readonly scenario: string | null;
  readonly parameters: Values;
  readonly seed: number;
  readonly source: string | null;
}

let latest: Run | null = null;
let stops = 0;

/** End whatever the worker is doing. */
export function stop(): void {
  stops++;
  latest = null;
  worker().stop();
}

export class Run {
  readonly #question: Question;
  readonly #tainted: boolean;

  constructor(question: Question) {
    this.#question = question;
    this.#tainted = question.source !== null;
  }

  /** The film of this run, with the one frame of `step` drawn, or its first telling one. */
  async film(step: number | null, options: Options = {}): Promise<Answer> {
    latest = this;
    const message = { do: "run", ...this.#question, step };
    const answer = await worker().request(message, { ...options, tainted: this.#tainted });
    if (!answer.ok && latest === this) latest = null;
    return answer;
  }

  /** More frames of this run, which is run again where its trace is no longer kept. */
  async draw(steps: readonly number[]): Promise<Answer> {
    const ask = (): Promise<Answer> =>
      worker().request({ do: "draw", steps }, { tainted: this.#tainted });
    const before = stops;
    if (latest === this) {
      const answer = await ask();
      if (answer.ok || stops !== before) return answer;
    }
    const ran = this.film(steps[0] ?? 0);
    const drawn = ask();
    const film = await ran;
    const answer = await drawn;
    return film.ok ? answer : film;
  }
}

/** Start the worker ahead of the first question, and let it import what this figure runs. */
export async function prepare(simulation: string): Promise<void> {
  await worker().warm();
  if (worker().state === "ready") await describe(simulation);
}

/** What a simulation says of itself when asked, with the source of its model. */
export async function describe(simulation: string, options: Options = {}): Promise<Answer> {
  return worker().request({ do: "describe", simulation }, options);
}
