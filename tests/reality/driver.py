"""Runs a script on a real database and reports what happened, in the model's own form.

The policy is the model's: a statement is sent once every earlier one has returned or is waiting;
one for a session that still waits is deferred, and sent, in script order, when the session is
free. Each session has a connection and a thread; `System` is what a database must offer for that.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from simulations.isolation.script import Line, Pause, read_script

PATIENCE = 10.0  # seconds until a statement that neither returned nor waits is given up


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database said to one statement."""

    columns: tuple[str, ...] | None = None
    rows: tuple[tuple, ...] | None = None
    count: int | None = None
    code: str | int | None = None  # set, with the two below, if the statement failed
    sqlstate: str = ""
    message: str = ""
    ended: str | None = None  # commit, abort (by the database) or rollback: of the transaction


class Connection(Protocol):
    """One session's connection. `execute` blocks, and runs on the session's own thread."""

    def execute(self, sql: str) -> Answer: ...


class System(Protocol):
    """A real database, emptied for each script and then asked about its sessions."""

    name: str
    dialect: str  # as in evaluation.py
    version: str
    unhurried: bool  # give concurrent sessions more time before anyone looks for deadlocks

    def begin(self, sessions: list[str], level: str, lock_wait_timeout: int) -> None:
        """Make the database empty and each session's connection fresh, at this level."""

    def set_up(self, sql: str) -> None:
        """Run a setup statement and commit it. A failure raises."""

    def connection(self, session: str) -> Connection: ...

    def blockers(self, busy: list[str]) -> Mapping[str, tuple[str, ...]]:
        """For those of the busy sessions that now wait, and whose wait is settled (the deadlock
        check has passed and found nothing): the sessions they wait for. Others are left out."""

    def tables(self) -> dict[str, list[list]]:
        """The committed contents of every table, in primary key order."""

    def translate(self, sql: str) -> str:
        """The statement in this database's words (FOR SHARE or LOCK IN SHARE MODE)."""

    def cancel(self, sessions: list[str]) -> None:
        """Make the waiting statements of these sessions return, with whatever error."""

    def end(self) -> None:
        """Roll everything back; no statement runs any more."""


@dataclass(slots=True)
class Sent:
    """One statement of the script, and what became of it."""

    line: int
    session: str
    sql: str
    deferred: bool = False
    sent: bool = False
    waited_for: list[str] = field(default_factory=list)
    released_by: int | None = None
    answer: Answer | None = None

    def report(self) -> dict:
        answer = self.answer or Answer()
        error = None
        if not self.sent:
            outcome = "deferred"
        elif self.answer is None:
            outcome = "waiting"
        elif answer.code is not None:
            outcome = "error"
            error = {"code": answer.code, "sqlstate": answer.sqlstate, "message": answer.message}
        else:
            outcome = "ok"
        return {
            "line": self.line,
            "session": self.session,
            "sql": self.sql,
            "outcome": outcome,
            "columns": None if answer.columns is None else list(answer.columns),
            "rows": None if answer.rows is None else [list(row) for row in answer.rows],
            "count": answer.count if answer.rows is None else None,
            "error": error,
            "waited_for": self.waited_for,
            "deferred": self.deferred,
            "released_by": None if outcome == "waiting" else self.released_by,
        }


class Worker:
    """A thread that runs one statement at a time on one session's connection."""

    def __init__(self, connection: Connection, changed: threading.Condition) -> None:
        self.connection = connection
        self.changed = changed
        self.statement: Sent | None = None  # the one it is at
        self.failure: BaseException | None = None
        self.inbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def send(self, statement: Sent, sql: str) -> None:
        statement.sent = True
        self.statement = statement
        self.inbox.put(sql)

    def _work(self) -> None:
        while (sql := self.inbox.get()) is not None:
            answer = failure = None
            try:
                answer = self.connection.execute(sql)
            except BaseException as problem:  # handed to the thread that drives the run
                failure = problem
            with self.changed:
                self.statement.answer, self.failure = answer, failure
                self.statement = None
                self.changed.notify_all()


def run_real(system: System, script_text: str, level: str, lock_wait_timeout: int = 50) -> dict:
    """The report of one run: statements, tables, committed, aborted, waiting."""
    script = read_script(script_text, system.dialect)
    names = sorted({line.session for line in script.lines})
    system.begin(names, level, lock_wait_timeout)
    run = Run(system, names)
    try:
        for line in script.setup:
            system.set_up(line.sql)
        return run.play(script.steps)
    finally:
        run.close()
        system.end()


class Run:
    def __init__(self, system: System, names: list[str]) -> None:
        self.system = system
        self.changed = threading.Condition()
        self.workers = {name: Worker(system.connection(name), self.changed) for name in names}
        self.deferred: list[Sent] = []

    def play(self, steps: tuple[Line | Pause, ...]) -> dict:
        statements = []
        for step in steps:
            if isinstance(step, Pause):
                # PostgreSQL waits without a limit, so time changes nothing there.
                if self.system.dialect == "innodb":
                    self._pause(step)
                continue
            statement = Sent(step.line, step.session, step.sql)
            statements.append(statement)
            if self._busy(step.session) or any(d.session == step.session for d in self.deferred):
                statement.deferred = True
                self.deferred.append(statement)
                continue
            self._send(statement)
            self._send_deferred(statement.line)
        ended = [
            (statement.session, statement.answer.ended)
            for statement in statements
            if statement.answer is not None
        ]
        return {
            "statements": [statement.report() for statement in statements],
            "tables": self.system.tables(),
            "committed": sorted({session for session, how in ended if how == "commit"}),
            "aborted": sorted({session for session, how in ended if how == "abort"}),
            "waiting": [name for name in self.workers if self._busy(name)],
        }

    def close(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while busy := [name for name in self.workers if self._busy(name)]:
            self.system.cancel(busy)
            with self.changed:
                self.changed.wait(0.01)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{busy} cannot be cancelled")
        for worker in self.workers.values():
            worker.inbox.put(None)

    def _busy(self, session: str) -> bool:
        return self.workers[session].statement is not None

    def _send_deferred(self, freed_by: int | None) -> None:
        while ready := [s for s in self.deferred if not self._busy(s.session)]:
            self.deferred.remove(ready[0])
            ready[0].released_by = freed_by
            self._send(ready[0])

    def _send(self, statement: Sent) -> None:
        earlier = self._waiting()
        worker = self.workers[statement.session]
        worker.send(statement, self.system.translate(statement.sql))
        self._after(earlier, statement.line)

    def _pause(self, pause: Pause) -> None:
        """Let real time pass; lock waits may time out on the way."""
        end = time.monotonic() + pause.microseconds / 1_000_000
        while (left := end - time.monotonic()) > 0:
            earlier = self._waiting()
            with self.changed:
                self.changed.wait(min(left, 0.02))
            if len(self._waiting()) < len(earlier):
                self._after(earlier, None)
                self._send_deferred(None)

    def _waiting(self) -> list[Sent]:
        return [w.statement for w in self.workers.values() if w.statement is not None]

    def _after(self, earlier: list[Sent], line: int | None) -> None:
        """See what the line has led to: who has returned, and who waits for whom.

        No line is None: what returns while time passes was released by none.
        """
        waits = self._settle()
        for statement in earlier:
            if statement.answer is not None:
                statement.released_by = line
        for session, blockers in waits.items():
            seen = self.workers[session].statement.waited_for
            seen.extend(blocker for blocker in blockers if blocker not in seen)

    def _settle(self) -> dict[str, tuple[str, ...]]:
        """Wait until every statement has returned or waits for another session; who waits."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.changed:
                busy = [name for name in self.workers if self._busy(name)]
                failures = [w.failure for w in self.workers.values() if w.failure is not None]
            if failures:
                raise failures[0]
            waits = self.system.blockers(busy) if busy else {}
            with self.changed:
                still = [name for name in busy if self._busy(name)]
                if len(still) == len(busy) == len(waits):
                    return dict(waits)
                if len(still) == len(busy):
                    self.changed.wait(0.001)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{still} neither returned nor waits: {waits}")
