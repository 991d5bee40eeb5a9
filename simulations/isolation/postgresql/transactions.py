"""Transactions: their numbers, their snapshots, and the subtransactions that savepoints make.

Rules, with the files of PostgreSQL 15 that hold them:

- A transaction gets a number (xid) at its first write or row lock, not at BEGIN; so does each
  savepoint, and its number is larger than its parent's (access/transam/xact.c).
- A snapshot is the numbers that were running when it was taken, and the first number that was not
  yet done (`xmax`): what began later, or runs, is invisible (storage/ipc/procarray.c,
  manual 13.2). Read committed takes one a statement, the other levels one a transaction, at the
  first statement that needs one, which BEGIN does not.
- ROLLBACK TO aborts the numbers of the savepoint and of all that were nested in it; RELEASE hands
  them to the parent. Whoever waits for such a number is woken by the first, and waits on for the
  whole transaction after the second (storage/lmgr/lmgr.c, XactLockTableWait).
- Commands of one transaction are counted (`command`), so that an UPDATE does not see, and change
  again, the rows it has just written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulations.isolation.evaluation import SqlError

RUNNING, COMMITTED, ABORTED = "running", "committed", "aborted"


class Refused(SqlError):
    """An error of the server, with a sentence on why it came to that."""

    def __init__(self, sqlstate: str, message: str, why: str) -> None:
        super().__init__(sqlstate, sqlstate, message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Snapshot:
    xmin: int  # every number below it is done
    xmax: int  # the first number that was not yet done
    running: frozenset[int]  # of savepoints, too

    def hides(self, xid: int) -> bool:
        """Whether that transaction was not done when the snapshot was taken."""
        return xid >= self.xmax or xid in self.running


@dataclass(slots=True)
class Sub:
    """A savepoint, or (name None) the transaction itself."""

    name: str | None
    read_only: bool = False  # whether the transaction was READ ONLY when this began
    xid: int | None = None
    released: list[int] = field(default_factory=list)  # numbers of savepoints released into it


@dataclass(slots=True)
class Transaction:
    session: str
    name: str  # in the history: T1, then T1.2
    level: str
    block: bool  # inside BEGIN ... COMMIT, else one statement
    read_only: bool = False
    subs: list[Sub] = field(default_factory=lambda: [Sub(None)])
    snapshot: Snapshot | None = None  # the latest one
    command: int = 0
    failed: bool = False

    @property
    def xid(self) -> int | None:
        return self.subs[0].xid

    @property
    def one_snapshot(self) -> bool:
        return self.level in ("repeatable read", "serializable")

    @property
    def xids(self) -> list[int]:
        own = [sub.xid for sub in self.subs if sub.xid is not None]
        return own + [xid for sub in self.subs for xid in sub.released]

    def owns(self, xid: int) -> bool:
        return any(xid == sub.xid or xid in sub.released for sub in self.subs)


class Numbers:
    """The numbers given out so far, and what became of them."""

    def __init__(self) -> None:
        self.next = 1
        self.status: dict[int, str] = {}
        self.parent: dict[int, int] = {}
        self.latest_done = 0

    def running(self, xid: int) -> bool:
        return self.status[xid] == RUNNING

    def committed(self, xid: int) -> bool:
        return self.status[xid] == COMMITTED

    def top(self, xid: int) -> int:
        while xid in self.parent:
            xid = self.parent[xid]
        return xid

    def assign(self, transaction: Transaction) -> list[int]:
        """The numbers that the transaction needs now and did not have, parents first."""
        given = []
        for depth, sub in enumerate(transaction.subs):
            if sub.xid is None:
                sub.xid = self.next
                self.next += 1
                self.status[sub.xid] = RUNNING
                if depth:
                    self.parent[sub.xid] = transaction.subs[depth - 1].xid
                given.append(sub.xid)
        return given

    def finish(self, xids: list[int], status: str) -> None:
        for xid in xids:
            self.status[xid] = status
            self.latest_done = max(self.latest_done, xid)

    def snapshot(self) -> Snapshot:
        running = frozenset(xid for xid, status in self.status.items() if status == RUNNING)
        xmax = self.latest_done + 1
        return Snapshot(min(running, default=xmax) if running else xmax, xmax, running)
