"""The lock manager: who holds what, who queues for it, and deadlocks.

Rules (storage/lmgr/lock.c, proc.c, deadlock.c; manual 13.3):

- Two kinds of lock matter here. A transaction's own number is locked by it until it ends, and
  whoever needs it to end asks for that lock (`xid`). The right to be next at a row (`tuple`) is
  held only while waiting: it is what keeps the waiters for one row in a queue.
- A request waits if it conflicts with a lock held by another session, or with a request that
  queues already. When a lock is released, the queue is walked from its head and each request is
  granted that conflicts neither with what is held nor with one ahead of it that still waits.
- Whoever begins to wait looks for a cycle through itself after deadlock_timeout. If every cycle
  can be broken by letting a waiter overtake another in a queue, that is done; if not, this
  session, the one that closed the cycle, fails with 40P01.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SHARE, EXCLUSIVE = "share", "exclusive"
Tag = tuple  # ("xid", number) or ("tuple", table, tid)


def conflict(one: str, other: str) -> bool:
    return one == EXCLUSIVE or other == EXCLUSIVE


@dataclass(slots=True)
class Queue:
    holders: dict[str, str] = field(default_factory=dict)  # session -> mode
    waiters: list[tuple[str, str]] = field(default_factory=list)  # (session, mode), head first


class Locks:
    def __init__(self, woken: deque[str]) -> None:
        self.woken = woken
        self.queues: dict[Tag, Queue] = {}
        self.waiting: dict[str, Tag] = {}  # session -> what it waits for

    def take(self, session: str, tag: Tag, mode: str) -> bool:
        """Take the lock, or queue for it."""
        queue = self.queues.setdefault(tag, Queue())
        ahead = [m for s, m in (*queue.holders.items(), *queue.waiters) if s != session]
        if any(conflict(mode, other) for other in ahead):
            queue.waiters.append((session, mode))
            self.waiting[session] = tag
            return False
        queue.holders[session] = mode
        return True

    def release(self, session: str, tag: Tag) -> None:
        queue = self.queues.get(tag)
        if queue is not None and queue.holders.pop(session, None) is not None:
            self.grant(tag)

    def release_all(self, session: str) -> None:
        for tag in [tag for tag, queue in self.queues.items() if session in queue.holders]:
            self.release(session, tag)

    def leave(self, session: str) -> None:
        """Stop waiting, without the lock."""
        tag = self.waiting.pop(session)
        queue = self.queues[tag]
        queue.waiters = [waiter for waiter in queue.waiters if waiter[0] != session]
        self.grant(tag)

    def grant(self, tag: Tag) -> None:
        queue = self.queues[tag]
        still: list[tuple[str, str]] = []
        for session, mode in queue.waiters:
            others = [m for s, m in (*queue.holders.items(), *still) if s != session]
            if any(conflict(mode, other) for other in others):
                still.append((session, mode))
                continue
            queue.holders[session] = mode
            del self.waiting[session]
            self.woken.append(session)
        queue.waiters = still
        if not queue.holders and not still:
            del self.queues[tag]

    def blockers(self, session: str) -> tuple[str, ...]:
        """As pg_blocking_pids() tells it: holders, and those ahead in the queue."""
        hard, soft = self.edges(session)
        return tuple(sorted({*hard, *soft}))

    def edges(self, session: str) -> tuple[list[str], list[str]]:
        tag = self.waiting.get(session)
        if tag is None:
            return [], []
        queue = self.queues[tag]
        place = next(i for i, waiter in enumerate(queue.waiters) if waiter[0] == session)
        mode = queue.waiters[place][1]
        hard = [s for s, m in queue.holders.items() if s != session and conflict(mode, m)]
        soft = [s for s, m in queue.waiters[:place] if s not in hard and conflict(mode, m)]
        return hard, soft

    def deadlocked(self, session: str) -> list[str]:
        """The sessions of a cycle through this one, or none once queues have been rearranged."""
        while (cycle := self.cycle(session)) is not None:
            sessions, overtaken = cycle
            if overtaken is None:
                return sessions
            late, early = overtaken
            before = self.queues[self.waiting[late]].waiters
            self.overtake(late, early)
            again = self.cycle(session)
            if again is not None and again[1] is None:
                self.queues[self.waiting[late]].waiters = before
                return again[0]
            self.grant(self.waiting[late])
        return []

    def overtake(self, late: str, early: str) -> None:
        queue = self.queues[self.waiting[late]]
        waiter = next(w for w in queue.waiters if w[0] == late)
        rest = [w for w in queue.waiters if w[0] != late]
        place = next(i for i, w in enumerate(rest) if w[0] == early)
        queue.waiters = [*rest[:place], waiter, *rest[place:]]

    def cycle(self, start: str) -> tuple[list[str], tuple[str, str] | None] | None:
        """A cycle through `start`, and the (late, early) pair of its first queue edge if any."""

        def search(session: str, path: list[str], soft: tuple[str, str] | None):
            hard, queued = self.edges(session)
            for other in (*hard, *queued):
                edge = soft or ((session, other) if other in queued else None)
                if other == start:
                    return [*path, session], edge
                if other not in visited:
                    visited.add(other)
                    found = search(other, [*path, session], edge)
                    if found is not None:
                        return found
            return None

        visited = {start}
        return search(start, [], None)
