"""Film -> the figure's HTML: complete without JavaScript, and all that the player needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any


def figure(film: Mapping[str, Any], *, identity: str, caption: str | None) -> str:
    """The `<figure>` of one film, on one line so that Markdown leaves it alone."""
    telling = film["telling"]
    scenario = "" if film["scenario"] is None else f' data-scenario="{escape(film["scenario"])}"'
    data = json.dumps(film, ensure_ascii=False, separators=(",", ":"))
    # `</script` would end the element, and `<!--` begin a comment in it.
    data = data.replace("</", "<\\/").replace("<!--", "<\\u0021--")
    sentence = caption or film["steps"][telling]["sentence"]
    return (
        f'<figure class="simulation"><sim-player id="{escape(identity)}" '
        f'data-simulation="{escape(film["simulation"])}"{scenario}>'
        f'<div class="sim-stage" data-search-exclude>{_panels(film, telling)}</div>'
        f'<script type="application/json" class="sim-film">{data}</script></sim-player>'
        f"<figcaption>{escape(sentence)}</figcaption>{_transcript(film)}</figure>"
    )


def _panels(film: Mapping[str, Any], step: int) -> str:
    panels = []
    for panel in film["panels"]:
        index = panel["at"][step]
        picture = "" if index is None else panel["svg"][index]
        hidden = " hidden" if index is None else ""
        panels.append(
            f'<div class="sim-panel" data-panel="{escape(panel["key"])}"{hidden}>'
            f'<p class="sim-panel-title">{escape(panel["title"])}</p>{picture}</div>'
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
