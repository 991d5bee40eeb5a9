"""The matrix page: anomaly × engine × level. A cell says what happened, and opens that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from embed import films
from embed.html import address

FIGURE = "sim-write-skew"
ENGINES = {
    "none": "No control",
    "locking": "Two-phase locking",
    "postgresql": "PostgreSQL",
    "innodb": "InnoDB",
}
LEVELS = {
    "read uncommitted": "RU",
    "read committed": "RC",
    "repeatable read": "RR",
    "serializable": "S",
}
OUTCOMES = {
    "allowed": "The anomaly happens.",
    "other": "It does not, but another one does; the cell names it.",
    "waits": "Prevented: a statement has to wait.",
    "aborts": "Prevented: a transaction is refused with an error, to be retried.",
    "hidden": "Prevented without either: a transaction sees an older version.",
}


def matrix() -> str:
    """The page as Markdown; the engines are run for it, or have been for the same source."""
    rows = films.kept("matrix", "matrix", _run)
    return f"""\
---
title: Every anomaly, every engine
description: >-
  Which anomaly each engine lets through at each isolation level, and what it does to prevent it.
hide: [toc]
tags: [isolation levels, anomalies, PostgreSQL, MariaDB]
---
# Every anomaly, every engine

Each row is a script that provokes one anomaly; each cell is a run of it, made when this site was
built. **Choose a cell to open its run in the figure below.**

{_legend()}
{_table(rows)}

/// simulation | isolation
scenario: write-skew
///

## How to read it

The anomalies have the names of Adya's thesis; the [lesson](isolation.md) builds them up one by one.
A cell says what one script met. An engine that makes this script wait may let another script of the
same anomaly through; that no script gets through is what only *serializable* promises.

PostgreSQL treats *read uncommitted* as *read committed*. “No control” runs every statement at once
on the latest data, and two-phase locking is the textbook's, with predicate locks; both are here for
comparison.
"""


def _run() -> list[dict[str, Any]]:
    from simulations.isolation.matrix import matrix as run  # only where isolation is there

    return run()


def _legend() -> str:
    items = "".join(
        f'<li><span class="outcome {name}">{name}</span> {meaning}</li>'
        for name, meaning in OUTCOMES.items()
    )
    return f'<ul class="legend">{items}</ul>\n'


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [(cell["engine"], cell["level"]) for cell in rows[0]["cells"]]
    engines = "".join(
        f'<th scope="colgroup" colspan="{len(list(some))}" class="{engine}">'
        f"{escape(ENGINES[engine])}</th>"
        for engine, some in groupby(columns, key=lambda column: column[0])
    )
    levels = "".join(
        f'<th scope="col" class="{engine}">{_level(engine, level)}</th>'
        for engine, level in columns
    )
    body = "".join(_row(row) for row in rows)
    return (
        '<div class="made-table matrix"><table><thead>'
        f'<tr><th scope="col" rowspan="2">Anomaly</th>{engines}</tr><tr>{levels}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _level(engine: str, level: str) -> str:
    if engine == "none":
        return ""
    return f'<abbr title="{level}">{LEVELS[level]}</abbr>'


def _row(row: Mapping[str, Any]) -> str:
    cells = "".join(_cell(row, cell) for cell in row["cells"])
    title = row["title"].removeprefix(f"{row['anomaly']}: ")
    return (
        f'<tr><th scope="row"><code>{escape(row["anomaly"])}</code> '
        f"{escape(title[:1].upper() + title[1:])}</th>{cells}</tr>"
    )


def _cell(row: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    given = {"engine": cell["engine"], "level": cell["level"]}
    link = address(FIGURE, "isolation", row["scenario"], given)
    outcome = cell["outcome"]
    where = ENGINES[cell["engine"]] + ("" if cell["engine"] == "none" else f", {cell['level']}")
    word = cell["anomalies"][0] if outcome == "other" else outcome
    said = f"{row['title']}; {where}: {word}. {cell['sentence']}"
    return (
        f'<td class="{cell["engine"]}"><a class="outcome {outcome}" href="{escape(link)}" '
        f'title="{escape(said)}" aria-label="{escape(said)}">{word}</a></td>'
    )
