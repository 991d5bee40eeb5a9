"""Film -> the figure's HTML: complete without JavaScript, and all that the player needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

_ATTRIBUTE = re.compile(r"""="([^"'<>]*)\"""")
_PART = re.compile(r"<svg[^>]*>|<g .*?</g>|</svg>", re.DOTALL)
"""A picture is these, one after another: its opening, its marks, its end. Marks do not nest."""


def figure(
    film: Mapping[str, Any], declared: Mapping[str, Any], *, identity: str, caption: str | None
) -> str:
    """The `<figure>` of one film, on one line so that Markdown leaves it alone.

    `data-fields` counts the fields that the player's form will have: room is kept for them.
    """
    film = {**film, "panels": [{**p, "svg": [*map(plain, p["svg"])]} for p in film["panels"]]}
    telling = film["telling"]
    scenario = "" if film["scenario"] is None else f' data-scenario="{escape(film["scenario"])}"'
    fields = [p for p in declared["parameters"] if p["kind"] != "script"]
    count = len(fields) + bool(declared["scenarios"])
    told = escape(film["steps"][telling]["sentence"])
    # An author's caption stays; the sentence of the step then has a line of its own.
    line = "" if caption is None else f'<p class="sim-caption">{told}</p>'
    shown = told if caption is None else escape(caption)
    return (
        f'<figure class="simulation"><sim-player id="{escape(identity)}" '
        f'data-simulation="{escape(film["simulation"])}"{scenario} data-fields="{count}">'
        f'<div class="sim-stage">{_panels(film, telling)}</div>'
        f'<script type="application/json" class="sim-film">{_json(packed(film))}</script>'
        f"</sim-player>{line}<figcaption>{shown}</figcaption>"
        f"{_transcript(film)}</figure>"
    )


def declaration(declared: Mapping[str, Any]) -> str:
    """What the player builds its form from; a page holds it once for each simulation."""
    return (
        f'<script type="application/json" class="sim-declaration" '
        f'data-simulation="{escape(declared["name"])}">{_json(declared)}</script>'
    )


def plain(picture: str) -> str:
    """A picture with its attributes in single quotes, which JSON need not escape.

    So the picture on the stage is, to what compresses the page, a repetition of those in the film.
    """
    return _ATTRIBUTE.sub(r"='\1'", picture)


def packed(film: Mapping[str, Any]) -> dict[str, Any]:
    """The film as a page holds it: pictures of a panel share their marks, listed once.

    A step changes a mark or two of many, so this makes a film three times smaller.
    """
    panels = []
    for panel in film["panels"]:
        marks: dict[str, int] = {}
        pictures = [
            [marks.setdefault(part, len(marks)) for part in _PART.findall(picture)]
            for picture in panel["svg"]
        ]
        panels.append({**panel, "marks": list(marks), "svg": pictures})
    return {**film, "panels": panels}


def _json(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # `</script` would end the element, and `<!--` begin a comment in it.
    return re.sub("<(?=/script|!--)", r"\\u003c", text, flags=re.IGNORECASE)


def _panels(film: Mapping[str, Any], step: int) -> str:
    panels = []
    for panel in film["panels"]:
        index = panel["at"][step]
        picture = "" if index is None else panel["svg"][index]
        hidden = " hidden" if index is None else ""
        panels.append(
            # Each panel by itself: Material takes the end of an inner div for the end of the outer.
            f'<div class="sim-panel" data-panel="{escape(panel["key"])}"{hidden} '
            f'data-search-exclude><p class="sim-panel-title">{escape(panel["title"])}</p>'
            f"{picture}</div>"
        )
    return "".join(panels)


def _transcript(film: Mapping[str, Any]) -> str:
    steps = "".join(f"<li>{escape(step['sentence'])}</li>" for step in film["steps"])
    verdict = ""
    if film["verdict"] is not None:
        tone = film["verdict"].get("tone", "neutral")
        verdict = (
            f'<p class="sim-verdict" data-tone="{escape(tone)}">'
            f"{escape(film['verdict']['sentence'])}</p>"
        )
    count = len(film["steps"])
    return (
        f'<details class="sim-transcript"><summary>Transcript: {escape(film["title"])}, '
        f"{count} {'step' if count == 1 else 'steps'}</summary><ol>{steps}</ol>{verdict}</details>"
    )
