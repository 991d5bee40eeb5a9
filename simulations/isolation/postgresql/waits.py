"""Waiting: for a lock, for a transaction, for everyone in a multixact.

Rules (storage/lmgr/lmgr.c, access/heap/heapam.c): to wait for a transaction is to ask for the
lock on its number. The deadlock check comes when a wait has lasted deadlock_timeout, so first
everyone who was woken along with it runs as far as they can; then those who have begun to wait
check in the order in which they began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from operator import itemgetter

from simulations.isolation.engine import Waiting
from simulations.isolation.postgresql.heap import Mark, Tuple
from simulations.isolation.postgresql.locks import EXCLUSIVE, SHARE, Locks, Tag
from simulations.isolation.postgresql.transactions import Numbers, Refused, Transaction

Wait = Generator[Waiting, None, None]


def names(sessions: Iterable[str]) -> str:
    listed = sorted(sessions)
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


class Waits:
    def __init__(self, numbers: Numbers, woken: deque[str]) -> None:
        self.numbers = numbers
        self.woken = woken
        self.locks = Locks(woken)
        self.unchecked: list[str] = []  # have begun to wait and not looked for a deadlock yet
        self.victims: dict[str, list[str]] = {}  # session -> the cycle it was in
        # Of those that begin to wait within a moment, anyone's check may in truth come first.
        self.choose: Callable[[tuple[str, ...]], str] = itemgetter(0)

    def acquire(self, session: str, tag: Tag, mode: str, why: str) -> Wait:
        if self.locks.take(session, tag, mode):
            return
        self.unchecked.append(session)
        while session in self.locks.waiting or session in self.victims:
            self.check_deadlocks(session)
            if (cycle := self.victims.pop(session, None)) is not None:
                raise deadlock(session, cycle)
            if session not in self.locks.waiting:  # let past in a queue
                self.woken.remove(session)
                return
            blockers = self.locks.blockers(session)
            yield Waiting(blockers, f"{why}, so {session} waits for {names(blockers)}.")

    def check_deadlocks(self, present: str | None = None) -> None:
        """Once nobody can run on: who has begun to wait looks for a cycle, first come first.
        `present` is the session whose statement runs now."""
        while not self.woken:
            self.unchecked = [one for one in self.unchecked if one in self.locks.waiting]
            if not self.unchecked:
                return
            session = self.choose(tuple(self.unchecked))
            self.unchecked.remove(session)
            cycle = self.locks.deadlocked(session)
            if not cycle:
                continue
            self.victims[session] = cycle
            self.locks.leave(session)
            if session != present:
                self.woken.append(session)
            return

    def transaction(self, mine: Transaction, xid: int, why: str) -> Wait:
        """Until that transaction, or the savepoint that the number stands for, has ended."""
        while self.numbers.running(xid):
            yield from self.acquire(mine.session, ("xid", xid), SHARE, why)
            self.locks.release(mine.session, ("xid", xid))
            if self.numbers.running(xid):
                xid = self.numbers.top(xid)

    def marks(self, mine: Transaction, marks: tuple[Mark, ...], strength: int, why: str) -> Wait:
        """For each in turn whose mark conflicts (MultiXactIdWait)."""
        for mark in marks:
            if not mine.owns(mark.xid) and conflicts(mark.strength, strength):
                yield from self.transaction(mine, mark.xid, why)

    def place(self, mine: Transaction, table: str, tuple_: Tuple, strength: int, why: str) -> Wait:
        """The right to be next at the row (heap_acquire_tuplock)."""
        mode = SHARE if strength == 1 else EXCLUSIVE
        tag = ("tuple", table, tuple_.tid)
        queue = self.locks.queues.get(tag)
        if queue is None or mine.session not in queue.holders:
            yield from self.acquire(mine.session, tag, mode, why)

    def leave_place(self, mine: Transaction, table: str, tuple_: Tuple) -> None:
        self.locks.release(mine.session, ("tuple", table, tuple_.tid))


def conflicts(one: int, other: int) -> bool:
    """Whether two row locks exclude each other: only FOR SHARE goes with FOR SHARE."""
    return one > 1 or other > 1


def deadlock(session: str, cycle: list[str]) -> Refused:
    around = ", ".join(
        f"{one} waits for {other}" for one, other in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    )
    return Refused(
        "40P01",
        "deadlock detected",
        f"{around}: a circle. {session} found it when it began to wait, so {session} fails.",
    )
