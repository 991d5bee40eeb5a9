/**
 * SVG text -> an element that is safe to show.
 *
 * A picture may come from source that a reader edited, or that came with somebody's link, so only
 * what the drawings use is let through: shapes, text and groups with plain attributes. The text is
 * parsed in a template, where nothing loads and nothing runs, and everything else is dropped there.
 */

const ELEMENTS = new Set(
  "svg g rect circle ellipse line polyline polygon path text tspan title desc".split(" "),
);
const ATTRIBUTES = new Set(
  (
    "aria-label aria-hidden class cx cy d data-key dominant-baseline dx dy height points " +
    "preserveAspectRatio r role rx ry text-anchor transform viewBox width x x1 x2 xml:space " +
    "xmlns y y1 y2"
  ).split(" "),
);
const LONGEST = 2_000_000;

export function picture(text: string): SVGSVGElement | null {
  if (text.length > LONGEST) return null;
  const template = document.createElement("template");
  template.innerHTML = text;
  const svg = template.content.firstElementChild;
  if (!(svg instanceof SVGSVGElement)) return null;
  clean(svg);
  // The outermost element is laid out by the page, so no class of the page's may reach it.
  svg.setAttribute("class", "scene");
  return svg;
}

function clean(root: Element): void {
  const doomed: Element[] = [];
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (!(element instanceof SVGElement) || !ELEMENTS.has(element.localName)) {
      doomed.push(element);
      continue;
    }
    for (const { name } of [...element.attributes]) {
      if (!ATTRIBUTES.has(name)) element.removeAttribute(name);
    }
  }
  for (const element of doomed) element.remove();
}
