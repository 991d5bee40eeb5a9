"""Scene -> SVG text. The only file that writes markup; every text goes through `escape`.

Each mark is a group with `data-key`, placed by `transform`, so that the player can match it between
two pictures and CSS can move it. Coordinates are integers.
"""

from __future__ import annotations

import re
from functools import singledispatch

from simulations.scene import Edge, Label, Lane, Node, Panel, Scene, Table

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 (section 2.2) forbids even when escaped."""
# Not xml.sax.saxutils, whose import takes an HTTP client with it: a quarter of our start.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def escape(text: str) -> str:
    return _CONTROL.sub("\ufffd", text).translate(_ENTITIES)


def svg(panel: Panel) -> str:
    """One panel as an `<svg>` element that a page can hold; colours come from the page's CSS."""
    marks = "".join(_mark(mark) for mark in panel.marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="scene" role="img" '
        f'viewBox="0 0 {panel.width} {panel.height}" width="{panel.width}" '
        f'height="{panel.height}" aria-label="{escape(panel.summary)}">'
        f"{marks}</svg>"
    )


def sheet(scene: Scene, style: str) -> str:
    """A whole scene as one file that stands alone: its panels under one another, `style` inside."""
    gap, heading = 16, 28
    width = max(panel.width for panel in scene.panels) + 2 * gap
    y = gap
    body = []
    for panel in scene.panels:
        body.append(f'<text class="heading" x="{gap}" y="{y + 14}">{escape(panel.title)}</text>')
        body.append(svg(panel).replace("<svg ", f'<svg x="{gap}" y="{y + heading}" ', 1))
        y += heading + panel.height + gap
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" '
        f'height="{y}" class="sheet"><style>{escape(style)}</style>'
        f'<rect class="ground" width="{width}" height="{y}"/>{"".join(body)}</svg>\n'
    )


def _group(key: str, style: str, kind: str, x: int, y: int, inside: str) -> str:
    classes = f"{kind} {style}".strip()
    return (
        f'<g class="{escape(classes)}" data-key="{escape(key)}" '
        f'transform="translate({x} {y})">{inside}</g>'
    )


@singledispatch
def _mark(mark: object) -> str:
    raise TypeError(f"{type(mark).__name__} is not a mark of a scene.")


@_mark.register
def _(mark: Label) -> str:
    inside = f'<text text-anchor="{mark.anchor}">{escape(mark.text)}</text>'
    return _group(mark.key, mark.style, "label", mark.x, mark.y, inside)


@_mark.register
def _(mark: Node) -> str:
    inside = f'<rect width="{mark.width}" height="{mark.height}" rx="{mark.radius}"/>'
    if mark.text:
        inside += (
            f'<text x="{mark.width // 2}" y="{mark.height // 2 + 4}" '
            f'text-anchor="middle">{escape(mark.text)}</text>'
        )
    return _group(mark.key, mark.style, "node", mark.x, mark.y, inside)


@_mark.register
def _(mark: Edge) -> str:
    start, *rest = mark.points
    path = f"M{start[0]} {start[1]}"
    before = start
    if mark.bend and len(rest) == 1:
        (end,) = rest
        run, rise = end[0] - start[0], end[1] - start[1]
        length = max(1, round((run * run + rise * rise) ** 0.5))
        before = (
            (start[0] + end[0]) // 2 + rise * mark.bend // length,
            (start[1] + end[1]) // 2 - run * mark.bend // length,
        )
        path += f"Q{before[0]} {before[1]} {end[0]} {end[1]}"
    else:
        for point in rest:
            path += f"L{point[0]} {point[1]}"
        before = mark.points[-2]
    inside = f'<path d="{path}"/>'
    if mark.arrow:
        inside += _head(before, mark.points[-1])
    return _group(mark.key, mark.style, "edge", 0, 0, inside)


def _head(before: tuple[int, int], tip: tuple[int, int]) -> str:
    """An arrow head of its own, since a `<marker>` needs an id that is unique in the page."""
    run, rise = tip[0] - before[0], tip[1] - before[1]
    length = max(1, round((run * run + rise * rise) ** 0.5))
    back = (tip[0] - 9 * run // length, tip[1] - 9 * rise // length)
    side = (4 * rise // length, -4 * run // length)
    return (
        f'<path class="head" d="M{tip[0]} {tip[1]}L{back[0] + side[0]} {back[1] + side[1]}'
        f'L{back[0] - side[0]} {back[1] - side[1]}Z"/>'
    )


@_mark.register
def _(mark: Lane) -> str:
    inside = (
        f'<path d="M0 10V{mark.bottom - mark.top}"/>'
        f'<text y="4" text-anchor="middle">{escape(mark.text)}</text>'
    )
    return _group(mark.key, mark.style, "lane", mark.x, mark.top, inside)


@_mark.register
def _(mark: Table) -> str:
    def cells(texts: tuple[str, ...]) -> str:
        return "".join(
            f'<text x="{left}">{escape(text)}</text>'
            for left, text in zip(mark.columns, texts, strict=True)
            if text
        )

    parts = [_group(f"{mark.key}-heading", "", "heading", mark.x, mark.y, cells(mark.heading))]
    for number, (key, style, texts) in enumerate(mark.rows, start=1):
        y = mark.y + number * mark.pitch
        parts.append(_group(key, style, "row", mark.x, y, cells(texts)))
    return "".join(parts)
