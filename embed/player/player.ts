/**
 * `<sim-player>`: takes over the figure that the build wrote and makes it play; asks the worker for
 * another run when the reader changes something. It knows no simulation by name.
 */

import { Figure } from "./figure";

class SimPlayer extends HTMLElement {
  #figure: Figure | null = null;

  connectedCallback(): void {
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.connectedCallback(), { once: true });
      return;
    }
    if (!this.isConnected) return;
    this.#figure ??= Figure.in(this);
    this.#figure?.connect();
  }

  disconnectedCallback(): void {
    this.#figure?.disconnect();
  }
}

if (!customElements.get("sim-player")) customElements.define("sim-player", SimPlayer);
