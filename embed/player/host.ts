/**
 * The keeper of the Python workers of a visit: one that answers, and at times a spare.
 *
 * The page fetches and checks the files (assets.ts), puts up a sandboxed frame of opaque origin
 * (frame.html, frame.ts), and hands them over; the frame makes the workers (worker.ts). Questions
 * wait their turn. A worker is ended when the reader says stop, when it is over its budget, when it
 * breaks, and, once it has run source that a reader edited, before anything else is run.
 */

import { fetchAssets, type Assets, type Progress } from "./assets";
import { LONGEST, PARTS, type Order, type Report } from "./wire";

export type { Progress } from "./assets";
export type State = "cold" | "starting" | "ready" | "busy";

/** A sentence for the reader; `line` and `column` count from 1 within `parameter`'s text. */
export interface ProblemReport {
  readonly message: string;
  readonly parameter?: string | null;
  readonly line?: number | null;
  readonly column?: number | null;
}

export type Answer =
  | ({ readonly ok: true } & Readonly<Record<string, unknown>>)
  | { readonly ok: false; readonly problem: ProblemReport };

export interface Options {
  /** The message carries source that a reader edited: its worker answers no other afterwards. */
  readonly tainted?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Milliseconds that the run itself may take (starting not counted). Default 20 000. */
  readonly budgetMs?: number;
}

export interface Host {
  readonly state: State;
  /** Fetch the files and start a worker, unless that has been done. Never rejects. */
  warm(onProgress?: (progress: Progress) => void): Promise<void>;
  /** One answer to one message; messages wait their turn. Never rejects: a failure is a problem. */
  request(message: Readonly<Record<string, unknown>>, options?: Options): Promise<Answer>;
  /** End what runs and all that waits (each answers with a problem), and start afresh. */
  stop(): void;
}

const BUDGET = 20_000;
const LONGEST_QUESTION = 1_000_000;
/** How long a start may take once its files are here, before it counts as failed. */
const START = 60_000;

const STOPPED = "The run was stopped.";
const ENDED: Readonly<Record<string, string>> = {
  memory: "The run needed more than 512 MB of memory and was stopped.",
  flood: "The run sent more than one answer, or one that is too long, and was stopped.",
};

const problem = (message: string): Answer => ({ ok: false, problem: { message } });

/** A worker as the page sees it. */
interface Hired {
  readonly id: number;
  readonly ready: Promise<void>;
  readonly hiring: Promise<Hired>;
  tainted: boolean;
  /** Who waits for the worker's next word. */
  hear: (report: Report) => void;
}

/** The frame in the page, and the way to speak with it. */
interface Frame {
  readonly element: HTMLIFrameElement;
  readonly port: MessagePort;
}

class Ended extends Error {}

/** Put the frame up, and hand it each file as it arrives; ready once it has them all. */
async function makeFrame(assets: Assets, hear: (report: Report) => void): Promise<Frame> {
  const element = document.createElement("iframe");
  element.setAttribute("sandbox", "allow-scripts");
  element.hidden = true;
  element.title = "Python";
  element.srcdoc = new TextDecoder().decode(await assets.frame);
  const loaded = new Promise((resolve) => {
    element.addEventListener("load", resolve, { once: true });
  });
  // Outside the body, which the theme replaces when the reader goes to another page.
  document.documentElement.append(element);
  await loaded;
  const { port1: port, port2: far } = new MessageChannel();
  element.contentWindow?.postMessage(null, "*", [far]);
  port.onmessage = ({ data }: MessageEvent<Report>) => hear(data);
  const hand = async (part: (typeof PARTS)[number]): Promise<void> => {
    const bytes = await assets[part];
    port.postMessage({ do: "take", part, bytes } satisfies Order, [bytes]);
  };
  try {
    await Promise.all(PARTS.filter((part) => part !== "frame").map(hand));
  } catch (error) {
    element.remove();
    throw error;
  }
  return { element, port };
}

class Keeper implements Host {
  state: State = "cold";
  readonly #base: URL;
  readonly #listeners = new Set<(progress: Progress) => void>();
  readonly #workers = new Map<number, Hired>();
  #frame: Promise<Frame> | undefined;
  #current: Promise<Hired> | undefined;
  #spare: Promise<Hired> | undefined;
  #serial = 0;
  /** Counts the stops: what was asked before the last one is not answered any more. */
  #era = 0;
  #stop: () => void = () => {};
  #tail: Promise<unknown> = Promise.resolve();

  constructor(base: URL) {
    this.#base = base;
  }

  async warm(onProgress?: (progress: Progress) => void): Promise<void> {
    if (onProgress) this.#listeners.add(onProgress);
    try {
      await (await this.#hired()).ready;
    } catch {
      // The next request tries again, and says what is wrong.
    } finally {
      if (onProgress) this.#listeners.delete(onProgress);
    }
  }

  request(message: Readonly<Record<string, unknown>>, options: Options = {}): Promise<Answer> {
    const era = this.#era;
    const turn = this.#tail.then(() =>
      era === this.#era ? this.#answer(message, options) : problem(STOPPED),
    );
    this.#tail = turn;
    return turn;
  }

  stop(): void {
    this.#era += 1;
    this.#stop();
  }

  async #answer(message: Readonly<Record<string, unknown>>, options: Options): Promise<Answer> {
    const { tainted = false, onProgress, budgetMs = BUDGET } = options;
    const asked = JSON.stringify(message);
    if (asked.length > LONGEST_QUESTION) return problem("The script or the source is too long.");
    if (onProgress) this.#listeners.add(onProgress);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hired: Hired | undefined;
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = () => reject(new Ended(STOPPED));
    });
    try {
      hired = await Promise.race([this.#hired(tainted), stopped]);
      await Promise.race([hired.ready, stopped]);
      this.state = "busy";
      const late = new Promise<never>((_, reject) => {
        const sentence = `The run took longer than ${budgetMs / 1000} s and was stopped.`;
        timer = setTimeout(() => reject(new Ended(sentence)), budgetMs);
      });
      const said = await Promise.race([this.#ask(hired, asked, tainted), late, stopped]);
      this.state = "ready";
      if (tainted) this.#spare ??= this.#hire();
      return read(said);
    } catch (error) {
      if (hired) this.#dismiss(hired);
      if (error instanceof Ended) void this.warm();
      return problem(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
      this.#stop = () => {};
      if (onProgress) this.#listeners.delete(onProgress);
    }
  }

  #ask(hired: Hired, asked: string, tainted: boolean): Promise<string> {
    hired.tainted ||= tainted;
    return new Promise((resolve, reject) => {
      hired.hear = ({ kind, text }) => {
        if (kind === "answer") resolve(text);
        else reject(new Ended(ENDED[kind] ?? `The run broke Python (${text}) and was stopped.`));
      };
      void this.#send({ do: "ask", id: hired.id, text: asked });
    });
  }

  /** The worker to ask: never one in which edited source ran, unless this is such source again. */
  async #hired(tainted = true): Promise<Hired> {
    const frame = await this.#frame;
    if (frame && !frame.element.isConnected) this.#forget();
    const current = await this.#current;
    if (current?.tainted && !tainted) this.#dismiss(current);
    this.#current ??= this.#spare ?? this.#hire();
    if (this.#current === this.#spare) this.#spare = undefined;
    return this.#current;
  }

  #hire(): Promise<Hired> {
    if (this.state === "cold") this.state = "starting";
    const id = (this.#serial += 1);
    const hiring: Promise<Hired> = this.#send({ do: "start", id }).then(() => {
      let hear: (report: Report) => void = () => {};
      const ready = new Promise<void>((resolve, reject) => {
        const sentence = "Python did not start within a minute.";
        const timer = setTimeout(() => reject(new Ended(sentence)), START);
        hear = ({ kind, text }) => {
          clearTimeout(timer);
          if (kind === "ready") resolve();
          else reject(new Ended(`Python could not be started (${text || kind}).`));
        };
      });
      const hired: Hired = { id, ready, hiring, tainted: false, hear };
      this.#workers.set(id, hired);
      ready.then(
        () => this.#settle(hiring),
        () => this.#dismiss(hired),
      );
      return hired;
    });
    hiring.catch(() => this.#drop(hiring)); // whoever waits for it hears of it
    return hiring;
  }

  #settle(hiring: Promise<Hired>): void {
    if (hiring === this.#current && this.state === "starting") this.state = "ready";
  }

  #drop(hiring: Promise<Hired>): void {
    if (this.#spare === hiring) this.#spare = undefined;
    if (this.#current !== hiring) return;
    this.#current = undefined;
    this.state = "cold";
  }

  #dismiss(hired: Hired): void {
    this.#workers.delete(hired.id);
    const order: Order = { do: "end", id: hired.id };
    void this.#frame?.then(({ port }) => port.postMessage(order));
    this.#drop(hired.hiring);
  }

  #forget(): void {
    this.#workers.clear();
    this.#frame = this.#current = this.#spare = undefined;
    this.state = "cold";
  }

  async #send(order: Order): Promise<void> {
    this.#frame ??= this.#open().catch((error: unknown) => {
      this.#forget();
      throw error;
    });
    (await this.#frame).port.postMessage(order);
  }

  async #open(): Promise<Frame> {
    const tell = (progress: Progress): void => {
      for (const listener of this.#listeners) listener(progress);
    };
    const assets = await fetchAssets(this.#base, tell);
    return makeFrame(assets, (report) => this.#workers.get(report.id)?.hear(report));
  }
}

/** The answer that a worker's text holds, if it holds one. */
function read(said: string): Answer {
  try {
    if (said.length <= LONGEST) {
      const answer: unknown = JSON.parse(said);
      if (answer !== null && typeof answer === "object" && "ok" in answer) {
        if (answer.ok === true) return answer as Answer;
        if (answer.ok === false && "problem" in answer) {
          const { message } = (answer.problem ?? {}) as Partial<ProblemReport>;
          if (typeof message === "string") return answer as Answer;
        }
      }
    }
  } catch {
    // Said below.
  }
  return problem("The run gave no answer that can be shown.");
}

/** The host of this visit. `base` is the address of the runtime's folder, with a slash at its end. */
export function host(base: URL): Host {
  return new Keeper(base);
}
