/** The frames of a run that are not drawn yet: asked for in idle time, the reader's step first. */

import type { Film } from "./film";
import type { Run } from "./runs";

/** Frames asked for at a time, so that a change need not wait long; and how far from the reader. */
const CHUNK = 3;
const REACH = 150;

interface Customer {
  /** Frames have come. */
  arrived(): void;
  failed(message: string): void;
  /** Whether the reader waits for a frame. */
  waiting(): boolean;
}

export class Supply {
  readonly #customer: Customer;
  #film: Film | null = null;
  #run: Run | null = null;
  #step = 0;
  #open = true;
  #busy = false;

  constructor(customer: Customer) {
    this.#customer = customer;
  }

  /** Draw this film from now on; a film that the build drew whole has no run. */
  follow(film: Film, run: Run | null): void {
    this.#film = film;
    this.#run = run;
  }

  /** The reader is at this step. */
  at(step: number): void {
    this.#step = step;
    void this.#fill();
  }

  /** Hold back while the worker has something better to do. */
  hold(): void {
    this.#open = false;
  }

  release(): void {
    this.#open = true;
    void this.#fill();
  }

  async #fill(): Promise<void> {
    const film = this.#film;
    const run = this.#run;
    if (this.#busy || !this.#open || !film || !run) return;
    this.#busy = true;
    const current = (): boolean => this.#film === film && this.#run === run;
    try {
      for (;;) {
        if (!this.#customer.waiting()) await idle();
        if (!current() || !this.#open) break;
        const steps = film.undrawn(this.#step, CHUNK, REACH);
        if (steps.length === 0) break;
        const answer = await run.draw(steps);
        if (!current()) break;
        if (!answer.ok) throw new Error(answer.problem.message);
        film.add(answer.panels);
        if (steps.some((step) => !film.drawn(step))) {
          throw new Error("The simulation draws nothing for some of its steps.");
        }
        this.#customer.arrived();
      }
    } catch (error) {
      if (current()) this.#customer.failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.#busy = false;
    }
    if (!current()) void this.#fill();
  }
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve, 30);
  });
}
