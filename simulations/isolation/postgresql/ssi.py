"""Serializable snapshot isolation: read locks that block nobody, and dangerous structures.

The theory: Cahill, Röhm, Fekete, "Serializable Isolation for Snapshot Databases" (SIGMOD 2008);
Ports, Grittner, "Serializable Snapshot Isolation in PostgreSQL" (VLDB 2012). The rules below are
those of storage/lmgr/predicate.c of PostgreSQL 15, in its own order:

- A read leaves SIREAD locks on what it looked at (sireads.py). Reading one's own writes leaves
  none.
- An rw-conflict reader -> writer is noted when a read meets a version that a concurrent
  transaction wrote, or when a write meets another's SIREAD lock. The locks of a committed
  transaction stay until nobody that overlapped it is left.
- Tin -> Tpivot -> Tout, two such conflicts in a row, is dangerous if Tout commits first; and if
  Tin only reads, only if Tout committed before Tin took its snapshot. Then someone must fail:
  whoever writes fails itself if it is the pivot; a pivot that has not committed is doomed, and
  fails at its next read, write or commit; if the pivot has committed, the reader fails.
- A transaction that is READ ONLY, and that overlaps no writer which could make its snapshot
  unsafe, takes no locks at all; it may also find out so later, and then drops them.
"""

from __future__ import annotations

from collections.abc import Callable

from simulations.isolation.postgresql.sireads import Sireads, Sxact, Target
from simulations.isolation.postgresql.transactions import Refused, Snapshot

MESSAGE = "could not serialize access due to read/write dependencies among transactions"


class Ssi:
    def __init__(self, next_xid: Callable[[], int]) -> None:
        self.next_xid = next_xid
        self.active: list[Sxact] = []
        self.finished: list[Sxact] = []
        self.by_xid: dict[int, Sxact] = {}
        self.sireads = Sireads()
        self.last_commit = 1
        self.writers = 0
        self.global_xmin: int | None = None
        self.global_xmin_count = 0
        self.can_clear_through = 0
        self.have_cleared_through = 0

    # beginning

    def begin(
        self, name: str, snapshot: Snapshot, xid: int | None, read_only: bool
    ) -> Sxact | None:
        """None: a read-only transaction that needs no watching."""
        if read_only and self.writers == 0:
            return None
        sxact = Sxact(name, snapshot, self.last_commit, xid, read_only, read_only)
        if read_only:
            for other in self.active:
                if not other.committed and not other.doomed and not other.read_only:
                    sxact.possibly_unsafe.append(other)
                    other.possibly_unsafe.append(sxact)
            if not sxact.possibly_unsafe:
                return None
        else:
            self.writers += 1
        self.active.append(sxact)
        if xid is not None:
            self.by_xid[xid] = sxact
        if self.global_xmin is None:
            self.global_xmin, self.global_xmin_count = snapshot.xmin, 1
        elif snapshot.xmin == self.global_xmin:
            self.global_xmin_count += 1
        return sxact

    def number(self, sxact: Sxact, xid: int) -> None:
        """Its transaction got its number."""
        sxact.xid = xid
        self.by_xid[xid] = sxact

    # reading

    def watches(self, sxact: Sxact | None) -> bool:
        """Whether its reads need locks and checks; a safe one is let go here."""
        if sxact is None or sxact.rolled_back:
            return False
        if sxact.safe:
            self.release(sxact, commit=False)
            return False
        return True

    def read_past(self, sxact: Sxact, xid: int) -> None:
        """A read met a version that transaction `xid` wrote (CheckForSerializableConflictOut)."""
        self.fail_if_doomed(sxact, "when it read on")
        writer = self.by_xid.get(xid)
        if writer is None or writer is sxact or writer.doomed:
            return
        if (
            sxact.read_only
            and writer.committed
            and (not writer.conflict_out or sxact.last_commit_before < writer.earliest_out)
        ):
            return
        snapshot = sxact.snapshot
        if not snapshot.hides(xid) or writer in sxact.out_to:
            return
        self.flag(sxact, writer, me=sxact)

    # writing

    def write(self, sxact: Sxact | None, targets: list[Target], nested: bool) -> None:
        """Look for others' locks on these, finest first (CheckForSerializableConflictIn).
        `nested`: inside a savepoint."""
        if sxact is None or sxact.rolled_back:
            return
        self.fail_if_doomed(sxact, "when it wrote")
        sxact.wrote = True
        for target in targets:
            mine = False
            for reader in list(self.sireads.readers.get(target, ())):
                if reader is sxact:
                    mine = not nested and len(target) == 3
                elif (
                    not reader.doomed
                    and (not reader.committed or sxact.snapshot.xmin < reader.finished_before)
                    and sxact not in reader.out_to
                ):
                    self.flag(reader, sxact, me=sxact)
            if mine:
                self.sireads.drop(sxact, target)

    def flag(self, reader: Sxact, writer: Sxact, me: Sxact) -> None:
        self.check(reader, writer, me)
        reader.out_to.append(writer)
        writer.in_from.append(reader)

    def check(self, reader: Sxact, writer: Sxact, me: Sxact) -> None:
        """Does reader -> writer complete a dangerous structure?
        (OnConflict_CheckForSerializationFailure)"""
        out = self.committed_out(reader, writer)
        pivot, structure = writer, (reader.name, writer.name, out)
        if out is None and writer.prepared and not reader.read_only:
            for first in reader.in_from:
                if (
                    not first.doomed
                    and (not first.committed or first.commit_number >= writer.prepare_number)
                    and (not first.read_only or first.last_commit_before >= writer.prepare_number)
                ):
                    pivot, structure = reader, (first.name, reader.name, writer.name)
                    out = writer.name
                    break
        if out is None:
            return
        if me is writer:
            raise self.failure(me, structure, "and it is the one that writes")
        if writer.prepared:
            raise self.failure(me, structure, "and the others have committed")
        writer.doomed = True
        assert pivot is writer

    def committed_out(self, reader: Sxact, writer: Sxact) -> str | None:
        """The name of Tout, if the writer is a pivot whose Tout has committed first."""
        if writer.committed and writer.conflict_out:
            return "a transaction that committed before"
        for out in writer.out_to:
            if (
                out.prepared
                and (not reader.committed or out.prepare_number <= reader.commit_number)
                and (not writer.committed or out.prepare_number <= writer.commit_number)
                and (not reader.read_only or out.prepare_number <= reader.last_commit_before)
            ):
                return out.name
        return None

    # ending

    def prepare(self, sxact: Sxact | None) -> None:
        """The last check before a commit (PreCommit_CheckForSerializationFailure)."""
        if sxact is None or sxact.rolled_back:
            return
        self.fail_if_doomed(sxact, "when it committed")
        for near in sxact.in_from:
            if near.committed or near.doomed:
                continue
            for far in near.in_from:
                if far is sxact or not (far.committed or far.read_only or far.doomed):
                    near.doomed = True
                    break
        self.last_commit += 1
        sxact.prepare_number = self.last_commit

    def release(self, sxact: Sxact | None, commit: bool) -> None:
        """The end of a transaction, or of the watch over a safe one (ReleasePredicateLocks)."""
        if sxact is None or sxact.rolled_back:
            return
        sxact.finished_before = self.next_xid()
        if commit:
            self.last_commit += 1
            sxact.commit_number = self.last_commit
            if not sxact.wrote:
                sxact.read_only = True
        else:
            sxact.doomed = sxact.rolled_back = True
            sxact.prepare_number = 0
        if not sxact.declared_read_only:
            self.writers -= 1
            if self.writers == 0:
                self.can_clear_through = self.last_commit
        else:
            self.drop_possibly_unsafe(sxact)
        for out in list(sxact.out_to):
            if commit and not sxact.read_only and out.committed:
                if not sxact.conflict_out or out.prepare_number < sxact.earliest_out:
                    sxact.earliest_out = out.prepare_number
                sxact.conflict_out = True
            if not commit or out.committed or out.last_commit_before >= self.last_commit:
                self.drop_conflict(sxact, out)
        for reader in list(sxact.in_from):
            if not commit or reader.committed or reader.read_only:
                self.drop_conflict(reader, sxact)
        if not sxact.declared_read_only:
            self.tell_read_only(sxact, commit)
        self.clean_up(sxact, commit)

    def tell_read_only(self, sxact: Sxact, commit: bool) -> None:
        """Whether the snapshots of the read-only ones that overlap it are safe now."""
        for reader in list(sxact.possibly_unsafe):
            if (
                commit
                and sxact.wrote
                and sxact.conflict_out
                and sxact.earliest_out <= reader.last_commit_before
            ):
                reader.unsafe = True
                self.drop_possibly_unsafe(reader)
            else:
                sxact.possibly_unsafe.remove(reader)
                reader.possibly_unsafe.remove(sxact)
                if not reader.possibly_unsafe:
                    reader.safe = True

    def clean_up(self, sxact: Sxact, commit: bool) -> None:
        clear = False
        if sxact.snapshot.xmin == self.global_xmin:
            self.global_xmin_count -= 1
            if self.global_xmin_count == 0:
                xmins = [
                    other.snapshot.xmin
                    for other in self.active
                    if not other.rolled_back and not other.committed
                ]
                self.global_xmin = min(xmins, default=None)
                self.global_xmin_count = xmins.count(self.global_xmin)
                clear = True
        if commit:
            self.finished.append(sxact)
        else:
            self.drop(sxact)
        if clear:
            self.clear_old()

    def clear_old(self) -> None:
        for old in list(self.finished):
            if self.global_xmin is None or old.finished_before <= self.global_xmin:
                self.finished.remove(old)
                self.drop(old)
            elif self.have_cleared_through < old.commit_number <= self.can_clear_through:
                if old.read_only:
                    self.finished.remove(old)
                    self.drop(old)
                else:
                    self.drop(old, partly=True)
                self.have_cleared_through = old.commit_number
            else:
                break

    def drop(self, sxact: Sxact, partly: bool = False) -> None:
        for target in list(sxact.targets):
            self.sireads.forget(sxact, target)
        for reader in list(sxact.in_from):
            self.drop_conflict(reader, sxact)
        if partly:
            return
        for writer in list(sxact.out_to):
            self.drop_conflict(sxact, writer)
        if sxact.xid is not None:
            self.by_xid.pop(sxact.xid, None)
        self.active.remove(sxact)

    def drop_conflict(self, reader: Sxact, writer: Sxact) -> None:
        reader.out_to.remove(writer)
        writer.in_from.remove(reader)

    def drop_possibly_unsafe(self, reader: Sxact) -> None:
        for writer in reader.possibly_unsafe:
            writer.possibly_unsafe.remove(reader)
        reader.possibly_unsafe.clear()

    # failing

    def fail_if_doomed(self, sxact: Sxact, when: str) -> None:
        if sxact.doomed:
            raise Refused(
                "40001",
                MESSAGE,
                f"{sxact.name} had become the middle of a dangerous structure of read/write"
                f" dependencies, so it fails {when}.",
            )

    def failure(self, me: Sxact, structure: tuple[str, str, str], reason: str) -> Refused:
        first, pivot, out = structure
        return Refused(
            "40001",
            MESSAGE,
            f"{first} read what {pivot} overwrites, and {pivot} read what {out} has overwritten:"
            f" no serial order may exist, {reason}, so {me.name} fails.",
        )
