/** The keeper of the one Python worker of a visit. */

export type State = "cold" | "starting" | "ready" | "busy";

/** What is loading, and how many of its bytes have really been received. */
export interface Progress {
  readonly what: string;
  readonly loaded: number;
  readonly total: number;
}

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
  /** The message carries source that a reader edited: the worker is thrown away afterwards. */
  readonly tainted?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Milliseconds that the run itself may take (starting not counted). Default 20 000. */
  readonly budgetMs?: number;
}

export interface Host {
  readonly state: State;
  /** Fetch the assets and start the worker, unless that has been done. Never rejects. */
  warm(onProgress?: (progress: Progress) => void): Promise<void>;
  /** One answer to one message; messages wait their turn. Never rejects: a failure is a problem. */
  request(message: Readonly<Record<string, unknown>>, options?: Options): Promise<Answer>;
  /** End what runs and all that waits (each answers with a problem), and start afresh. */
  stop(): void;
}

/** The host of this visit. `base` is the address of the runtime's folder, with a slash at its end. */
export declare function host(base: URL): Host;
