"""A picture as data: panels of marks, in user units, coloured by CSS class.

A scene has a few panels, each drawn as a picture of its own, at most 460 units wide, so that a page
can set them side by side or, on a narrow screen, one under another, and the text stays readable.
Classes carry all colour, so dark mode needs no Python. Every mark has a key that stays the same
from step to step: the player moves a mark that it knows instead of drawing a new one.

Coordinates are integers, y grows downwards. Text is in a fixed-width face of 12 units: a character
is CHARACTER units wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHARACTER = 7.25
"""Width of one character of the 12-unit fixed-width face, in user units."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; (x, y) is on its baseline, at its start, middle or end."""

    key: str
    x: int
    y: int
    text: str
    style: str = ""
    anchor: Anchor = "start"


@dataclass(frozen=True, slots=True)
class Node:
    """A box, its corners rounded by `radius`, with a line of text in its middle."""

    key: str
    x: int
    y: int
    width: int
    height: int
    text: str = ""
    style: str = ""
    radius: int = 4


@dataclass(frozen=True, slots=True)
class Edge:
    """A line through points, with an arrow head at its end if it points somewhere.

    `bend` lifts the middle of a two-point edge to its left by so many units.
    """

    key: str
    points: tuple[tuple[int, int], ...]
    style: str = ""
    arrow: bool = False
    bend: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """A vertical rail that belongs to one actor, named at its top."""

    key: str
    x: int
    top: int
    bottom: int
    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a heading. `columns` gives each column's left edge; `rows` their cells.

    Each row is (key, style, cells).
    """

    key: str
    x: int
    y: int
    columns: tuple[int, ...]
    heading: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    pitch: int = 20


Mark = Label | Node | Edge | Lane | Table


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `summary` says in words what it shows, for those who do not see it."""

    key: str
    title: str
    width: int
    height: int
    marks: tuple[Mark, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Scene:
    panels: tuple[Panel, ...]


def clip(text: str, width: int) -> str:
    """As much of a text as fits into `width` units, with an ellipsis where it was cut."""
    room = max(1, int(width / CHARACTER))
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"
