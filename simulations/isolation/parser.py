"""Statements: one in, one frozen tree out.

Anything outside the subset is a Problem that names the construct and says where it stands.
"""

from functools import lru_cache

from simulations.isolation.expressions import Expressions
from simulations.isolation.lexer import Cursor
from simulations.isolation.sql import (
    AGGREGATES,
    LEVELS,
    Aggregate,
    Begin,
    Column,
    ColumnDef,
    Commit,
    CreateTable,
    Delete,
    Expression,
    Insert,
    Item,
    Key,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    Select,
    SetTransaction,
    Statement,
    Update,
)
from simulations.simulation import Problem


@lru_cache(maxsize=4096)
def parse(text: str) -> Statement:
    """The statement that `text` is, or a Problem with its column."""
    return Parser(text).statement()


class Parser:
    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.values = Expressions(self.cursor)

    def statement(self) -> Statement:
        tree = self.start()
        end = self.cursor.tokens[self.cursor.index - 1].end
        if self.cursor.sign(";") and self.cursor.here.kind != "end":
            raise Problem(
                "One statement a line; another starts here.", column=self.cursor.here.start + 1
            )
        if self.cursor.here.kind != "end":
            raise self.cursor.unexpected("the end of the statement")
        return tree.but(text=self.cursor.text[self.cursor.tokens[0].start : end])

    def start(self) -> Statement:
        if self.cursor.word("select"):
            return self.select()
        if self.cursor.word("insert"):
            return self.insert()
        if self.cursor.word("update"):
            return self.update()
        if self.cursor.word("delete"):
            self.cursor.need("FROM")
            position = self.cursor.here.start + 1
            return Delete(self.cursor.name("the name of a table"), self.where(), position)
        if self.cursor.word("begin"):
            if not self.cursor.word("work"):
                self.cursor.word("transaction")
            return self.begin()
        if self.cursor.word("start", "transaction"):
            return self.begin()
        if self.cursor.word("set", "transaction"):
            level, read_only = self.characteristics()
            if level is None and read_only is None:
                raise self.cursor.unexpected("`ISOLATION LEVEL` or `READ ONLY`")
            return SetTransaction(level, read_only)
        if self.cursor.word("commit"):
            if not self.cursor.word("work"):
                self.cursor.word("transaction")
            return Commit()
        if self.cursor.word("rollback"):
            if not self.cursor.word("work"):
                self.cursor.word("transaction")
            if self.cursor.word("to"):
                self.cursor.word("savepoint")
                return RollbackTo(self.cursor.name("the name of a savepoint"))
            return Rollback()
        if self.cursor.word("savepoint"):
            return Savepoint(self.cursor.name("the name of a savepoint"))
        if self.cursor.word("release"):
            self.cursor.word("savepoint")
            return Release(self.cursor.name("the name of a savepoint"))
        if self.cursor.word("create", "table"):
            return self.create_table()
        if self.cursor.here.kind == "end":
            raise Problem("There is no statement here.", column=self.cursor.here.start + 1)
        token = self.cursor.here
        written = self.cursor.text[token.start : token.end]
        following = self.cursor.tokens[self.cursor.index + 1]
        if token.value in ("create", "set", "start") and following.kind == "name":
            written += " " + self.cursor.text[following.start : following.end]
        raise Problem(
            f"{written.upper()} is outside the SQL that this simulation reads: CREATE TABLE,"
            " INSERT, UPDATE, DELETE, SELECT, BEGIN, START TRANSACTION, SET TRANSACTION,"
            " SAVEPOINT, ROLLBACK TO, RELEASE, COMMIT and ROLLBACK.",
            column=token.start + 1,
        )

    def begin(self) -> Begin:
        level, read_only = self.characteristics()
        return Begin(level, bool(read_only))

    def characteristics(self) -> tuple[str | None, bool | None]:
        level = read_only = None
        while True:
            start = self.cursor.here.start
            if self.cursor.word("isolation", "level"):
                if level is not None:
                    raise Problem("The isolation level is given twice.", column=start + 1)
                level = self.level()
            elif self.cursor.word("read", "only") or self.cursor.word("read", "write"):
                if read_only is not None:
                    raise Problem("READ ONLY or READ WRITE is given twice.", column=start + 1)
                read_only = self.cursor.tokens[self.cursor.index - 1].value == "only"
            else:
                return level, read_only
            if self.cursor.sign(",") and self.cursor.here.value not in ("isolation", "read"):
                raise self.cursor.unexpected("`ISOLATION LEVEL` or `READ ONLY`")

    def level(self) -> str:
        for level in LEVELS:
            if self.cursor.word(*level.split()):
                return level
        raise self.cursor.unexpected(
            "READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ or SERIALIZABLE"
        )

    def create_table(self) -> CreateTable:
        table = self.cursor.name("the name of a table")
        self.cursor.need("(")
        columns: list[ColumnDef] = []
        keys: list[Key] = []
        while True:
            start = self.cursor.here.start
            if self.cursor.word("primary", "key"):
                keys.append(self.key(table, self.cursor.names("the name of a column"), True, start))
            elif self.cursor.word("unique"):
                keys.append(
                    self.key(table, self.cursor.names("the name of a column"), False, start)
                )
            else:
                columns.append(self.column(table, columns, keys))
            if not self.cursor.sign(","):
                break
        self.cursor.need(")")
        return self.finished(table, columns, keys)

    def key(self, table: str, columns: tuple[str, ...], primary: bool, start: int) -> Key:
        if len(set(columns)) < len(columns):
            raise Problem("A key names the same column twice.", column=start + 1)
        name = f"{table}_pkey" if primary else f"{table}_{'_'.join(columns)}_key"
        return Key(name, columns, primary)

    def column(self, table: str, columns: list[ColumnDef], keys: list[Key]) -> ColumnDef:
        start = self.cursor.here.start
        name = self.cursor.name("the name of a column")
        if name in [column.name for column in columns]:
            raise Problem(f"The column `{name}` is declared twice.", column=start + 1)
        kind, written, length = self.type()
        not_null = False
        while True:
            start = self.cursor.here.start
            if self.cursor.word("not", "null"):
                not_null = True
            elif self.cursor.word("null"):
                pass
            elif self.cursor.word("primary", "key"):
                keys.append(self.key(table, (name,), True, start))
            elif self.cursor.word("unique"):
                keys.append(self.key(table, (name,), False, start))
            else:
                return ColumnDef(name, kind, not_null, written, length)

    def type(self) -> tuple[str, str, int | None]:
        start = self.cursor.here.start
        if self.cursor.word("int") or self.cursor.word("integer"):
            kind, length = "integer", None
        elif self.cursor.word("text"):
            kind, length = "text", None
        elif self.cursor.word("varchar"):
            self.cursor.need("(")
            length = self.cursor.here.value if self.cursor.here.kind == "number" else None
            if length is None or not 1 <= int(length) <= 255:
                raise self.cursor.unexpected("a length from 1 to 255")
            kind, length = "text", int(length)
            self.cursor.index += 1
            self.cursor.need(")")
        else:
            raise self.cursor.unexpected("a type (INT, VARCHAR(n) or TEXT)")
        return kind, self.cursor.text[start : self.cursor.tokens[self.cursor.index - 1].end], length

    def finished(self, table: str, columns: list[ColumnDef], keys: list[Key]) -> CreateTable:
        where = self.cursor.tokens[self.cursor.index - 1].start + 1
        primaries = [key for key in keys if key.primary]
        if len(primaries) != 1:
            raise Problem(
                f"The table `{table}` needs exactly one PRIMARY KEY, so that each row has a name.",
                column=where,
            )
        if len({key.name for key in keys}) < len(keys):
            raise Problem("Two keys are over the same columns.", column=where)
        types = {column.name: column for column in columns}
        for name in (name for key in keys for name in key.columns):
            if name not in types:
                raise Problem(f"A key names the unknown column `{name}`.", column=where)
            if types[name].type == "text" and types[name].length is None:
                raise Problem(
                    f"MariaDB cannot index the TEXT column `{name}`; make it VARCHAR(20), say.",
                    column=where,
                )
        primary = primaries[0]
        marked = tuple(
            column.but(not_null=True) if column.name in primary.columns else column
            for column in columns
        )
        others = [key for key in keys if not key.primary]
        return CreateTable(table, marked, (primary, *others))

    def insert(self) -> Insert:
        self.cursor.need("INTO")
        position = self.cursor.here.start + 1
        table = self.cursor.name("the name of a table")
        columns: tuple[str, ...] = ()
        if self.cursor.here.value == "(":
            columns = self.cursor.names("the name of a column")
        if len(set(columns)) < len(columns):
            raise Problem("A column is named twice.", column=position)
        self.cursor.need("VALUES")
        rows = []
        while True:
            self.cursor.need("(")
            rows.append(self.values.expressions())
            self.cursor.need(")")
            if not self.cursor.sign(","):
                return Insert(table, columns, tuple(rows), position)

    def update(self) -> Update:
        position = self.cursor.here.start + 1
        table = self.cursor.name("the name of a table")
        self.cursor.need("SET")
        assignments: list[tuple[str, Expression]] = []
        while True:
            start = self.cursor.here.start
            name = self.cursor.name("the name of a column")
            if name in [assigned for assigned, _ in assignments]:
                raise Problem(f"The column `{name}` is set twice.", column=start + 1)
            self.cursor.need("=")
            assignments.append((name, self.values.expression()))
            if not self.cursor.sign(","):
                return Update(table, tuple(assignments), self.where(), position)

    def where(self) -> Expression | None:
        return self.values.expression() if self.cursor.word("where") else None

    def select(self) -> Select:
        items: list[Item] = []
        if not self.cursor.sign("*"):
            items.append(self.item())
            while self.cursor.sign(","):
                items.append(self.item())
        self.cursor.need("FROM")
        position = self.cursor.here.start + 1
        table = self.cursor.name("the name of a table")
        if self.cursor.sign(","):
            raise Problem(
                "A SELECT reads one table here.",
                column=self.cursor.tokens[self.cursor.index - 1].end,
            )
        where = self.where()
        order: list[tuple[str, bool]] = []
        if self.cursor.word("order", "by"):
            while True:
                name = self.cursor.name("the name of a column")
                descending = self.cursor.word("desc") or (self.cursor.word("asc") and False)
                order.append((name, descending))
                if not self.cursor.sign(","):
                    break
        return Select(tuple(items), table, where, tuple(order), self.lock(), position)

    def lock(self) -> str | None:
        if self.cursor.word("lock", "in", "share", "mode") or self.cursor.word("for", "share"):
            return "share"
        if self.cursor.word("for"):
            self.cursor.need("UPDATE")
            return "update"
        return None

    def item(self) -> Item:
        start = self.cursor.here
        if start.value in AGGREGATES and self.cursor.tokens[self.cursor.index + 1].value == "(":
            self.cursor.index += 2
            if start.value == "count" and self.cursor.sign("*"):
                tree: Expression | Aggregate = Aggregate("count", None, start.start + 1)
            else:
                tree = Aggregate(start.value, self.values.expression(), start.start + 1)
            self.cursor.need(")")
        else:
            tree = self.values.expression()
        written = self.cursor.text[start.start : self.cursor.tokens[self.cursor.index - 1].end]
        if self.cursor.word("as"):
            return Item(tree, self.cursor.name("a label"), True)
        return Item(tree, tree.name if isinstance(tree, Column) else written)
