"""What an engine is to the driver: statements in, waits and outcomes out, and a view to draw.

An engine does not know the script. The driver calls `execute` for one statement and gets a
generator; the generator yields a `Waiting` each time the statement waits for others, and returns
`Done` or `Failed`. When a wait ends, because it was granted or because its session was chosen as
a deadlock's victim, the engine puts the session into `woken`, and the driver runs that generator
on. A generator that is run on may yield `Waiting` again, at once or later.

The driver never runs on a generator whose session is not in `woken`, and never sends a statement
to a session that waits.
"""

from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from simulations.isolation.history import SETUP as SETUP
from simulations.isolation.history import History
from simulations.isolation.sql import Statement, Value


@dataclass(frozen=True, slots=True)
class Waiting:
    sessions: tuple[str, ...]  # whom it waits for, sorted
    why: str  # a sentence: "T1 changed row 1 of test and has not ended, so T2 waits for it."


@dataclass(frozen=True, slots=True)
class Done:
    columns: tuple[str, ...] | None = None
    rows: tuple[tuple[Value, ...], ...] | None = None
    count: int | None = None
    why: str = ""  # a sentence on what decided the result


@dataclass(frozen=True, slots=True)
class Failed:
    code: str | int  # PostgreSQL: the SQLSTATE; MariaDB: its number, such as 1213
    sqlstate: str
    message: str  # the server's own words
    why: str  # a sentence


Outcome = Done | Failed
Run = Generator[Waiting, None, Outcome]


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    values: tuple[Value, ...] | None  # in the table's column order; None: the row is deleted
    created_by: str  # a transaction, such as T1 or T1.2
    deleted_by: str | None
    state: str  # committed uncommitted aborted
    visible_to: tuple[str, ...]  # transactions whose next plain read would return it


@dataclass(frozen=True, slots=True)
class Chain:
    table: str
    key: tuple[Value, ...]  # the primary key
    versions: tuple[Version, ...]  # oldest first


@dataclass(frozen=True, slots=True)
class Lock:
    session: str
    target: str  # row test 1 | gap test (1, 2) | index test_pkey page 1
    mode: str  # X,REC_NOT_GAP | SIREAD
    granted: bool = True


@dataclass(frozen=True, slots=True)
class View:
    chains: tuple[Chain, ...] = ()  # by table, then key
    locks: tuple[Lock, ...] = ()
    waits: tuple[tuple[str, str], ...] = ()  # (who waits, for whom), sorted
    snapshots: tuple[tuple[str, str], ...] = ()  # (transaction, what its snapshot holds, in words)


class Engine(Protocol):
    dialect: str  # postgresql innodb standard: what expressions mean to it
    woken: deque[str]  # sessions whose wait has ended, in the order in which they run on
    history: History

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None: ...

    def set_up(self, statement: Statement) -> None:
        """A setup statement, committed before anything starts; SqlError if it fails."""

    def execute(self, session: str, statement: Statement) -> Run: ...

    def expire(self, session: str) -> None:
        """The lock wait timeout of a waiting session has passed; it is put into `woken`."""

    def end(self) -> None:
        """The script has ended. Sessions that are still open stay open."""

    def view(self) -> View: ...

    def rows(self) -> dict[str, list[tuple[Value, ...]]]:
        """The committed contents of each table, in primary key order."""

    def status(self) -> Mapping[str, str]:
        """For each session: idle, open, failed, committed or aborted (by the engine)."""
