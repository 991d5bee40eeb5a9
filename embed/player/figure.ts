/** One figure: what it shows, what the reader has changed, and the run that answers the change. */

import { format, parse, type State } from "./address";
import { check, declaration, valuesOf, words, type Declaration } from "./declaration";
import { enable, enabled, h } from "./dom";
import { Film, type Value, type Values } from "./film";
import { Form } from "./form";
import type { Options, ProblemReport } from "./host";
import { Run, stop, worker } from "./runs";
import { Source } from "./source";
import { Stage } from "./stage";
import { Status } from "./status";
import { Tabs, type Tab } from "./tabs";
import { Telling } from "./telling";
import { Transport } from "./transport";
import { nearing } from "./warm";

/** Frames asked for at a time, and how far ahead of the reader: idle time is not all ours. */
const CHUNK = 6;
const REACH = 150;

export class Figure {
  readonly #element: HTMLElement;
  readonly #figure: Element;
  readonly #simulation: string;
  readonly #declared: Declaration | null;
  readonly #built: Film;
  readonly #stage: Stage;
  readonly #telling: Telling;
  readonly #transport: Transport;
  readonly #status: Status;
  readonly #source: Source;
  readonly #form: Form | null;
  readonly #tabs: Tabs;
  readonly #run = action("Run", "Run with these values (Ctrl+Enter)");
  readonly #stop = action("Stop", "End the run");
  readonly #reset = action("Reset", "Back to the figure of the page");
  readonly #share = action("Copy link", "Copy a link to what is shown now");

  #film: Film;
  #step: number;
  #latest: Run | null = null;
  #seed: number;
  /** The step that an opened link asks for, once its run has been made. */
  #linked: number | null = null;
  /** The edited source that made what is shown; null for the simulation's own. */
  #ran: string | null = null;
  /** The picture of the step has still to come. */
  #lagging = false;
  #running = false;
  #halted = false;
  #again = false;
  #filling = false;
  #connection: AbortController | null = null;
  #addressing: number | undefined;

  /** Take over an element as the build wrote it; null when it holds no film. */
  static in(element: HTMLElement): Figure | null {
    // Read and removed at once: Material's instant navigation runs every script of a page again.
    const script = element.querySelector("script.sim-film");
    const stage = element.querySelector<HTMLElement>(".sim-stage");
    script?.remove();
    if (!script || !stage) return null;
    return new Figure(element, stage, new Film(JSON.parse(script.textContent ?? "")));
  }

  private constructor(element: HTMLElement, stage: HTMLElement, film: Film) {
    this.#element = element;
    this.#figure = element.closest("figure") ?? element;
    this.#simulation = element.dataset.simulation ?? "";
    this.#declared = declaration(this.#simulation);
    this.#built = this.#film = film;
    this.#seed = film.seed;
    this.#step = film.telling;
    this.#stage = new Stage(stage, film, film.telling);
    this.#telling = new Telling(this.#figure, film, (step) => this.#seek(step, false));
    this.#transport = new Transport({
      seek: (step, near) => this.#seek(step, near),
      ready: () => this.#film.drawn(this.#step),
      played: (playing) => this.#hush(playing),
    });
    this.#status = new Status((busy) => enable(this.#stop, busy));
    this.#source = new Source(this.#simulation, {
      edited: () => this.#marked(),
      run: () => void this.#ask(),
      options: () => this.#options(),
    });
    this.#form = this.#declared && this.#makeForm(this.#declared);
    this.#tabs = this.#makeTabs(stage);
    this.#lay();
  }

  connect(): void {
    if (this.#connection) return;
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    addEventListener("hashchange", () => this.#open(false), { signal });
    addEventListener("beforeprint", () => this.#print(), { signal });
    this.#telling.watch(this.#element, signal);
    nearing(this.#element, () => void worker().warm(), signal);
    this.#open(true);
  }

  disconnect(): void {
    this.#transport.pause();
    clearTimeout(this.#addressing);
    this.#again = false;
    this.#connection?.abort();
    this.#connection = null;
  }

  #makeForm(declared: Declaration): Form {
    const form = new Form(this.#element.id, declared, {
      changed: () => void this.#ask(),
      edited: () => this.#marked(),
      run: () => void this.#ask(),
      scenario: (name) => {
        if (name === null) return;
        const chosen = valuesOf(declared, name);
        const own = declared.scenarios.find((scenario) => scenario.name === name)?.parameters ?? {};
        const now = form.read();
        const kept = "values" in now ? now.values : {};
        // What the scenario leaves open stays as the reader has it; a script belongs to its scenario.
        const values = Object.fromEntries(
          declared.parameters.map(({ name, kind }) => [
            name,
            name in own || kind === "script" ? chosen[name] : (kept[name] ?? chosen[name]),
          ]),
        ) as Values;
        form.set(name, values);
        void this.#ask();
      },
    });
    form.set(this.#built.scenario, this.#built.parameters);
    return form;
  }

  #makeTabs(stage: HTMLElement): Tabs {
    const tabs: Tab[] = [{ name: "figure", title: "Figure", panel: h("div", { class: "sim-view" }) }];
    tabs[0]?.panel.append(stage, this.#transport.element);
    for (const script of this.#form?.scripts ?? []) {
      const panel = h("div", { class: "sim-view" }, script.element);
      tabs.push({ name: script.name, title: words(script.name), panel });
    }
    if (this.#form) {
      const panel = h("div", { class: "sim-view" }, this.#source.element);
      tabs.push({ name: "source", title: "Source", panel });
    }
    const made = new Tabs(this.#element.id, tabs, (name) => void this.#turned(name));
    const body = h("div", { class: "sim-body" }, ...tabs.map(({ panel }) => panel));
    body.append(this.#status.work);
    this.#element.append(body);
    return made;
  }

  #lay(): void {
    const actions = h("div", { class: "sim-actions" });
    if (this.#form) actions.append(this.#run, this.#stop, this.#reset);
    actions.append(this.#share);
    const head = h("div", { class: "sim-head" }, this.#tabs.element, actions);
    this.#element.prepend(head, ...(this.#form ? [this.#form.element] : []), this.#status.element);
    on(this.#run, () => void this.#ask());
    on(this.#stop, () => this.#halt());
    on(this.#reset, () => this.#restore());
    on(this.#share, () => void this.#copy());
    enable(this.#stop, false);
    this.#element.addEventListener("keydown", (event) => this.#key(event));
    this.#transport.scrub.addEventListener("focus", () => this.#hush(true));
    this.#transport.scrub.addEventListener("blur", () => this.#hush(false));
    this.#transport.show(this.#step, this.#film.steps);
    this.#telling.show(this.#film, this.#step);
    this.#marked();
    this.#figure.classList.add("sim-playable");
    this.#element.dataset.ready = "";
  }

  // What is shown.

  #seek(step: number, near: boolean): void {
    this.#step = this.#film.clamp(step);
    this.#linked = null;
    this.#show(near);
    this.#remember();
  }

  #show(moving: boolean): void {
    this.#transport.show(this.#step, this.#film.steps);
    this.#telling.show(this.#film, this.#step);
    this.#draw(moving);
    void this.#fill();
  }

  #draw(moving: boolean): void {
    this.#lagging = !this.#stage.show(this.#film, this.#step, moving);
    this.#stage.element.setAttribute("aria-busy", String(this.#lagging));
  }

  /** Ask for the frames that are not drawn yet, the nearest first, while nothing else is to do. */
  async #fill(): Promise<void> {
    const run = this.#latest;
    if (this.#filling || !run) return;
    this.#filling = true;
    const film = this.#film;
    try {
      while (this.#connection && this.#film === film && !this.#running) {
        if (!this.#lagging) await idle();
        if (this.#film !== film || this.#running) break;
        const steps = film.undrawn(this.#step, CHUNK, REACH);
        if (steps.length === 0) break;
        const answer = await run.draw(steps);
        if (this.#film !== film) break;
        if (!answer.ok) throw new Error(answer.problem.message);
        film.add(answer.panels);
        if (steps.some((step) => !film.drawn(step))) {
          throw new Error("The simulation draws nothing for some of its steps.");
        }
        if (this.#lagging) this.#draw(false);
      }
    } catch (error) {
      this.#transport.pause();
      if (this.#film === film) this.#status.problem(sentence(error));
    } finally {
      this.#filling = false;
    }
    if (this.#film !== film) void this.#fill();
  }

  // What the reader changes.

  /** Run what the form and the editor hold now, or show the built film if that is it. */
  async #ask(): Promise<void> {
    const read = this.#form?.read();
    if (!read) return;
    this.#transport.pause();
    this.#form?.unmark();
    this.#marked();
    if ("wrong" in read) return this.#explain({ message: read.wrong, parameter: read.parameter });
    this.#status.clear();
    if (this.#same(read.values) && this.#source.edited === null) {
      this.#again = false;
      return this.#put(this.#built, null, null);
    }
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#status.begin();
    do {
      this.#again = false;
      await this.#once();
    } while (this.#again && this.#connection);
    this.#running = false;
    this.#status.end();
    void this.#fill();
  }

  async #once(): Promise<void> {
    const read = this.#form?.read();
    if (!read || "wrong" in read) return;
    const source = this.#source.edited;
    this.#halted = false;
    const run = new Run({
      simulation: this.#simulation,
      scenario: this.#form?.scenario ?? null,
      parameters: read.values,
      seed: this.#seed,
      source,
    });
    const answer = await run.film(this.#linked ?? this.#step, this.#options());
    if (this.#again || !this.#connection) return;
    if (!answer.ok) {
      return this.#halted ? this.#status.notice(answer.problem.message) : this.#explain(answer.problem);
    }
    try {
      this.#put(new Film(answer.film), run, source);
    } catch (error) {
      this.#status.problem(sentence(error));
    }
  }

  #put(film: Film, run: Run | null, source: string | null): void {
    this.#film = film;
    this.#latest = run;
    this.#ran = source;
    this.#step = film.clamp(this.#linked ?? this.#step);
    this.#linked = null;
    this.#transport.touch();
    this.#show(false);
    this.#marked();
    this.#remember();
    if (this.#tabs.chosen !== "figure") {
      this.#tabs.choose("figure");
      this.#transport.scrub.focus({ preventScroll: true });
    }
  }

  #halt(): void {
    if (!enabled(this.#stop)) return;
    this.#again = false;
    this.#halted = true;
    stop();
  }

  #restore(): void {
    this.#halt();
    this.#again = false;
    this.#form?.set(this.#built.scenario, this.#built.parameters);
    this.#source.reset();
    this.#seed = this.#built.seed;
    this.#status.clear();
    this.#linked = this.#built.telling;
    const tab = this.#tabs.chosen;
    this.#put(this.#built, null, null);
    if (tab === "source") this.#tabs.choose(tab);
    this.#marked();
  }

  /** Take the reader to what is wrong, and say it in one line. */
  #explain({ message, parameter, line }: ProblemReport): void {
    this.#status.problem(line ? `Line ${line}: ${message}` : message);
    if (!parameter) return;
    if (parameter === "source") {
      this.#tabs.choose("source");
      this.#source.mark(line ?? null);
    } else {
      if (this.#form?.script(parameter)) this.#tabs.choose(parameter);
      this.#form?.point(parameter, line ?? null);
    }
  }

  /** Whether there is something to run, and something to reset. */
  #marked(): void {
    const read = this.#form?.read();
    const values = read && "values" in read ? read.values : null;
    const edited = this.#source.edited;
    const shown = values && this.#same(values, this.#film) && edited === this.#ran;
    const built = values && this.#same(values) && edited === null && this.#film === this.#built;
    this.#run.classList.toggle("sim-due", !shown);
    enable(this.#reset, !built);
  }

  #same(values: Values, film: Film = this.#built): boolean {
    return (
      this.#seed === film.seed &&
      Object.entries(values).every(([name, value]) => film.parameters[name] === value)
    );
  }

  async #turned(name: string): Promise<void> {
    this.#transport.pause();
    this.#figure.classList.toggle("sim-playable", name === "figure");
    if (name !== "source") return;
    this.#status.begin();
    const wrong = await this.#source.open();
    if (!this.#running) this.#status.end();
    if (wrong !== null) this.#status.problem(wrong);
  }

  #options(): Options {
    return { onProgress: (progress) => this.#status.progress(progress) };
  }

  #hush(quiet: boolean): void {
    const scrubbing = document.activeElement === this.#transport.scrub;
    this.#telling.speak(!quiet && !scrubbing && !this.#transport.playing);
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (event.defaultPrevented || target.closest("[role=tablist], .sim-editor, textarea, select")) {
      return;
    }
    if (target.matches("input:not([type=range])")) return;
    if (this.#tabs.chosen === "figure" && this.#transport.key(event)) event.preventDefault();
  }

  // The address.

  #state(): State {
    const read = this.#form?.read();
    const values = read && "values" in read ? read.values : this.#film.parameters;
    const scenario = this.#form?.scenario ?? this.#built.scenario;
    const plain = scenario === this.#built.scenario ? this.#built.parameters : this.#plain(scenario);
    const parameters = new Map<string, string>();
    for (const [name, value] of Object.entries(values)) {
      if (plain[name] !== value) parameters.set(name, String(value));
    }
    return {
      figure: this.#element.id,
      simulation: this.#simulation,
      scenario: scenario === this.#built.scenario ? null : scenario,
      parameters,
      seed: this.#seed === this.#built.seed ? null : this.#seed,
      step: this.#linked ?? this.#step,
    };
  }

  #plain(scenario: string | null): Values {
    return this.#declared ? valuesOf(this.#declared, scenario) : this.#built.parameters;
  }

  /** Keep the state in the address. Late and seldom: browsers limit how often it may change. */
  #remember(): void {
    clearTimeout(this.#addressing);
    this.#addressing = window.setTimeout(() => {
      const fragment = format(this.#state());
      const clean = location.pathname + location.search;
      // The entry's own state stays: Material keeps the scroll position there.
      history.replaceState(history.state, "", fragment ?? clean);
    }, 400);
  }

  async #copy(): Promise<void> {
    const fragment = format(this.#state());
    if (fragment === null) {
      this.#status.notice("This is too long for a link. Shorten the script, or keep it in a file.");
      return;
    }
    const link = new URL(fragment, location.href).href;
    const note = this.#source.edited === null ? "" : " It holds the values, not your edited source.";
    try {
      await navigator.clipboard.writeText(link);
      this.#status.notice(`The link is copied.${note}`);
    } catch {
      history.replaceState(history.state, "", fragment);
      this.#status.notice(`The link is in the address bar now: copy it from there.${note}`);
    }
  }

  /** Show what the address says of this figure. It runs nothing. */
  #open(arriving: boolean): void {
    const state = parse(location.hash);
    if (state === null) return;
    const first = document.querySelector("sim-player") === this.#element;
    if (state === "malformed" || !document.getElementById(state.figure)?.matches("sim-player")) {
      if (first) this.#status.notice(NOT_WHOLE);
      return;
    }
    if (state.figure !== this.#element.id) return;
    if (!arriving && format(this.#state()) === location.hash) return;
    if (!this.#adopt(state)) this.#status.notice(NOT_WHOLE);
    this.#figure.scrollIntoView({ block: "start" });
  }

  /** False when the state does not fit this figure; nothing is changed then. */
  #adopt(state: State): boolean {
    if (state.simulation !== null && state.simulation !== this.#simulation) return false;
    const scenario = state.scenario ?? this.#built.scenario;
    const known = this.#declared?.scenarios.some(({ name }) => name === scenario) ?? false;
    if (state.scenario !== null && !known) return false;
    const values: Record<string, Value> = {
      ...(state.scenario === null ? this.#built.parameters : this.#plain(scenario)),
    };
    for (const [name, written] of state.parameters) {
      const parameter = this.#declared?.parameters.find((one) => one.name === name);
      const checked = parameter && check(parameter, written);
      if (!checked || "wrong" in checked) return false;
      values[name] = checked.value;
    }
    this.#seed = state.seed ?? this.#built.seed;
    this.#form?.set(scenario, values);
    this.#status.clear();
    this.#film = this.#built;
    this.#latest = null;
    this.#ran = null;
    const changed = !this.#same(values);
    this.#step = changed ? this.#built.telling : this.#built.clamp(state.step ?? this.#built.telling);
    this.#linked = changed ? state.step : null;
    this.#transport.touch();
    this.#show(false);
    this.#marked();
    if (changed) this.#status.notice("This link holds a changed simulation. Press Run.");
    return true;
  }

  /** On paper: the picture that the page opens with, and the transcript. */
  #print(): void {
    const { last } = this.#film;
    const step = this.#step;
    this.#stage.show(this.#film, Math.min(this.#film.telling, last), false);
    const fold = this.#telling.unfold();
    const after = (): void => {
      fold();
      this.#stage.show(this.#film, step, false);
    };
    addEventListener("afterprint", after, { once: true });
  }
}

const NOT_WHOLE = "This link cannot be read: something in it is missing or changed. This is the figure as the page has it.";

function action(label: string, title: string): HTMLButtonElement {
  return h("button", { type: "button", class: "sim-action", title }, label);
}

function on(button: HTMLButtonElement, act: () => void): void {
  button.addEventListener("click", () => {
    if (enabled(button)) act();
  });
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve, 30);
  });
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
