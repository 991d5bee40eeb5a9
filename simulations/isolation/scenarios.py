"""The text files in cases/: each a script, and what it must print.

    title: Write skew            what a page calls it; a case without a title is only a test
    summary: Two doctors ...     one sentence
    engine: postgresql           and any other parameter
                                 a blank line ends the header
    setup: CREATE TABLE ...      the script; its lines are counted from here
    T1: BEGIN;
    ---
    Before anything starts ...   the output of `run ... --text`

The name of a file is the name of its scenario.
"""

from dataclasses import dataclass
from functools import cache

from simulations.packaged import texts
from simulations.simulation import Scenario

RULE = "---\n"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    title: str | None
    summary: str
    parameters: dict[str, str]  # the script included
    expected: str  # "" if nothing was written down yet

    def text(self, expected: str) -> str:
        """The file with this output."""
        header = {"title": self.title, "summary": self.summary, **self.parameters}
        script = header.pop("script")
        lines = [f"{name}: {value}" for name, value in header.items() if value]
        return "\n".join(lines) + f"\n\n{script.rstrip()}\n{RULE}{expected}"


def read_case(name: str, text: str) -> Case:
    header, _, rest = text.partition("\n\n")
    values = {}
    for line in header.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"{name}: the header line “{line}” is not of the form key: value.")
        values[key.strip()] = value.strip()
    script, rule, expected = rest.partition(RULE)
    title, summary = values.pop("title", None), values.pop("summary", "")
    return Case(name, title, summary, {**values, "script": script}, expected if rule else "")


@cache
def cases() -> tuple[Case, ...]:
    found = texts("isolation", "cases", suffix=".txt")
    return tuple(read_case(name, text) for name, text in found.items())


def scenarios() -> tuple[Scenario, ...]:
    return tuple(
        Scenario(case.name, case.title, case.summary, case.parameters)
        for case in cases()
        if case.title is not None
    )
