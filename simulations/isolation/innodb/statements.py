"""SELECT, INSERT, UPDATE and DELETE: which rows, in which order, and what becomes of them.

Rules:

- READ COMMITTED makes a snapshot for each plain SELECT, REPEATABLE READ at the first one of the
  transaction. READ UNCOMMITTED reads what is there. SERIALIZABLE makes a plain SELECT inside
  BEGIN a locking one (S); outside it reads a snapshot.
- A statement whose WHERE cannot hold touches nothing: no lock, no snapshot.
- MIN and MAX of the first column of a key read one end of the index, and lock only there.
- UPDATE leaves alone, and does not count, rows that it would not change. An UPDATE of the key by
  which it searches first finds all its rows and then changes them.

Sources: MariaDB 10.11 sql/sql_update.cc, sql/sql_delete.cc, sql/opt_sum.cc,
storage/innobase/handler/ha_innodb.cc (store_lock, external_lock); Knowledge Base, "SET
TRANSACTION".
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from simulations.isolation.engine import Done, Run, Waiting
from simulations.isolation.evaluation import (
    evaluate,
    inserted,
    key_of,
    matches,
    output,
    updated,
)
from simulations.isolation.history import History
from simulations.isolation.innodb.access import Plan, index_condition, plan
from simulations.isolation.innodb.changes import Changes
from simulations.isolation.innodb.conditions import (
    conjuncts,
    named,
    restrict,
    simpler,
)
from simulations.isolation.innodb.intervals import EVERYTHING, HIGHEST, LOWEST, NULL, Interval
from simulations.isolation.innodb.locks import LockSystem
from simulations.isolation.innodb.records import Snapshot, Table, Transaction, Version
from simulations.isolation.innodb.search import Cursor, Wait
from simulations.isolation.sql import (
    Aggregate,
    Between,
    Binary,
    Column,
    Delete,
    Expression,
    Insert,
    Select,
    Update,
)

DIALECT = "innodb"
Change = Generator[Waiting, None, int]


@dataclass(slots=True)
class Statements:
    tables: dict[str, Table]
    locks: LockSystem
    wait: Wait
    changes: Changes
    history: History
    commits: Callable[[], int]  # so far

    def select(self, transaction: Transaction, select: Select) -> Run:
        table = self.tables[select.table]
        mode = {"update": "X", "share": "S"}.get(select.lock)
        if transaction.level == "serializable" and not transaction.autocommit:
            mode = mode or "S"
        chosen = plan(table, select.where, select)
        seen: dict = {}
        rows: list[Version] | None = []
        if chosen.kind != "nothing":
            self._ready(transaction, table, mode)
            rows = yield from self._extremes(transaction, table, select, mode, seen)
            if rows is None:
                rows = yield from self._found(transaction, table, select, chosen, mode, seen)
        for version in rows:
            self.history.read(transaction.name, version.id)
        self._predicate_read(transaction, table, select.where, seen, mode)
        shown = [table.row(version.values) for version in rows]
        columns, values = output(select, table.definition, shown, DIALECT)
        return Done(columns, values, why=self._read_why(transaction, mode))

    def _ready(self, transaction: Transaction, table: Table, mode: str | None) -> None:
        """The lock on the table, or the snapshot."""
        if mode is not None:
            self.locks.lock_table(transaction, table, "IX" if mode == "X" else "IS")
        elif transaction.level == "read uncommitted":
            transaction.snapshot = None
        elif transaction.snapshot is None or transaction.level == "read committed":
            transaction.snapshot = Snapshot(transaction, self.commits())

    def _found(
        self,
        transaction: Transaction,
        table: Table,
        select: Select,
        chosen: Plan,
        mode: str | None,
        seen: dict,
    ) -> Generator[Waiting, None, list[Version]]:
        cursor = Cursor(
            transaction, chosen, mode, self.locks, self.wait, whole_row=mode == "X", seen=seen
        )
        conditions = index_condition(select.where, chosen.index)
        if chosen.kind == "range" and not (
            chosen.index.clustered or chosen.covering or chosen.backwards
        ):
            names = [table.definition.names[position] for position in chosen.index.positions]
            cursor.index_condition = lambda record: all(
                evaluate(tree, dict(zip(names, record.entry, strict=True)), DIALECT) is True
                for tree in conditions
            )
        rows: list[Version] = []

        def keep(_, version: Version) -> Generator[Waiting, None, None]:
            rows.append(version)
            yield from ()

        yield from cursor.scan(self._filter(table, select.where), keep)
        return rows

    def _extremes(
        self, transaction: Transaction, table: Table, select: Select, mode: str | None, seen: dict
    ) -> Generator[Waiting, None, list[Version] | None]:
        """MIN and MAX of an indexed column look at one end of the index (opt_sum_query).

        None if there is something else to read besides.
        """
        trees = [item.expression for item in select.items]
        if not trees or not isinstance(trees[0], Aggregate):
            return None
        found: list[Version] = []
        all_found = True
        for tree in trees:
            end = self._end_of_index(table, tree, select.where)
            if end is None:
                all_found = False
                continue
            cursor = Cursor(
                transaction, end, mode, self.locks, self.wait, seen=seen, whole_row=False
            )
            cursor.interval = end.ranges[0]
            row = yield from cursor.first()
            if row is None or not matches(select.where, table.row(row[1].values), DIALECT):
                return []
            found.append(row[1])
        return found if all_found else None

    def _end_of_index(self, table: Table, tree: Aggregate, where) -> Plan | None:
        if tree.function not in ("min", "max") or not isinstance(tree.operand, Column):
            return None
        name = tree.operand.name
        if not named(where) <= {name}:
            return None
        nullable = not next(
            column.not_null for column in table.definition.columns if column.name == name
        )
        where = simpler(where, None, {})
        if not all(map(_bounds, conjuncts(where))):
            return None
        for index in table.indexes:
            if index.columns[0] != name:
                continue
            (interval,) = restrict(where, name, table, True) or (EVERYTHING,)
            if tree.function == "min" and nullable and interval.low == LOWEST:
                interval = Interval(NULL, True, HIGHEST, False)
            if tree.function == "min":
                interval = Interval(interval.low, interval.low_open, HIGHEST, False)
            else:
                interval = Interval(LOWEST, False, interval.high, interval.high_open)
            return Plan("range", index, (interval,), tree.function == "max", covering=True)
        return None

    def change(self, transaction: Transaction, statement: Insert | Update | Delete) -> Change:
        table = self.tables[statement.table]
        if isinstance(statement, Insert):
            return (yield from self._insert(transaction, table, statement))
        return (yield from self._update(transaction, table, statement))

    def _insert(self, transaction: Transaction, table: Table, statement: Insert) -> Change:
        for number in range(len(statement.rows)):
            row = inserted(statement, number, table.definition, DIALECT)
            self.locks.lock_table(transaction, table, "IX")
            values = key_of(row, table.definition.names)
            yield from self.changes.insert(transaction, table, values)
        return len(statement.rows)

    def _update(self, transaction: Transaction, table: Table, statement: Update | Delete) -> Change:
        chosen = plan(table, statement.where, None)
        if chosen.kind == "nothing":
            self._predicate_read(transaction, table, statement.where, {}, "X")
            return 0
        self.locks.lock_table(transaction, table, "IX")
        is_update = isinstance(statement, Update)
        cursor = Cursor(
            transaction, chosen, "X", self.locks, self.wait,
            semi_consistent=is_update, whole_row=True,
        )  # fmt: skip
        count = 0

        def change(record, version: Version) -> Generator[Waiting, None, None]:
            nonlocal count
            self.history.read(transaction.name, version.id)
            if not is_update:
                yield from self.changes.delete(transaction, record)
                count += 1
                return
            row = updated(statement, table.row(version.values), table.definition, DIALECT)
            values = key_of(row, table.definition.names)
            if values != version.values:
                yield from self.changes.update(transaction, record, values)
                count += 1

        filtered = self._filter(table, statement.where, changing=True)
        if is_update and self._moves_rows(table, chosen, statement):
            later = []

            def keep(record, version: Version) -> Generator[Waiting, None, None]:
                later.append(record)
                yield from ()

            yield from cursor.scan(filtered, keep)
            for record in later:
                if not record.deleted:
                    yield from change(record, record.version)
        else:
            yield from cursor.scan(filtered, change)
        self._predicate_read(transaction, table, statement.where, cursor.seen, "X")
        return count

    def _moves_rows(self, table: Table, chosen: Plan, statement: Update) -> bool:
        """Whether the UPDATE changes the key by which it searches."""
        if chosen.kind == "range" and len(chosen.ranges) == 1 and chosen.unique(chosen.ranges[0]):
            return False
        keys = {*chosen.index.columns, *table.clustered.columns}
        return any(name in keys for name, _ in statement.assignments)

    def _filter(self, table: Table, where, changing: bool = False):
        return lambda version: matches(where, table.row(version.values), DIALECT, changing)

    def _predicate_read(
        self, transaction: Transaction, table: Table, where, seen: dict, mode: str | None
    ) -> None:
        """Tell the history; rows that the search did not come by count as they would be seen."""
        known = {}
        for record in table.clustered.records:
            key = table.primary_key(record.version.values)
            if key in seen:
                version = seen[key]
            else:
                version = self._visible(transaction, record.version, mode)
            known[key] = None if version is None else version.id
        self.history.predicate_read(transaction.name, table.name, where, known)

    def _visible(self, transaction: Transaction, version: Version | None, mode: str | None):
        while version is not None and version.writer is not transaction:
            if mode is None and transaction.snapshot is not None:
                if transaction.snapshot.sees(version.writer):
                    break
            elif not version.writer.active or (mode is None):
                break
            version = version.previous
        return version

    def _read_why(self, transaction: Transaction, mode: str | None) -> str:
        if mode is not None:
            return f"{transaction.session} reads the newest rows and locks them ({mode})."
        if transaction.snapshot is None:
            return f"{transaction.session} reads the newest rows, committed or not."
        if transaction.autocommit or transaction.level == "read committed":
            return f"{transaction.session} reads what was committed when this statement began."
        return f"{transaction.session} reads its snapshot, taken at its first plain read."


def _bounds(tree: Expression) -> bool:
    """Whether a conjunct only bounds a column, as MIN and MAX can use it."""
    match tree:
        case Binary(op, Column(), other) | Binary(op, other, Column()):
            return op in ("=", "<", "<=", ">", ">=") and not named(other)
        case Between(Column(), low, high, False):
            return not named(low) and not named(high)
    return False
