/** One figure: what it shows, what the reader has changed, and the run that answers the change. */

import { format, parse, type State } from "./address";
import { declaration } from "./declaration";
import { enable } from "./dom";
import { Film } from "./film";
import { Form } from "./form";
import type { Options, ProblemReport } from "./host";
import { same, settingOf, stateOf, type Home, type Setting } from "./link";
import { prepare, Run, stop } from "./runs";
import { Shell } from "./shell";
import { Source } from "./source";
import { Stage } from "./stage";
import { Status } from "./status";
import { Supply } from "./supply";
import { Telling } from "./telling";
import { Transport } from "./transport";
import { nearing } from "./warm";

const NOT_WHOLE =
  "This link cannot be read: something in it is missing or changed. " +
  "This is the figure as the page has it.";

export class Figure {
  readonly #element: HTMLElement;
  readonly #figure: Element;
  readonly #home: Home;
  readonly #stage: Stage;
  readonly #telling: Telling;
  readonly #transport: Transport;
  readonly #status: Status;
  readonly #source: Source;
  readonly #supply: Supply;
  readonly #form: Form | null;
  readonly #shell: Shell;

  #film: Film;
  #step: number;
  #seed: number;
  /** The edited source that made what is shown; null for the simulation's own. */
  #ran: string | null = null;
  /** The step that an opened link asks for, once its run has been made. */
  #linked: number | null = null;
  /** The picture of the step has still to come. */
  #lagging = false;
  #running = false;
  /** More was asked for while a run went on. */
  #again = false;
  /** Counts what the reader asked for: an answer to anything but the last is not shown. */
  #asked = 0;
  #halted = false;
  /** The tab from which the reader asked. */
  #from = "figure";
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
    const simulation = element.dataset.simulation ?? "";
    const declared = declaration(simulation);
    this.#element = element;
    this.#figure = element.closest("figure") ?? element;
    this.#home = { id: element.id, simulation, declared, built: film };
    this.#film = film;
    this.#seed = film.seed;
    this.#step = film.telling;
    this.#stage = new Stage(stage, film, film.telling);
    this.#telling = new Telling(this.#figure, film, (step) => this.#seek(step, false));
    this.#transport = new Transport({
      seek: (step, near) => this.#seek(step, near),
      ready: () => !this.#lagging,
      played: () => this.#hush(),
    });
    const wishes = {
      changed: () => void this.#ask(),
      edited: () => this.#marked(),
      run: () => void this.#ask(),
      options: () => this.#options(),
    };
    this.#source = new Source(simulation, wishes);
    this.#form = declared && new Form(element.id, declared, wishes);
    this.#form?.set(film.scenario, film.parameters);
    this.#supply = new Supply({
      arrived: () => this.#lagging && this.#draw(false),
      failed: (message) => {
        this.#transport.pause();
        this.#status.problem(message);
      },
      waiting: () => this.#lagging,
    });
    this.#status = new Status((busy) => enable(this.#shell.stop, busy));
    this.#shell = new Shell(
      element,
      {
        stage,
        transport: this.#transport.element,
        form: this.#form,
        source: this.#source.element,
        messages: this.#status.element,
        work: this.#status.work,
      },
      {
        run: () => void this.#ask(),
        stop: () => this.#halt(),
        reset: () => this.#restore(),
        share: () => void this.#copy(),
        turned: (tab) => void this.#turned(tab),
      },
    );
    element.addEventListener("keydown", (event) => this.#key(event));
    this.#transport.scrub.addEventListener("focus", () => this.#hush());
    this.#transport.scrub.addEventListener("blur", () => this.#hush());
    this.#transport.show(this.#step, film.steps);
    this.#telling.show(film, this.#step);
    this.#marked();
    this.#figure.classList.add("sim-playable");
    element.dataset.ready = "";
  }

  connect(): void {
    if (this.#connection) return;
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    addEventListener("hashchange", () => this.#open(false), { signal });
    addEventListener("click", (event) => this.#follow(event), { signal, capture: true });
    addEventListener("beforeprint", () => this.#print(), { signal });
    this.#telling.watch(this.#element, signal);
    nearing(this.#element, () => void prepare(this.#home.simulation), signal);
    this.#open(true);
    this.#supply.release();
  }

  disconnect(): void {
    this.#transport.pause();
    this.#supply.hold();
    clearTimeout(this.#addressing);
    this.#asked++;
    // A reader's own program may never end; the next page should not wait for its budget.
    if (this.#running && this.#source.edited !== null) stop();
    this.#connection?.abort();
    this.#connection = null;
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
    this.#supply.at(this.#step);
  }

  #draw(moving: boolean): void {
    this.#lagging = !this.#stage.show(this.#film, this.#step, moving);
    this.#stage.element.setAttribute("aria-busy", String(this.#lagging));
  }

  #put(film: Film, run: Run | null, source: string | null): void {
    this.#film = film;
    this.#ran = source;
    this.#supply.follow(film, run);
    this.#step = film.clamp(this.#linked ?? this.#step);
    this.#linked = null;
    this.#transport.touch();
    this.#show(false);
    this.#marked();
  }

  // What the reader changes.

  #setting(): Setting | { wrong: string; parameter: string } {
    const scenario = this.#form?.scenario ?? this.#home.built.scenario;
    const read = this.#form?.read() ?? { values: this.#film.parameters };
    return "wrong" in read ? read : { scenario, values: read.values, seed: this.#seed };
  }

  /** Run what the form and the editor hold now, or show the built film if that is it. */
  async #ask(): Promise<void> {
    const setting = this.#setting();
    this.#asked++;
    this.#again = false;
    this.#from = this.#shell.tabs.chosen;
    this.#transport.pause();
    this.#form?.unmark();
    this.#marked();
    if ("wrong" in setting) {
      return this.#explain({ message: setting.wrong, parameter: setting.parameter });
    }
    this.#status.clear();
    if (same(setting, this.#home.built) && this.#source.edited === null) {
      return this.#answer(this.#home.built, null, null);
    }
    this.#again = this.#running;
    if (this.#running) return;
    this.#running = true;
    this.#supply.hold();
    this.#status.begin();
    do {
      this.#again = false;
      await this.#once(this.#asked);
    } while (this.#again && this.#connection);
    this.#running = false;
    this.#status.end();
    this.#supply.release();
  }

  async #once(asked: number): Promise<void> {
    const setting = this.#setting();
    if ("wrong" in setting) return;
    const { scenario, values: parameters, seed } = setting;
    const source = this.#source.edited;
    const run = new Run({ simulation: this.#home.simulation, scenario, parameters, seed, source });
    this.#halted = false;
    const answer = await run.film(this.#linked ?? this.#step, this.#options());
    if (asked !== this.#asked) return;
    if (!answer.ok && this.#halted) return this.#status.notice(answer.problem.message);
    if (!answer.ok) return this.#explain(answer.problem);
    try {
      this.#answer(new Film(answer.film), run, source);
    } catch (error) {
      this.#status.problem(error instanceof Error ? error.message : String(error));
    }
  }

  /** Show what was asked for, where it is seen. */
  #answer(film: Film, run: Run | null, source: string | null): void {
    this.#put(film, run, source);
    this.#remember();
    const { chosen } = this.#shell.tabs;
    if (chosen === "figure" || chosen !== this.#from) return;
    this.#shell.tabs.choose("figure");
    this.#transport.scrub.focus({ preventScroll: true });
  }

  #halt(): void {
    this.#halted = true;
    this.#again = false;
    stop();
  }

  #restore(): void {
    const { built } = this.#home;
    if (this.#running) this.#halt();
    this.#asked++;
    this.#transport.pause();
    this.#form?.set(built.scenario, built.parameters);
    this.#source.reset();
    this.#seed = built.seed;
    this.#status.clear();
    this.#linked = built.telling;
    this.#put(built, null, null);
    this.#remember();
  }

  /** Take the reader to what is wrong, and say it in one line. */
  #explain({ message, parameter, line }: ProblemReport): void {
    this.#status.problem(line ? `Line ${line}: ${message}` : message);
    if (!parameter) return;
    if (parameter === "source") {
      this.#shell.tabs.choose("source");
      this.#source.mark(line ?? null);
    } else {
      if (this.#form?.script(parameter)) this.#shell.tabs.choose(parameter);
      this.#form?.point(parameter, line ?? null);
    }
  }

  /** Whether there is something to run, and something to reset. */
  #marked(): void {
    const setting = this.#setting();
    const { built } = this.#home;
    const edited = this.#source.edited;
    const right = !("wrong" in setting);
    const shown = right && same(setting, this.#film) && edited === this.#ran;
    const pristine = right && same(setting, built) && edited === null && this.#film === built;
    this.#shell.run.classList.toggle("sim-due", !shown);
    enable(this.#shell.reset, !pristine);
  }

  async #turned(tab: string): Promise<void> {
    this.#transport.pause();
    this.#figure.classList.toggle("sim-playable", tab === "figure");
    if (tab !== "source" || this.#source.opened) return;
    this.#status.begin();
    const wrong = await this.#source.open();
    if (!this.#running) this.#status.end();
    if (wrong !== null) this.#status.problem(wrong);
  }

  #options(): Options {
    return { onProgress: (progress) => this.#status.progress(progress) };
  }

  /** A sentence is read out unless it passes by too fast, or the slider speaks it. */
  #hush(): void {
    const scrubbing = document.activeElement === this.#transport.scrub;
    this.#telling.speak(!scrubbing && !this.#transport.hurried);
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as Element;
    const own = "[role=tablist], .sim-editor, textarea, select, input:not([type=range])";
    if (event.defaultPrevented || target.closest(own)) return;
    if (this.#shell.tabs.chosen !== "figure") return;
    if (this.#transport.key(event)) event.preventDefault();
  }

  // The address.

  #fragment(): string | null {
    const setting = this.#setting();
    const { scenario, values, seed } =
      "wrong" in setting
        ? { scenario: this.#film.scenario, values: this.#film.parameters, seed: this.#seed }
        : setting;
    return format(stateOf(this.#home, { scenario, values, seed }, this.#linked ?? this.#step));
  }

  /** Keep the state in the address. Late and seldom: browsers limit how often it may change. */
  #remember(): void {
    clearTimeout(this.#addressing);
    this.#addressing = window.setTimeout(() => {
      const plain = location.pathname + location.search;
      // The entry's own state stays: Material keeps the scroll position there.
      history.replaceState(history.state, "", this.#fragment() ?? plain);
    }, 400);
  }

  async #copy(): Promise<void> {
    const fragment = this.#fragment();
    if (fragment === null) {
      this.#status.notice("This is too long for a link. Shorten the script, or keep it in a file.");
      return;
    }
    const edited = this.#source.edited !== null;
    const note = edited ? " It holds the values, not your edited source." : "";
    try {
      await navigator.clipboard.writeText(new URL(fragment, location.href).href);
      this.#status.notice(`The link is copied.${note}`);
    } catch {
      history.replaceState(history.state, "", fragment);
      this.#status.notice(`The link is in the address bar now: copy it from there.${note}`);
    }
  }

  /** Show what the address says of this figure. It runs nothing. */
  #open(arriving: boolean): void {
    const state = parse(location.hash);
    if (state === null || (!arriving && this.#fragment() === location.hash)) return;
    const astray =
      state === "malformed" || !document.getElementById(state.figure)?.matches("sim-player");
    if (astray) {
      // About no figure of this page: its first one says so.
      if (document.querySelector("sim-player") === this.#element) this.#status.notice(NOT_WHOLE);
    } else if (state.figure === this.#element.id) {
      this.#adopt(state);
      this.#figure.scrollIntoView({ block: "start" });
    }
  }

  /** A link within the page: Material may follow it without the browser's own hashchange. */
  #follow(event: MouseEvent): void {
    const link = (event.target as Element).closest<HTMLAnchorElement>('a[href*="#sim="]');
    if (link?.pathname === location.pathname) setTimeout(() => this.#open(false));
  }

  #adopt(state: State): void {
    const { built } = this.#home;
    const setting = settingOf(this.#home, state);
    if (!setting) return this.#status.notice(NOT_WHOLE);
    const changed = !same(setting, built);
    this.#asked++;
    this.#again = false;
    this.#transport.pause();
    this.#seed = setting.seed;
    this.#form?.set(setting.scenario, setting.values);
    this.#status.clear();
    this.#linked = changed ? built.telling : (state.step ?? built.telling);
    this.#put(built, null, null);
    if (!changed) return;
    this.#linked = state.step;
    this.#status.notice("This link holds a changed simulation. Press Run.");
  }

  /** On paper: the picture that the page opens with, and the transcript. */
  #print(): void {
    const step = this.#step;
    this.#stage.show(this.#film, this.#film.telling, false);
    const fold = this.#telling.unfold();
    const after = (): void => {
      fold();
      this.#stage.show(this.#film, step, false);
    };
    addEventListener("afterprint", after, { once: true });
  }
}
