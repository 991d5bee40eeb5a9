"""Transaction isolation: what several sessions see and do to the same rows.

A script gives each session its statements; the order of the lines is the order in which they are
sent. The driver below is the person at the keyboard of all the sessions. It sends a statement once
every earlier one has returned or waits. A statement for a session that still waits is deferred,
and sent as soon as the session is free.

      script                driver                    engine
    T1: BEGIN        ---->  sends  ------------->   decides by its own rules:
    T1: UPDATE ...          .  <-- Done: 1 row      snapshots, versions, locks
    T2: UPDATE ...          .  <-- Waiting: T1            |
    T2: SELECT ...          defers                        | records reads, writes,
    T1: COMMIT              sends                         | commits and aborts
                            .  <-- T2 is woken            v
                            runs T2 on              history ----> verdict
                            .  <-- Done or Failed   (names no engine)

The engine is one of four: PostgreSQL, InnoDB, textbook locking, or no control at all. Each keeps
its own rules in its own file, and they share only the protocol in engine.py. Whatever the engine
does, the history says which version each transaction read and wrote, and verdict.py judges from
that alone whether some serial order explains it.

Time is virtual. A statement takes a millisecond, a `pause` as long as it says, and a wait ends
when the others let it, or after InnoDB's lock wait timeout.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from random import Random
from typing import Any

from simulations.clock import MILLISECOND, SECOND, Alarm, Clock
from simulations.isolation.engine import SETUP, Done, Engine, Failed, Run, View, Waiting
from simulations.isolation.evaluation import SqlError
from simulations.isolation.script import Line, Pause, Script, read_script
from simulations.isolation.sentences import (
    deferred_sentence,
    paused_sentence,
    result,
    returned_sentence,
    setup_sentence,
    verdict_sentence,
    waiting_sentence,
)
from simulations.isolation.sql import CreateTable, Rollback
from simulations.isolation.state import plain_edge, plain_section
from simulations.isolation.verdict import Edge, dependencies, judge
from simulations.simulation import Event, Outcome, Problem

STATEMENT = MILLISECOND  # how long a statement takes
RESUMPTIONS = 5_000  # more in one run is a fault of an engine, not a script

ENGINES = {
    "postgresql": ("postgresql", "PostgreSQL"),
    "innodb": ("innodb", "InnoDB"),
    "locking": ("locking", "Locking"),
    "none": ("textbook", "NoControl"),
}


def make_engine(name: str, level: str, lock_wait_timeout: int) -> Engine:
    module, kind = ENGINES[name]
    found = getattr(import_module(f"simulations.isolation.{module}"), kind)
    return found(level, lock_wait_timeout=lock_wait_timeout)


def model(values: Mapping[str, Any], random: Random) -> Outcome:
    return play(values)


def play(values: Mapping[str, Any], choose: Callable[[tuple[str, ...]], str] | None = None):
    """One run. `choose` picks who runs on first of several sessions that one statement woke."""
    engine = make_engine(values["engine"], values["level"], values["lock_wait_timeout"])
    script = read_script(values["script"], engine.dialect)
    return Driver(script, engine, values["lock_wait_timeout"], choose).run()


@dataclass(slots=True)
class Sent:
    """A statement of the script on its way."""

    step: Line
    deferred: bool = False
    run: Run | None = None
    since: int = 0  # when its present wait began
    alarm: Alarm | None = None  # of its present wait's timeout
    waits_for: tuple[str, ...] = ()
    waited_for: list[str] = field(default_factory=list)
    released_by: int | None = None

    @property
    def session(self) -> str:
        return self.step.session


class Driver:
    def __init__(
        self,
        script: Script,
        engine: Engine,
        lock_wait_timeout: int,
        choose: Callable[[tuple[str, ...]], str] | None = None,
    ) -> None:
        self.script, self.engine, self.choose = script, engine, choose
        # Only InnoDB gives up a wait by itself; PostgreSQL's lock_timeout is off by default.
        self.timeout = lock_wait_timeout * SECOND if engine.dialect == "innodb" else None
        self.events: list[Event] = []
        self.clock = Clock()
        self.parked: dict[str, Sent] = {}  # by session: those that wait
        self.deferred: deque[Sent] = deque()
        self.line = 0  # of the statement that was sent last
        self.resumed = 0
        self.view = View()
        self.edges: tuple[Edge, ...] = ()  # told so far, as the view and the transactions are
        self.shown: list[tuple[str, str]] = []
        self.order = 0  # of the history when the edges were told
        self.waited_for: dict[int, list[str]] = {}
        self.ended: set[str] = set()  # transactions that were rolled back
        self.aborted: set[str] = set()  # sessions that the engine rolled back
        self.expired: set[str] = set()  # sessions whose wait has just timed out
        self.waited = 0  # microseconds, of all sessions together

    def run(self) -> Outcome:
        self.set_up()
        for step in self.script.steps:
            if isinstance(step, Pause):
                self.pause(step)
                continue
            sent = Sent(step)
            if step.session in self.parked or any(
                other.session == step.session for other in self.deferred
            ):
                sent.deferred = True
                self.deferred.append(sent)
                self.defer(sent)
            else:
                self.send(sent)
            self.send_deferred()
        self.engine.end()
        return self.finish()

    # sending

    def set_up(self) -> None:
        for line in self.script.setup:
            self.engine.history.line = line.line
            try:
                self.engine.set_up(line.statement)
            except SqlError as error:
                raise Problem(
                    f"The setup fails: {error.message}.", parameter="script", line=line.line
                ) from None
        tables = [
            line.statement for line in self.script.setup if isinstance(line.statement, CreateTable)
        ]
        self.tell(
            "setup", "setup", setup_sentence(self.engine.rows()),
            sessions=list(self.script.sessions),
            schema={table.name: list(table.names) for table in tables},
        )  # fmt: skip

    def send(self, sent: Sent) -> None:
        self.clock.advance(STATEMENT)
        self.line = sent.step.line
        sent.run = self.engine.execute(sent.session, sent.step.statement)
        self.advance(sent)
        self.settle()

    def send_deferred(self) -> None:
        freed_by = self.line or None
        while free := next((s for s in self.deferred if s.session not in self.parked), None):
            self.deferred.remove(free)
            free.released_by = freed_by
            self.send(free)

    def settle(self) -> None:
        """Run on all that were woken, until every session has returned or waits."""
        woken = self.engine.woken
        while woken:
            session = woken[0] if self.choose is None else self.choose(tuple(woken))
            woken.remove(session)
            sent = self.parked.pop(session, None)
            if sent is None:
                continue
            self.resumed += 1
            if self.resumed > RESUMPTIONS:
                raise Problem("The sessions wake each other without end.", parameter="script")
            self.waited += self.clock.now - sent.since
            if sent.alarm is not None:
                sent.alarm.cancel()
            if self.line not in (0, sent.step.line):
                sent.released_by = self.line
            self.advance(sent)
        for waiter, holder in self.view.waits:
            sent = self.parked.get(waiter)
            if sent is not None and holder not in sent.waited_for:
                sent.waited_for.append(holder)

    def advance(self, sent: Sent) -> None:
        """Let a statement run to its end or to its next wait."""
        resumed = bool(sent.waits_for)
        failed_before = self.engine.status().get(sent.session) == "failed"
        self.engine.history.line = sent.step.line
        try:
            waiting: Waiting = next(sent.run)
        except StopIteration as stop:
            self.note_aborts(sent, failed_before)
            self.returned(sent, stop.value, resumed)
            return
        sent.waits_for, sent.since = waiting.sessions, self.clock.now
        self.parked[sent.session] = sent
        if self.timeout is not None:
            sent.alarm = self.clock.after(self.timeout, lambda: self.expire(sent))
        self.tell(
            "wait", sent.session, waiting_sentence(sent.step, waiting, resumed),
            **self.facts(sent, "waiting"), waits_for=list(waiting.sessions),
        )  # fmt: skip

    def note_aborts(self, sent: Sent, failed_before: bool) -> None:
        """Whom the engine aborted; a rollback that the script asked for is not its doing."""
        asked = isinstance(sent.step.statement, Rollback) and not failed_before
        for txn, how in self.engine.history.status.items():
            if how == "aborted" and txn not in self.ended:
                self.ended.add(txn)
                session = txn.partition(".")[0]
                if not (asked and session == sent.session):
                    self.aborted.add(session)

    # telling

    def returned(self, sent: Sent, outcome: Done | Failed, resumed: bool) -> None:
        self.waited_for[sent.step.line] = sent.waited_for
        expired = sent.session in self.expired
        self.expired.discard(sent.session)
        kind = "resume" if resumed else "ok" if isinstance(outcome, Done) else "error"
        self.tell(
            "timeout" if expired else kind,
            sent.session,
            returned_sentence(sent.step, outcome, sent.waits_for),
            **self.facts(sent, "ok" if isinstance(outcome, Done) else "error", outcome),
        )

    def facts(self, sent: Sent, outcome: str, answer: Done | Failed | None = None) -> dict:
        """What an event says of a statement."""
        done = answer if isinstance(answer, Done) else Done()
        error = None
        if isinstance(answer, Failed):
            error = {"code": answer.code, "sqlstate": answer.sqlstate, "message": answer.message}
        return {
            "line": sent.step.line,
            "sql": sent.step.sql,
            "session": sent.session,
            "outcome": outcome,
            "result": "" if answer is None else result(answer),
            "columns": None if done.columns is None else list(done.columns),
            "rows": None if done.rows is None else [list(row) for row in done.rows],
            "count": done.count,
            "error": error,
            "waited_for": list(sent.waited_for),
            "deferred": sent.deferred,
            "released_by": None if outcome == "waiting" else sent.released_by,
        }

    def defer(self, sent: Sent) -> None:
        self.clock.advance(STATEMENT)
        before = self.parked[sent.session]
        self.tell(
            "defer", sent.session, deferred_sentence(sent.step, before.waits_for),
            **self.facts(sent, "deferred"),
        )  # fmt: skip

    def pause(self, step: Pause) -> None:
        """Let time pass; in InnoDB, waits that are too long end on the way."""
        self.line = 0  # what ends now was released by no statement
        self.tell("pause", "clock", paused_sentence(step), line=step.line)
        self.clock.advance(step.microseconds)

    def expire(self, sent: Sent) -> None:
        self.expired.add(sent.session)
        self.engine.expire(sent.session)
        self.settle()
        self.send_deferred()

    def tell(self, kind: str, actor: str, sentence: str, **data: Any) -> None:
        """An event, with the sections of the view that have changed since the last."""
        view = self.engine.view()
        for name in View.__slots__:
            section = getattr(view, name)
            if section != getattr(self.view, name):
                data[name] = plain_section(name, section)
        self.view = view
        if self.engine.history.order != self.order:
            self.order = self.engine.history.order
            edges = dependencies(self.engine.history)
            if edges != self.edges:
                self.edges = edges
                data["edges"] = [plain_edge(edge) for edge in edges]
        transactions = self.transactions()
        if transactions != self.shown:
            self.shown = transactions
            data["transactions"] = [list(pair) for pair in transactions]
        self.events.append(Event(self.clock.now, actor, kind, data, sentence))

    def transactions(self) -> list[tuple[str, str]]:
        """Every transaction so far, as history and, for one in a failed state, engine say."""
        now = self.engine.status()
        found = []
        for txn, how in self.engine.history.status.items():
            session = txn.partition(".")[0]
            if how == "open" and now.get(session) == "failed":
                how = "failed"
            if txn != SETUP:
                found.append((txn, how))
        return found

    def finish(self) -> Outcome:
        history = self.engine.history
        verdict = judge(history)
        told = verdict.declare()
        for sent in self.parked.values():
            self.waited_for[sent.step.line] = sent.waited_for
            self.waited += self.clock.now - sent.since
        committed = {txn.partition(".")[0] for txn, how in history.status.items()
                     if how == "committed" and txn != SETUP}  # fmt: skip
        self.clock.advance(STATEMENT)
        self.tell(
            "verdict", "verdict", verdict_sentence(verdict, self.parked, self.deferred),
            verdict=told,
            waited_for={str(line): whom for line, whom in self.waited_for.items()},
            tables={name: [list(row) for row in rows] for name, rows in self.engine.rows().items()},
            committed=sorted(committed),
            aborted=sorted(self.aborted),
            waiting=sorted(self.parked),
        )  # fmt: skip
        metrics = {
            "statements": len(self.script.lines),
            "waits": sum(event.kind == "wait" for event in self.events),
            "waited_us": self.waited,
            "aborts": len(self.ended),
        }
        return Outcome(tuple(self.events), metrics, told)
