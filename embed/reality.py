"""“How true is it?”: what the simulation of isolation was compared with, and what came of it."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from embed import films
from embed.html import table


def reality() -> str:
    """The page as Markdown, from what the tests against the real systems last wrote."""
    path = films.ROOT / "simulations" / "isolation" / "reality.json"
    measured: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return str(measured and table([], [])) + escape("")
