"""“How true is it?”: what the simulation of isolation was compared with, and what came of it.

The numbers are those that the tests against the real systems wrote down last (tests/reality/).
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from embed import films
from embed.html import table

MEASURED = films.ROOT / "tests" / "reality" / "published.json"
DIVERGENCES = films.ROOT / "tests" / "reality" / "divergences"
SETTLED = films.ROOT / "tests" / "reality" / "settled"
NOTES = films.ROOT / "simulations" / "isolation" / "README.md"
SYSTEMS = {"postgresql": "PostgreSQL", "mariadb": "MariaDB (InnoDB)"}
LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")


def reality() -> str:
    """The page as Markdown."""
    counts = json.loads(MEASURED.read_text("utf-8")) if MEASURED.is_file() else []
    return f"""\
---
title: How true is it?
description: What the simulation of transaction isolation was compared with, and how it came out.
tags: [isolation levels, PostgreSQL, MariaDB, testing]
---
# How true is it?

The figures on isolation run a model of PostgreSQL and a model of InnoDB, written for this course.
A model can be wrong. So the tests run the same scripts on a real PostgreSQL and a real MariaDB and
compare, statement by statement:

- the rows returned, or the number of rows changed;
- which statement waits, for which sessions, and which later statement lets it go on;
- the order in which waiting statements go on;
- which transaction fails, and the error code;
- the tables at the end.

Every scenario and every test case of the simulation is compared at every level. Then come random
schedules: two to four sessions, one to three rows or ranges, reads, writes, inserts, deletes,
locking reads and savepoints.

## Random schedules

{_counts(counts)}

{_divergences()}

Where one statement wakes several sessions at once, the servers do not define which of them runs on
first, and a session that is woken runs on while the one that woke it has not quite ended. Such a
run counts as equal if it is equal for one of the orders, or if the server, asked again with more
time, does as the model does. *In another order* says how often that was needed.

To compare more of them on your own machine: `make reality N=10000`. A schedule that differs is made
as small as it can be, printed as a script, and kept as a test case. {_settled()}

## Where the model is simpler

{_simplified()}
"""


def _counts(counts: list[dict[str, Any]]) -> str:
    if not counts:
        return "No comparison has been written down yet: run `make reality`."
    counts.sort(key=lambda count: (count["system"], LEVELS.index(count["level"])))
    rows = [
        [
            escape(f"{SYSTEMS[count['system']]} {count['version']}"),
            escape(count["level"]),
            f"{count['compared']:,}",
            f"{count['ambiguous']:,}",
            f"{count['divergences']:,}",
            escape(count["date"]),
        ]
        for count in counts
    ]
    compared = sum(count["compared"] for count in counts)
    different = sum(count["divergences"] for count in counts)
    heading = ["System", "Level", "Compared", "In another order", "Different", "On"]
    return (
        f"The last published comparison ran **{compared:,} random schedules; "
        f"{different or 'none'} differed.**\n\n{table(heading, rows, 'numbers')}"
    )


def _divergences() -> str:
    kept = sorted(DIVERGENCES.glob("*.txt"))
    if not kept:
        return "No schedule is known on which the models and the real servers differ."
    scripts = "\n\n".join(_divergence(path) for path in kept)
    word = "schedule is" if len(kept) == 1 else "schedules are"
    return f"{len(kept)} {word} known on which a model and its server differ:\n\n{scripts}"


def _settled() -> str:
    count = len(list(SETTLED.glob("*.txt")))
    return f"{count} of them did differ once, and are the same now." if count else ""


def _divergence(path: Path) -> str:
    system = path.name.partition("-")[0]
    head, _, script = path.read_text("utf-8").partition("\n\n")
    code = "\n".join(f"    {line}" for line in script.strip().splitlines())
    return (
        f'??? note "{SYSTEMS[system]}, {head.removeprefix("level: ")}"\n\n'
        f"    ``` text\n{code}\n    ```"
    )


def _simplified() -> str:
    """The section of the simulation's README that says so."""
    text = NOTES.read_text("utf-8") if NOTES.is_file() else ""
    _, _, after = text.partition("## What is simplified\n")
    section = after.partition("\n## ")[0].strip()
    return section or "The simulation's README does not say yet."
