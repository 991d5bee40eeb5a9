"""SIREAD locks: what each serializable transaction has read, in as few locks as may be.

Rules (storage/lmgr/predicate.c: PredicateLockAcquire and what it calls):

- A lock is on a row version, on a page, or on a whole table or index. It blocks nobody.
- A lock that a coarser one of the same transaction covers is not taken; a coarser lock that is
  taken removes the finer ones under it.
- Over `PER_PAGE` row locks on a page become one page lock; over `PER_RELATION` row and page locks
  in a table or index become one lock on all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulations.isolation.postgresql.transactions import Snapshot

PER_PAGE = 2  # max_pred_locks_per_page
PER_RELATION = 31  # max_pred_locks_per_transaction 64, halved by max_pred_locks_per_relation -2

Target = tuple  # (relation,), (relation, page) or (relation, page, row): a prefix covers


@dataclass(eq=False, slots=True)
class Sxact:
    """What is known of one serializable transaction (SERIALIZABLEXACT)."""

    name: str
    snapshot: Snapshot
    last_commit_before: int
    xid: int | None
    read_only: bool
    declared_read_only: bool
    prepare_number: int = 0  # 0: not prepared
    commit_number: int = 0  # 0: not committed
    finished_before: int = 0
    doomed: bool = False
    rolled_back: bool = False
    wrote: bool = False
    conflict_out: bool = False  # to one that committed before this one did
    earliest_out: int = 0
    safe: bool = False
    unsafe: bool = False
    cleared: bool = False
    out_to: list[Sxact] = field(default_factory=list)
    in_from: list[Sxact] = field(default_factory=list)
    possibly_unsafe: list[Sxact] = field(default_factory=list)
    targets: dict[Target, None] = field(default_factory=dict)  # its locks, in order
    children: dict[Target, int] = field(default_factory=dict)  # finer locks under each

    @property
    def prepared(self) -> bool:
        return self.prepare_number > 0

    @property
    def committed(self) -> bool:
        return self.commit_number > 0


class Sireads:
    """All locks of all transactions."""

    def __init__(self) -> None:
        self.readers: dict[Target, list[Sxact]] = {}

    def take(self, sxact: Sxact, target: Target) -> None:
        if any(target[:size] in sxact.targets for size in range(1, len(target) + 1)):
            return
        sxact.targets[target] = None
        self.readers.setdefault(target, []).append(sxact)
        promoted = None
        for size in range(len(target) - 1, 0, -1):
            parent = target[:size]
            sxact.children[parent] = sxact.children.get(parent, 0) + 1
            if sxact.children[parent] > (PER_PAGE if size == 2 else PER_RELATION):
                promoted = parent
        if promoted is not None:
            self.take(sxact, promoted)
            return
        for finer in [t for t in sxact.targets if t[: len(target)] == target and t != target]:
            self.drop(sxact, finer)

    def drop(self, sxact: Sxact, target: Target) -> None:
        """Because a coarser lock covers it, or a write on the same row version replaces it."""
        self.forget(sxact, target)
        for size in range(len(target) - 1, 0, -1):
            sxact.children[target[:size]] -= 1

    def forget(self, sxact: Sxact, target: Target) -> None:
        del sxact.targets[target]
        self.readers[target].remove(sxact)
        if not self.readers[target]:
            del self.readers[target]
