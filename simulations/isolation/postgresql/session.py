"""The engine: sessions, transaction blocks and savepoints, and what a statement may do in them.

Rules (access/transam/xact.c, tcop/utility.c, commands/variable.c; manual: BEGIN, SET TRANSACTION,
SAVEPOINT, and 13.2):

- Read uncommitted is read committed. The level may be set until the first statement that takes a
  snapshot; READ ONLY at any time, and inside a savepoint until that ends.
- After an error a transaction block does nothing more (25P02) until ROLLBACK, COMMIT (which rolls
  back) or ROLLBACK TO. The error itself ends the transaction, or the innermost savepoint, at once:
  its locks are gone before ROLLBACK is sent.
- COMMIT, ROLLBACK and SET TRANSACTION outside a block, and BEGIN inside one, only warn.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping

from simulations.isolation.engine import SETUP, Done, Failed, Run, View, Waiting
from simulations.isolation.evaluation import SqlError
from simulations.isolation.history import History
from simulations.isolation.postgresql.clauses import check_constants
from simulations.isolation.postgresql.executor import Executor
from simulations.isolation.postgresql.heap import Table
from simulations.isolation.postgresql.transactions import (
    ABORTED,
    COMMITTED,
    Refused,
    Sub,
    Transaction,
)
from simulations.isolation.postgresql.view import view_of
from simulations.isolation.sql import (
    Begin,
    Commit,
    CreateTable,
    Delete,
    Insert,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    Select,
    SetTransaction,
    Statement,
    Update,
    Value,
)

Steps = Generator[Waiting, None, Done]
WORDS = {Insert: "INSERT", Update: "UPDATE", Delete: "DELETE"}


class PostgreSQL:
    dialect = "postgresql"

    def __init__(self, level: str, *, lock_wait_timeout: int) -> None:
        self.level = level  # PostgreSQL waits without a limit, unless lock_timeout is set
        self.woken: deque[str] = deque()
        self.history = History(self.dialect)
        self.executor = Executor(self.history, self.woken)
        self.open: dict[str, Transaction] = {}
        self.begun: Counter[str] = Counter()
        self.ended: dict[str, str] = {}  # session -> how its last transaction ended

    # the protocol of engine.py

    def set_up(self, statement: Statement) -> None:
        if isinstance(statement, CreateTable):
            self.executor.tables[statement.name] = Table(statement)
            return
        mine = Transaction(SETUP, SETUP, "read committed", False)
        self.history.begin(SETUP)
        for _ in self.rows_of(mine, statement):
            raise AssertionError("setup runs alone, so it never waits")
        self.commit(mine)
        self.ended.clear()

    def execute(self, session: str, statement: Statement) -> Run:
        try:
            done = yield from self.dispatch(session, statement)
        except SqlError as error:
            self.fail(session)
            why = getattr(error, "why", f"PostgreSQL refuses it: {error.message}.")
            done = Failed(error.code, error.sqlstate, error.message, why)
        self.executor.waits.check_deadlocks()
        return done

    def expire(self, session: str) -> None:
        raise NotImplementedError("PostgreSQL waits without a limit")

    def end(self) -> None:
        pass

    def view(self) -> View:
        return view_of(self.executor, self.open)

    def rows(self) -> dict[str, list[tuple[Value, ...]]]:
        numbers = self.executor.numbers
        found = {}
        for name, table in self.executor.tables.items():
            kept = {}
            for tuple_ in table.tuples:
                xmax = tuple_.replaced_by
                gone = xmax is not None and numbers.committed(xmax)
                if numbers.committed(tuple_.xmin) and not gone:
                    kept[table.primary(tuple_.row)] = tuple(tuple_.row.values())
            found[name] = [kept[key] for key in sorted(kept)]
        return found

    def status(self) -> Mapping[str, str]:
        now = {session: self.ended.get(session, "idle") for session in self.begun}
        for session, mine in self.open.items():
            now[session] = "failed" if mine.failed else "open"
        return now

    # statements

    def dispatch(self, session: str, statement: Statement) -> Steps:
        mine = self.open.get(session)
        if (
            mine is not None
            and mine.failed
            and not isinstance(statement, Commit | Rollback | RollbackTo)
        ):
            raise Refused(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
                f"An earlier statement of {session}'s transaction failed; only ROLLBACK, COMMIT"
                " or ROLLBACK TO helps now.",
            )
        if isinstance(statement, Insert | Update | Delete | Select):
            return (yield from self.data(session, mine, statement))
        return self.control(session, mine, statement)

    def data(self, session: str, mine: Transaction | None, statement: Statement) -> Steps:
        if mine is None:
            mine = self.begin(session, block=False)
        done = yield from self.rows_of(mine, statement)
        if not mine.block:
            self.commit(mine)
        return done

    def rows_of(self, mine: Transaction, statement: Statement) -> Steps:
        executor = self.executor
        self.take_snapshot(mine)
        check_constants(statement, executor.tables[statement.table].definition)
        writes = isinstance(statement, Insert | Update | Delete)
        if mine.read_only and (writes or statement.lock is not None):
            raise read_only(statement)
        run: Callable[[Transaction, Statement], Steps] = {
            Insert: executor.insert,
            Update: executor.modify,
            Delete: executor.modify,
            Select: executor.select,
        }[type(statement)]
        done = yield from run(mine, statement)
        mine.command += 1
        return done

    def take_snapshot(self, mine: Transaction) -> None:
        if mine.one_snapshot and mine.snapshot is not None:
            return
        mine.snapshot = self.executor.numbers.snapshot()
        if mine.level == "serializable":
            self.executor.sxacts[mine.session] = self.executor.ssi.begin(
                mine.name, mine.snapshot, mine.xid, mine.read_only
            )

    def control(self, session: str, mine: Transaction | None, statement: Statement) -> Done:
        match statement:
            case Begin(level, read_only_):
                if mine is None:
                    mine = self.begin(session, block=True)
                    why = f"{session} opens a transaction."
                else:
                    why = f"{session} is in a transaction already; PostgreSQL only warns."
                self.set_transaction(mine, level, read_only_ or None)
                return Done(why=why)
            case SetTransaction(level, read_only_):
                if mine is None:
                    return Done(why="Outside a transaction this sets nothing; PostgreSQL warns.")
                self.set_transaction(mine, level, read_only_)
                return Done(why=f"{session}'s transaction is set as told.")
            case Commit():
                return self.commit_block(session, mine)
            case Rollback():
                if mine is None:
                    return Done(why=f"{session} has no transaction open; PostgreSQL only warns.")
                self.abort(mine)
                return Done(why=f"All that {session} did in this transaction is undone.")
            case Savepoint(name):
                self.need_block(mine, "SAVEPOINT")
                mine.subs.append(Sub(name, mine.read_only))
                return Done(why=f"{session} can come back to {name}.")
            case RollbackTo(name):
                self.need_block(mine, "ROLLBACK TO SAVEPOINT")
                self.roll_back_to(mine, name)
                return Done(why=f"What {session} did since {name} is undone; the rest stays.")
            case Release(name):
                self.need_block(mine, "RELEASE SAVEPOINT")
                self.release(mine, name)
                return Done(why=f"{session} can no longer come back to {name}.")
        raise TypeError(statement)

    def set_transaction(self, mine: Transaction, level: str | None, read_only_: bool | None):
        if level is not None and level != mine.level:
            if mine.snapshot is not None:
                raise Refused(
                    "25001",
                    "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                    f"{mine.session}'s transaction has taken a snapshot already.",
                )
            if len(mine.subs) > 1:
                raise Refused(
                    "25001",
                    "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
                    f"{mine.session} is inside a savepoint.",
                )
            mine.level = level
        if read_only_ is False and mine.read_only:
            if len(mine.subs) > 1:
                raise Refused(
                    "25001",
                    "cannot set transaction read-write mode inside a read-only transaction",
                    f"{mine.session} is inside a savepoint of a read-only transaction.",
                )
            if mine.snapshot is not None:
                raise Refused(
                    "25001",
                    "transaction read-write mode must be set before any query",
                    f"{mine.session}'s transaction has taken a snapshot already.",
                )
        if read_only_ is not None:
            mine.read_only = read_only_

    def need_block(self, mine: Transaction | None, what: str) -> None:
        if mine is None:
            raise Refused(
                "25P01",
                f"{what} can only be used in transaction blocks",
                "There is no transaction open.",
            )

    # beginnings and ends

    def begin(self, session: str, block: bool) -> Transaction:
        self.begun[session] += 1
        count = self.begun[session]
        name = session if count == 1 else f"{session}.{count}"
        self.history.begin(name)
        mine = self.open[session] = Transaction(session, name, self.level, block)
        return mine

    def commit_block(self, session: str, mine: Transaction | None) -> Done:
        if mine is None:
            return Done(why=f"{session} has no transaction open; PostgreSQL only warns.")
        if mine.failed:
            self.abort(mine)
            return Done(why=f"{session}'s transaction had failed, so COMMIT rolls it back.")
        self.commit(mine)
        return Done(why=f"{session} commits: what it wrote is there for whoever looks from now on.")

    def commit(self, mine: Transaction) -> None:
        try:
            self.executor.ssi.prepare(self.executor.sxacts.get(mine.session))
        except Refused:
            self.finish(mine, ABORTED)  # whatever savepoint it is in
            raise
        self.finish(mine, COMMITTED)

    def abort(self, mine: Transaction) -> None:
        self.finish(mine, ABORTED)

    def finish(self, mine: Transaction, how: str) -> None:
        self.open.pop(mine.session, None)
        self.ended[mine.session] = how
        self.end_work(mine, how)

    def end_work(self, mine: Transaction, how: str) -> None:
        """Everything that the end of a transaction brings, but for the block it is in."""
        if self.history.status.get(mine.name) != "open":
            return
        executor = self.executor
        executor.numbers.finish(mine.xids, how)
        if how == COMMITTED:
            self.history.commit(mine.name)
        else:
            self.history.abort(mine.name)
        executor.ssi.release(executor.sxacts.pop(mine.session, None), how == COMMITTED)
        executor.waits.locks.release_all(mine.session)

    def fail(self, session: str) -> None:
        """An error: the transaction, or its innermost savepoint, is aborted at once."""
        mine = self.open.get(session)
        if mine is None:
            return
        if not mine.block or len(mine.subs) == 1:
            self.end_work(mine, ABORTED)
            if not mine.block:
                self.finish(mine, ABORTED)
        elif not mine.failed:
            self.abort_savepoint(mine, mine.subs[-1])
        mine.failed = True

    # savepoints

    def find(self, mine: Transaction, name: str) -> int:
        for depth in range(len(mine.subs) - 1, 0, -1):
            if mine.subs[depth].name == name:
                return depth
        raise Refused(
            "3B001", f'savepoint "{name}" does not exist', "No open savepoint has that name."
        )

    def roll_back_to(self, mine: Transaction, name: str) -> None:
        depth = self.find(mine, name)
        for sub in reversed(mine.subs[depth:]):
            self.abort_savepoint(mine, sub)
        mine.read_only = mine.subs[depth].read_only
        mine.subs[depth:] = [Sub(name, mine.read_only)]
        mine.failed = False

    def abort_savepoint(self, mine: Transaction, sub: Sub) -> None:
        executor = self.executor
        undone = [*sub.released, *([] if sub.xid is None else [sub.xid])]
        executor.numbers.finish(undone, ABORTED)
        for xid in undone:
            for version in executor.written.pop(xid, ()):
                self.history.undo(version)
        locks = executor.waits.locks
        held = [tag for tag, queue in locks.queues.items() if mine.session in queue.holders]
        for tag in held:
            if tag[0] == "tuple" or tag[1] in undone:
                locks.release(mine.session, tag)

    def release(self, mine: Transaction, name: str) -> None:
        depth = self.find(mine, name)
        mine.read_only = mine.subs[depth].read_only
        parent = mine.subs[depth - 1]
        for sub in mine.subs[depth:]:
            parent.released.extend(sub.released)
            if sub.xid is not None:
                parent.released.append(sub.xid)
                self.executor.waits.locks.release(mine.session, ("xid", sub.xid))
        del mine.subs[depth:]


def read_only(statement: Insert | Update | Delete | Select) -> Refused:
    if isinstance(statement, Select):
        word = "SELECT FOR SHARE" if statement.lock == "share" else "SELECT FOR UPDATE"
    else:
        word = WORDS[type(statement)]
    return Refused(
        "25006",
        f"cannot execute {word} in a read-only transaction",
        "The transaction was declared READ ONLY.",
    )
