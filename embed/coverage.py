"""The coverage page: what the seed document claims, and the lesson that answers each claim."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from html import escape
from itertools import groupby

from embed import films
from embed.html import table

PLANNED = "planned"


def coverage() -> str:
    """The page as Markdown."""
    with (films.ROOT / "seeds" / "claims.toml").open("rb") as file:
        claims = tomllib.load(file)["claim"]
    taught = sum(claim["lesson"] != PLANNED for claim in claims)
    groups = [(group, list(some)) for group, some in groupby(claims, lambda claim: claim["group"])]
    sections = "\n".join(f"## {group}\n\n{_table(some)}" for group, some in groups)
    return f"""\
---
title: What the course covers
---
# What the course covers

The course answers a list of {len(claims)} claims about backend engineering. Each needs a lesson
that teaches it and, where it describes a mechanism, a simulation that shows it happening.
**{taught} of {len(claims)} have a lesson**; the rest are planned, and say so.

{_overview(groups)}
{sections}
"""


def _overview(groups: Sequence[tuple[str, list[dict[str, str]]]]) -> str:
    rows = []
    for group, claims in groups:
        squares = "".join(
            f'<span class="{"planned" if claim["lesson"] == PLANNED else "taught"}"></span>'
            for claim in claims
        )
        taught = sum(claim["lesson"] != PLANNED for claim in claims)
        rows.append(
            [
                escape(group),
                f'<span class="squares" aria-hidden="true">{squares}</span>',
                f"{taught} of {len(claims)}",
            ]
        )
    return table(["Part", "Claims", "With a lesson"], rows, "overview")


def _table(claims: Sequence[dict[str, str]]) -> str:
    rows = []
    for claim in claims:
        lesson = claim["lesson"]
        if lesson == PLANNED:
            link = '<span class="planned">planned</span>'
        else:
            path, mark, anchor = lesson.partition("#")
            target = f"{path.removesuffix('.md')}.html{mark}{anchor}"
            link = f'<a href="{escape(target)}">{_title(path)}</a>'
        rows.append([escape(claim["claim"]), link, f"<code>{escape(claim['id'])}</code>"])
    return table(["Claim", "Lesson", "Id"], rows, "claims stacked")


def _title(path: str) -> str:
    """The first heading of a page under docs/, to name a link by."""
    page = films.ROOT / "docs" / path
    if page.is_file():
        for line in page.read_text("utf-8").splitlines():
            if line.startswith("# "):
                return escape(line.removeprefix("# ").strip())
    return escape(path)
