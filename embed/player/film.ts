/**
 * A run as it travels to the page: every step's sentence, and the distinct pictures of each panel.
 * It comes from the built page or from the worker, which may hold a reader's own program, so its
 * shape is checked before anything is believed.
 */

import { picture } from "./picture";

export interface Step {
  readonly time: number;
  readonly actor: string;
  readonly kind: string;
  readonly sentence: string;
}

export interface Verdict {
  readonly sentence: string;
  readonly tone: string;
}

interface Panel {
  readonly key: string;
  readonly title: string;
  readonly svg: string[];
  readonly at: (number | null)[];
}

export type Value = string | number;
export type Values = Readonly<Record<string, Value>>;

const VERSION = 1;
const MOST_STEPS = 20_000;

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const whole = (value: unknown): value is number => Number.isSafeInteger(value);

/** A picture as text; in a page it is a list of marks that the pictures of a panel share. */
const unpacked = (picture: unknown, marks: readonly unknown[]): string =>
  Array.isArray(picture)
    ? picture.map((index) => text(marks[Number(index)])).join("")
    : text(picture);

export class Film {
  readonly panels: readonly Panel[];
  readonly steps: readonly Step[];
  readonly scenario: string | null;
  readonly parameters: Values;
  readonly seed: number;
  readonly telling: number;
  readonly verdict: Verdict | null;
  readonly #drawn: boolean[];
  readonly #pictures = new Map<string, SVGSVGElement | null>();

  /** Throws an error that is a sentence when this is not a film. */
  constructor(value: unknown) {
    if (!isObject(value) || value.version !== VERSION) {
      throw new Error(`The answer is not a film of version ${VERSION}.`);
    }
    if (!Array.isArray(value.steps) || value.steps.length === 0) {
      throw new Error("The run has no steps, so there is nothing to show.");
    }
    if (value.steps.length > MOST_STEPS) {
      throw new Error(`The run has more than ${MOST_STEPS} steps; make it smaller.`);
    }
    this.steps = value.steps.map(readStep);
    this.panels = [];
    this.#drawn = new Array<boolean>(this.steps.length).fill(false);
    this.add(value.panels);
    this.scenario = typeof value.scenario === "string" ? value.scenario : null;
    this.parameters = readValues(value.parameters);
    this.seed = whole(value.seed) ? value.seed : 0;
    const telling = whole(value.telling) ? value.telling : 0;
    this.telling = this.clamp(telling);
    const verdict = value.verdict;
    this.verdict = isObject(verdict)
      ? { sentence: text(verdict.sentence), tone: text(verdict.tone) }
      : null;
  }

  get last(): number {
    return this.steps.length - 1;
  }

  clamp(step: number): number {
    return Math.min(Math.max(Math.trunc(step) || 0, 0), this.last);
  }

  drawn(step: number): boolean {
    return this.#drawn[step] === true;
  }

  /** Take in more drawn panels: the `panels` of a film or of a `draw` answer. */
  add(panels: unknown): void {
    if (!Array.isArray(panels)) throw new Error("The answer holds no pictures.");
    for (const more of panels) {
      if (!isObject(more) || !Array.isArray(more.svg) || !Array.isArray(more.at)) {
        throw new Error("The answer holds a picture that cannot be read.");
      }
      const key = text(more.key);
      let panel = this.panels.find((known) => known.key === key);
      if (!panel) {
        panel = { key, title: text(more.title), svg: [], at: this.steps.map(() => null) };
        (this.panels as Panel[]).push(panel);
      }
      const offset = panel.svg.length;
      const marks = Array.isArray(more.marks) ? more.marks : [];
      panel.svg.push(...more.svg.map((picture) => unpacked(picture, marks)));
      for (const [step, index] of more.at.entries()) {
        if (step > this.last || !whole(index) || !(index >= 0 && index < more.svg.length)) continue;
        panel.at[step] = offset + index;
        this.#drawn[step] = true;
      }
    }
  }

  /** The undrawn steps nearest to `step`, itself first, within `reach` of it. */
  undrawn(step: number, most: number, reach: number): number[] {
    const wanted: number[] = [];
    for (let away = 0; away <= reach && wanted.length < most; away++) {
      for (const near of away ? [step + away, step - away] : [step]) {
        if (near >= 0 && near <= this.last && !this.#drawn[near] && wanted.length < most) {
          wanted.push(near);
        }
      }
    }
    return wanted;
  }

  /** The SVG text of a panel at a step, or null where it has not been drawn. */
  svg(panel: Panel, step: number): string | null {
    const index = panel.at[step];
    return index == null ? null : (panel.svg[index] ?? null);
  }

  /** A fresh copy of a picture; each text is parsed once. */
  picture(svg: string): SVGSVGElement | null {
    let parsed = this.#pictures.get(svg);
    if (parsed === undefined) {
      parsed = picture(svg);
      this.#pictures.set(svg, parsed);
    }
    return parsed && document.importNode(parsed, true);
  }
}

function readStep(value: unknown): Step {
  const step = isObject(value) ? value : {};
  return {
    time: typeof step.time === "number" ? step.time : 0,
    actor: text(step.actor),
    kind: text(step.kind),
    sentence: text(step.sentence),
  };
}

export function readValues(value: unknown): Values {
  const values: Record<string, Value> = Object.create(null);
  if (!isObject(value)) return values;
  for (const [name, held] of Object.entries(value)) {
    if (typeof held === "string" || typeof held === "number") values[name] = held;
  }
  return values;
}
