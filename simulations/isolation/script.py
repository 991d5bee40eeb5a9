"""A script: what the reader writes, one statement a line, in the order in which they are sent.

    setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
    setup: INSERT INTO test VALUES (1, 10);
    T1: BEGIN;
    T2: UPDATE test SET value = 12 WHERE id = 1;   -- a comment
    pause: 2 s

`setup` runs first, and is committed; T1 to T4 are sessions; `pause` lets virtual time pass.
Anything wrong is a Problem with the line and the column.
"""

import re
from collections import Counter
from dataclasses import dataclass

from simulations.isolation.checks import check
from simulations.isolation.parser import parse
from simulations.isolation.sql import (
    CreateTable,
    Delete,
    Insert,
    Statement,
    Update,
)
from simulations.simulation import Problem

SESSIONS = ("T1", "T2", "T3", "T4")
LONGEST = 200  # lines
LARGEST = 100  # rows that a table may be given
LONGEST_PAUSE = 3600.0  # seconds

LINE = re.compile(r"\s*([A-Za-z]\w*)\s*:", re.ASCII)
PAUSE = re.compile(r"\s*(\d{1,7}(?:\.\d{1,6})?)\s*(ms|s)\s*;?\s*(?:--.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    line: int  # 1-based, in the whole text
    session: str
    statement: Statement

    @property
    def sql(self) -> str:
        return self.statement.text


@dataclass(frozen=True, slots=True)
class Pause:
    line: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class Script:
    setup: tuple[Line, ...]
    steps: tuple[Line | Pause, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The statements of the sessions, without the pauses."""
        return tuple(step for step in self.steps if isinstance(step, Line))

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(sorted({line.session for line in self.lines}))


def read_script(text: str, dialect: str = "standard") -> Script:
    """The script that the text is, checked against its own tables."""
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if said(line)]
    if len(numbered) > LONGEST:
        raise Problem(
            f"The script has {len(numbered)} lines; at most {LONGEST} are run.",
            parameter="script",
            line=numbered[LONGEST][0],
        )
    reader = Reader(dialect)
    for number, line in numbered:
        try:
            reader.read(number, line)
        except Problem as problem:
            raise Problem(
                problem.message, parameter="script", line=number, column=problem.column
            ) from None
    if not reader.steps:
        raise Problem(
            "The script has no statement of a session; one is written as “T1: SELECT …”.",
            parameter="script",
        )
    return Script(tuple(reader.setup), tuple(reader.steps))


def said(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith("--")


class Reader:
    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.setup: list[Line] = []
        self.steps: list[Line | Pause] = []
        self.schema: dict[str, CreateTable] = {}
        self.rows: Counter[str] = Counter()

    def read(self, number: int, line: str) -> None:
        match = LINE.match(line)
        if match is None:
            raise Problem(
                "A line starts with who speaks: “setup:”, “T1:” to “T4:”, or “pause:”.", column=1
            )
        who, rest = match.group(1).lower(), line[match.end() :].lstrip()
        offset = len(line) - len(rest)
        if who == "pause":
            self.steps.append(Pause(number, pause(rest, offset)))
            return
        if who != "setup" and who.upper() not in SESSIONS:
            raise Problem(
                f"“{match.group(1)}” is not a session; there are T1, T2, T3 and T4"
                " (and setup and pause).",
                column=match.start(1) + 1,
            )
        try:
            statement = parse(rest)
            self.check(who, statement)
        except Problem as problem:
            column = None if problem.column is None else problem.column + offset
            raise Problem(problem.message, column=column) from None
        target = self.setup if who == "setup" else self.steps
        target.append(Line(number, who if who == "setup" else who.upper(), statement))

    def check(self, who: str, statement: Statement) -> None:
        if who == "setup":
            if self.steps:
                raise Problem("The setup comes before the first statement of a session.", column=1)
            if not isinstance(statement, CreateTable | Insert | Update | Delete):
                raise Problem(
                    "The setup consists of CREATE TABLE, INSERT, UPDATE and DELETE.", column=1
                )
        if isinstance(statement, CreateTable):
            if who != "setup":
                raise Problem("Tables are created in the setup.", column=1)
            if statement.name in self.schema:
                raise Problem(f"The table `{statement.name}` is created twice.", column=1)
            self.schema[statement.name] = statement
        check(statement, self.schema, self.dialect)
        if isinstance(statement, Insert):
            self.rows[statement.table] += len(statement.rows)
            if self.rows[statement.table] > LARGEST:
                raise Problem(
                    f"The script inserts over {LARGEST} rows into `{statement.table}`; that is"
                    " more than a picture can show.",
                    column=statement.position,
                )


def pause(text: str, offset: int) -> int:
    """A pause in microseconds."""
    match = PAUSE.fullmatch(text)
    amount = float(match.group(1)) * (1 if match.group(2) == "s" else 0.001) if match else 0
    if not 0 < amount <= LONGEST_PAUSE:
        raise Problem(
            f"A pause is written as “pause: 2 s” or “pause: 500 ms”, of at most"
            f" {LONGEST_PAUSE:g} s.",
            column=offset + 1,
        )
    return max(1, round(amount * 1_000_000))
