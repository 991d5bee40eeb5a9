"""What a picture shows of the engine: version chains, locks, waits and snapshots."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.isolation.engine import Chain, Lock, Version, View
from simulations.isolation.postgresql.executor import Executor
from simulations.isolation.postgresql.heap import (
    FOR_SHARE,
    FOR_UPDATE,
    NO_KEY_UPDATE,
    Mark,
    Table,
    Tuple,
)
from simulations.isolation.postgresql.transactions import Transaction

MODES = {FOR_SHARE: "FOR SHARE", NO_KEY_UPDATE: "FOR NO KEY UPDATE", FOR_UPDATE: "FOR UPDATE"}


def view_of(executor: Executor, open_: Mapping[str, Transaction]) -> View:
    return View(chains(executor, open_), locks(executor), waits(executor), snapshots(open_))


def chains(executor: Executor, open_: Mapping[str, Transaction]) -> tuple[Chain, ...]:
    now = executor.numbers.snapshot()
    readers = []
    for mine in open_.values():
        if mine.block and not mine.failed:
            snapshot = mine.snapshot if mine.one_snapshot and mine.snapshot else now
            reader = Transaction(
                mine.session, mine.name, mine.level, True, subs=mine.subs, snapshot=snapshot,
                command=mine.command,
            )  # fmt: skip
            readers.append(reader)
    names = {write.version: write.txn for write in executor.history.writes.values()}
    found = []
    for table in executor.tables.values():
        rows: dict[tuple, list[Version]] = {}
        for tuple_ in table.tuples:
            shown = version(executor, tuple_, readers, names)
            rows.setdefault(table.primary(tuple_.row), []).append(shown)
        found.extend(Chain(table.name, key, tuple(rows[key])) for key in sorted(rows))
    return tuple(found)


def version(
    executor: Executor, tuple_: Tuple, readers: list[Transaction], names: Mapping
) -> Version:
    numbers = executor.numbers
    xmax = tuple_.replaced_by
    deleted_by = None
    if xmax is not None and numbers.status[xmax] != "aborted":
        deleted_by = executor.owners.get(numbers.top(xmax))
    status = numbers.status[tuple_.xmin]
    return Version(
        tuple_.version,
        tuple(tuple_.row.values()),
        names[tuple_.version],
        deleted_by,
        "uncommitted" if status == "running" else status,
        tuple(mine.name for mine in readers if executor.visibility.seen(tuple_, mine)),
    )


def locks(executor: Executor) -> tuple[Lock, ...]:
    found = [
        Lock(executor.owners[executor.numbers.top(mark.xid)].partition(".")[0],
             row(table, tuple_), mode(tuple_, mark))
        for table in executor.tables.values()
        for tuple_ in table.tuples
        for mark in tuple_.marks
        if executor.numbers.running(mark.xid)
    ]  # fmt: skip
    for tag, queue in executor.waits.locks.queues.items():
        if tag[0] == "tuple":
            table = executor.tables[tag[1]]
            place = row(table, table.tuples[tag[2]])
            found += [Lock(session, place, "next in line") for session in queue.holders]
            found += [Lock(session, place, "next in line", False) for session, _ in queue.waiters]
        else:
            owner = executor.owners[executor.numbers.top(tag[1])]
            found += [
                Lock(session, f"the end of {owner}", "wait", False) for session, _ in queue.waiters
            ]
    for sxact in executor.ssi.active:
        for target in sxact.targets:
            found.append(Lock(sxact.name, place_of(executor, target), "SIREAD"))
    return tuple(dict.fromkeys(found))


def row(table: Table, tuple_: Tuple) -> str:
    return f"row {table.name} {', '.join(str(value) for value in table.primary(tuple_.row))}"


def mode(tuple_: Tuple, mark: Mark) -> str:
    if mark.replaces:
        return "DELETE" if tuple_.next is None else "UPDATE"
    return MODES[mark.strength]


def place_of(executor: Executor, target: tuple) -> str:
    table = executor.tables.get(target[0])
    if table is None:
        return f"index {target[0]}" + (f" page {target[1]}" if len(target) > 1 else "")
    if len(target) == 1:
        return f"table {table.name}"
    if len(target) == 2:
        return f"page {target[1]} of {table.name}"
    return row(table, table.tuples[target[2]])


def waits(executor: Executor) -> tuple[tuple[str, str], ...]:
    lock_manager = executor.waits.locks
    return tuple(
        sorted(
            (session, other)
            for session in lock_manager.waiting
            for other in lock_manager.blockers(session)
        )
    )


def snapshots(open_: Mapping[str, Transaction]) -> tuple[tuple[str, str], ...]:
    found = []
    for mine in open_.values():
        if not mine.block or mine.failed:
            continue
        if not mine.one_snapshot:
            found.append((mine.name, "a new snapshot for each statement"))
        elif mine.snapshot is None:
            found.append((mine.name, "no snapshot before its first statement"))
        else:
            found.append((mine.name, "one snapshot, taken at its first statement"))
    return tuple(found)
