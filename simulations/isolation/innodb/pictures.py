"""What the figure shows of the engine: version chains, locks, waits and snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulations.isolation import engine as shown
from simulations.isolation.innodb.locks import GAP, INSERT_INTENTION, REC_NOT_GAP, Lock
from simulations.isolation.innodb.records import Record, Transaction, implicit_holder

if TYPE_CHECKING:
    from simulations.isolation.innodb import InnoDB


def picture(engine: InnoDB) -> shown.View:
    open_ones = [s.transaction for s in engine.sessions.values() if s.transaction is not None]
    return shown.View(
        tuple(_chains(engine, open_ones)),
        tuple(_locks(engine, open_ones)),
        tuple(sorted(_waits(engine, open_ones))),
        tuple(_snapshots(open_ones)),
    )


def _chains(engine: InnoDB, open_ones: list[Transaction]):
    for name in sorted(engine.tables):
        table = engine.tables[name]
        for record in table.clustered.records:
            chain = []
            version, newer = record.version, None
            while version is not None:
                chain.append(
                    shown.Version(
                        version.id,
                        None if version.deleted else version.values,
                        version.writer.name,
                        newer.writer.name if newer is not None and newer.deleted else None,
                        "uncommitted" if version.writer.active else "committed",
                        tuple(t.name for t in open_ones if _sees(t, record) is version),
                    )
                )
                version, newer = version.previous, version
            key = table.primary_key(record.version.values)
            yield shown.Chain(name, key, tuple(reversed(chain)))


def _sees(transaction: Transaction, record: Record):
    """The version that the transaction's next plain read would find."""
    version = record.version
    if transaction.level == "read uncommitted":
        return version
    kept = transaction.snapshot if transaction.level == "repeatable read" else None
    while version is not None and version.writer is not transaction:
        if kept.sees(version.writer) if kept is not None else not version.writer.active:
            break
        version = version.previous
    return version


def _locks(engine: InnoDB, open_ones: list[Transaction]):
    held = set()
    for transaction in open_ones:
        for lock in transaction.locks:
            for record in sorted(lock.records, key=_place):
                if lock.mode == "X" and not lock.flags & GAP:
                    held.add((transaction, record))
                yield from _shown(lock, record)
    for table in engine.tables.values():
        for index in table.indexes:
            for record in index.records:
                holder = implicit_holder(record)
                if holder is not None and (holder, record) not in held:
                    yield shown.Lock(holder.session, _row(record), "X,IMPLICIT")


def _place(record: Record):
    return record.index.table.name, record.index.name, record.key or ((2,),)


def _shown(lock: Lock, record: Record):
    """A next-key lock is shown as two: on the record and on the gap before it."""
    session, granted = lock.transaction.session, not lock.waiting
    if record.key is not None and not lock.flags & (GAP | INSERT_INTENTION):
        mode = f"{lock.mode},REC_NOT_GAP" if lock.flags & REC_NOT_GAP else lock.mode
        yield shown.Lock(session, _row(record), mode, granted)
    if not lock.flags & REC_NOT_GAP:
        intention = ",INSERT_INTENTION" if lock.flags & INSERT_INTENTION else ""
        yield shown.Lock(session, _gap(record), f"{lock.mode},GAP{intention}", granted)


def _row(record: Record) -> str:
    index = record.index
    where = index.table.name if index.clustered else f"{index.table.name} {index.name}"
    return f"row {where} {_key(record)}"


def _gap(record: Record) -> str:
    index = record.index
    where = index.table.name if index.clustered else f"{index.table.name} {index.name}"
    before = index.previous(record)
    low = "−∞" if before is None else _key(before)
    high = "∞" if record.key is None else _key(record)
    return f"gap {where} ({low}, {high})"


def _key(record: Record) -> str:
    return ", ".join("NULL" if v is None else str(v) for v in record.entry[: record.index.width])


def _waits(engine: InnoDB, open_ones: list[Transaction]):
    for transaction in open_ones:
        if transaction.wait_lock is not None:
            for other in engine.locks.blockers(transaction.wait_lock):
                yield transaction.session, other.session


def _snapshots(open_ones: list[Transaction]):
    for transaction in open_ones:
        if transaction.snapshot is not None and transaction.level != "read committed":
            yield transaction.name, f"what was committed by commit {transaction.snapshot.commits}"
