/**
 * When to start the worker ahead of the first question: once a figure is near what the reader sees.
 * Nearing is the reader's doing, so a page that is only opened, and left alone, loads no Python.
 */

interface Connection {
  readonly saveData?: boolean;
}

const NEAR = "60% 0px";
const SIGNS = ["scroll", "pointerdown", "keydown", "touchstart"] as const;

export function nearing(element: Element, warm: () => void, signal: AbortSignal): void {
  const { connection } = navigator as Navigator & { connection?: Connection };
  if (connection?.saveData) return;
  const watch = (): void => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        warm();
      },
      { rootMargin: NEAR },
    );
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  };
  const first = new AbortController();
  signal.addEventListener("abort", () => first.abort(), { once: true });
  const begin = (): void => {
    first.abort();
    watch();
  };
  for (const sign of SIGNS) {
    addEventListener(sign, begin, { passive: true, capture: true, signal: first.signal });
  }
}
