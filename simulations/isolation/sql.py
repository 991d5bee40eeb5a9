"""The SQL that a script may use: its syntax tree, and the parser that makes one.

One statement in, one frozen tree out. Names are folded to lower case, as both servers do for
unquoted names. Every tree keeps the statement as it was written in `.text`, and what can be
wrong later keeps its position, a 1-based column in that text. Anything outside the subset is a
`Problem` that names the construct and says where it stands.

What expressions mean, and which types they must have, is in evaluation.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from simulations.simulation import Problem

Value = int | str | bool | None
LARGEST = 2**31 - 1
LONGEST = 30  # characters of a name
DEEPEST = 40  # nested expressions; far from Python's own limit, far beyond what a lesson needs


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    op: str  # + - * / %   = <> < <= > >=   and or
    left: "Expression"
    right: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Negate:
    operand: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: "Expression"
    negated: bool
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    operand: "Expression"
    items: tuple["Expression", ...]
    negated: bool
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Between:
    operand: "Expression"
    low: "Expression"
    high: "Expression"
    negated: bool
    position: int = field(default=1, compare=False)


Expression = Column | Literal | Binary | Negate | Not | IsNull | In | Between


@dataclass(frozen=True, slots=True)
class Aggregate:
    function: str  # count sum min max
    operand: Expression | None  # None is COUNT(*)
    position: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Item:
    expression: Expression | Aggregate
    label: str  # its AS name, or the item as written
    named: bool = False  # True if the label is an AS name


@dataclass(frozen=True, slots=True)
class ColumnDef:
    name: str
    type: str  # integer text
    not_null: bool
    text: str  # the type as written
    length: int | None = None  # of a VARCHAR


@dataclass(frozen=True, slots=True)
class Key:
    name: str  # PostgreSQL's own name for it, such as test_pkey or test_email_key
    columns: tuple[str, ...]
    primary: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    name: str
    columns: tuple[ColumnDef, ...]
    keys: tuple[Key, ...]  # the primary key first
    text: str = field(default="", compare=False)

    @property
    def primary(self) -> tuple[str, ...]:
        return self.keys[0].columns

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Insert:
    table: str
    columns: tuple[str, ...]  # empty: all, in the table's order
    rows: tuple[tuple[Expression, ...], ...]
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Update:
    table: str
    assignments: tuple[tuple[str, Expression], ...]
    where: Expression | None
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    where: Expression | None
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]  # empty: all columns (*)
    table: str
    where: Expression | None
    order_by: tuple[tuple[str, bool], ...]  # column, descending
    lock: str | None  # None update share
    position: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Begin:
    level: str | None = None  # None: the run's level
    read_only: bool = False
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SetTransaction:
    level: str | None
    read_only: bool | None  # None: not said
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Savepoint:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RollbackTo:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Release:
    name: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Commit:
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rollback:
    text: str = field(default="", compare=False)


Statement = (
    CreateTable | Insert | Update | Delete | Select | Begin | SetTransaction
    | Savepoint | RollbackTo | Release | Commit | Rollback
)  # fmt: skip
Schema = Mapping[str, CreateTable]

LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")
AGGREGATES = ("count", "sum", "min", "max")

# Words that a table or a column may not be called, because at least one of the servers reserves
# them, and constructs that are often tried and are outside the subset.
RESERVED = frozenset(
    """add all alter analyze and any as asc between both by case check column constraint create
    cross current_user database default delete desc distinct do drop else end except exists false
    for foreign from full group having if ignore in index inner insert intersect into is join key
    keys kill leading left like limit lock match natural not null offset on or order outer primary
    range rank read references release rename right row_number rows select session_user set share
    show some table then to trailing true union unique update use user using values when where
    window with write""".split()
)
OUTSIDE = {
    "alter": "ALTER", "analyze": "ANALYZE", "avg": "AVG", "case": "CASE", "cast": "CAST",
    "check": "CHECK", "coalesce": "COALESCE", "create index": "CREATE INDEX",
    "current_timestamp": "CURRENT_TIMESTAMP", "deallocate": "DEALLOCATE", "declare": "DECLARE",
    "default": "DEFAULT", "deferrable": "DEFERRABLE", "distinct": "DISTINCT", "do": "DO",
    "drop": "DROP", "except": "EXCEPT", "exists": "EXISTS", "explain": "EXPLAIN",
    "fetch": "FETCH", "foreign": "FOREIGN KEY", "grant": "GRANT", "group": "GROUP BY",
    "having": "HAVING", "intersect": "INTERSECT", "join": "JOIN", "left": "LEFT JOIN",
    "like": "LIKE", "limit": "LIMIT", "lock": "LOCK", "merge": "MERGE", "nowait": "NOWAIT",
    "offset": "OFFSET", "on": "ON", "over": "OVER", "references": "REFERENCES",
    "replace": "REPLACE", "returning": "RETURNING", "select": "A SELECT inside a statement",
    "show": "SHOW", "skip": "SKIP LOCKED", "truncate": "TRUNCATE", "union": "UNION",
    "using": "USING", "values": "VALUES", "window": "WINDOW", "with": "WITH",
}  # fmt: skip

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<text>'(?:[^']|'')*')
    |(?P<sign><=|>=|<>|!=|[-+*/%=<>(),;.])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
STRANGE = {
    '"': "Double quotes are text in MariaDB and a name in PostgreSQL; write text in single quotes.",
    "'": "This text has no closing quote.",
    "`": "Names are written without backquotes here.",
    "\\": "A backslash is not SQL.",
    ":": "One statement a line; a colon follows only the session's name.",
}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # number name text sign end
    value: str  # names in lower case
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    found = []
    for match in TOKEN.finditer(text):
        kind, value = match.lastgroup, match.group()
        if kind == "space":
            continue
        column = match.start() + 1
        if kind == "other":
            message = STRANGE.get(value, f"`{value}` is not a sign that this SQL knows.")
            raise Problem(message, column=column)
        if kind == "text" and "\\" in value:
            raise Problem(
                "A backslash in text is an escape in MariaDB and a plain sign in PostgreSQL;"
                " leave it out.",
                column=column,
            )
        if kind == "number" and "." in value:
            raise Problem(
                f"{value} is a decimal number; only whole numbers are modelled.", column=column
            )
        if (
            kind == "number"
            and match.end() < len(text)
            and (text[match.end()].isalnum() or text[match.end()] == "_")
        ):
            raise Problem("A name cannot start with a digit.", column=column)
        lowered = value.lower() if kind == "name" else value
        found.append(Token(kind, lowered, match.start(), match.end()))
    found.append(Token("end", "", len(text), len(text)))
    return found


@lru_cache(maxsize=4096)
def parse(text: str) -> Statement:
    """The statement that `text` is, or a Problem with its column."""
    return Parser(text).statement()


class Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.index = 0
        self.depth = 0

    # what stands here

    @property
    def here(self) -> Token:
        return self.tokens[self.index]

    def word(self, *words: str) -> bool:
        """Step over these words if they stand here, in this order."""
        for ahead, wanted in enumerate(words):
            token = self.tokens[min(self.index + ahead, len(self.tokens) - 1)]
            if token.kind != "name" or token.value != wanted:
                return False
        self.index += len(words)
        return True

    def sign(self, *signs: str) -> str | None:
        if self.here.kind == "sign" and self.here.value in signs:
            self.index += 1
            return self.tokens[self.index - 1].value
        return None

    def need(self, what: str) -> None:
        """Step over this sign or these words, which must stand here."""
        if not (self.word(*what.lower().split()) if what[0].isalpha() else self.sign(what)):
            raise self.unexpected(f"`{what}`")

    def unexpected(self, wanted: str) -> Problem:
        token = self.here
        column = token.start + 1
        if token.kind == "end":
            return Problem(f"The statement ends where {wanted} was expected.", column=column)
        written = self.text[token.start : token.end]
        if token.kind == "name" and token.value in OUTSIDE:
            construct = OUTSIDE[token.value]
            return Problem(
                f"{construct} is outside the SQL that this simulation reads"
                f" (column {column}; {wanted} was expected).",
                column=column,
            )
        return Problem(f"`{written}` stands where {wanted} was expected.", column=column)

    def name(self, what: str) -> str:
        token = self.here
        if token.kind != "name":
            raise self.unexpected(what)
        if token.value in RESERVED:
            if token.value in OUTSIDE:
                raise self.unexpected(what)
            raise Problem(
                f"`{token.value}` is a reserved word, so it cannot be {what}.",
                column=token.start + 1,
            )
        if len(token.value) > LONGEST:
            raise Problem(f"This name has over {LONGEST} characters.", column=token.start + 1)
        self.index += 1
        return token.value

    def names(self, what: str) -> tuple[str, ...]:
        self.need("(")
        found = [self.name(what)]
        while self.sign(","):
            found.append(self.name(what))
        self.need(")")
        return tuple(found)

    # statements

    def statement(self) -> Statement:
        tree = self.start()
        end = self.tokens[self.index - 1].end
        if self.sign(";") and self.here.kind != "end":
            raise Problem("One statement a line; another starts here.", column=self.here.start + 1)
        if self.here.kind != "end":
            raise self.unexpected("the end of the statement")
        return replace(tree, text=self.text[self.tokens[0].start : end])

    def start(self) -> Statement:
        if self.word("select"):
            return self.select()
        if self.word("insert"):
            return self.insert()
        if self.word("update"):
            return self.update()
        if self.word("delete"):
            self.need("FROM")
            position = self.here.start + 1
            return Delete(self.name("the name of a table"), self.where(), position)
        if self.word("begin"):
            if not self.word("work"):
                self.word("transaction")
            return self.begin()
        if self.word("start", "transaction"):
            return self.begin()
        if self.word("set", "transaction"):
            level, read_only = self.characteristics()
            if level is None and read_only is None:
                raise self.unexpected("`ISOLATION LEVEL` or `READ ONLY`")
            return SetTransaction(level, read_only)
        if self.word("commit"):
            if not self.word("work"):
                self.word("transaction")
            return Commit()
        if self.word("rollback"):
            if not self.word("work"):
                self.word("transaction")
            if self.word("to"):
                self.word("savepoint")
                return RollbackTo(self.name("the name of a savepoint"))
            return Rollback()
        if self.word("savepoint"):
            return Savepoint(self.name("the name of a savepoint"))
        if self.word("release"):
            self.word("savepoint")
            return Release(self.name("the name of a savepoint"))
        if self.word("create", "table"):
            return self.create_table()
        if self.here.kind == "end":
            raise Problem("There is no statement here.", column=self.here.start + 1)
        token = self.here
        written = self.text[token.start : token.end]
        following = self.tokens[self.index + 1]
        if token.value in ("create", "set", "start") and following.kind == "name":
            written += " " + self.text[following.start : following.end]
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
            start = self.here.start
            if self.word("isolation", "level"):
                if level is not None:
                    raise Problem("The isolation level is given twice.", column=start + 1)
                level = self.level()
            elif self.word("read", "only") or self.word("read", "write"):
                if read_only is not None:
                    raise Problem("READ ONLY or READ WRITE is given twice.", column=start + 1)
                read_only = self.tokens[self.index - 1].value == "only"
            else:
                return level, read_only
            if self.sign(",") and self.here.value not in ("isolation", "read"):
                raise self.unexpected("`ISOLATION LEVEL` or `READ ONLY`")

    def level(self) -> str:
        for level in LEVELS:
            if self.word(*level.split()):
                return level
        raise self.unexpected("READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ or SERIALIZABLE")

    def create_table(self) -> CreateTable:
        table = self.name("the name of a table")
        self.need("(")
        columns: list[ColumnDef] = []
        keys: list[Key] = []
        while True:
            start = self.here.start
            if self.word("primary", "key"):
                keys.append(self.key(table, self.names("the name of a column"), True, start))
            elif self.word("unique"):
                keys.append(self.key(table, self.names("the name of a column"), False, start))
            else:
                columns.append(self.column(table, columns, keys))
            if not self.sign(","):
                break
        self.need(")")
        return self.finished(table, columns, keys)

    def key(self, table: str, columns: tuple[str, ...], primary: bool, start: int) -> Key:
        if len(set(columns)) < len(columns):
            raise Problem("A key names the same column twice.", column=start + 1)
        name = f"{table}_pkey" if primary else f"{table}_{'_'.join(columns)}_key"
        return Key(name, columns, primary)

    def column(self, table: str, columns: list[ColumnDef], keys: list[Key]) -> ColumnDef:
        start = self.here.start
        name = self.name("the name of a column")
        if name in [column.name for column in columns]:
            raise Problem(f"The column `{name}` is declared twice.", column=start + 1)
        kind, written, length = self.type()
        not_null = False
        while True:
            start = self.here.start
            if self.word("not", "null"):
                not_null = True
            elif self.word("null"):
                pass
            elif self.word("primary", "key"):
                keys.append(self.key(table, (name,), True, start))
            elif self.word("unique"):
                keys.append(self.key(table, (name,), False, start))
            else:
                return ColumnDef(name, kind, not_null, written, length)

    def type(self) -> tuple[str, str, int | None]:
        start = self.here.start
        if self.word("int") or self.word("integer"):
            kind, length = "integer", None
        elif self.word("text"):
            kind, length = "text", None
        elif self.word("varchar"):
            self.need("(")
            length = self.here.value if self.here.kind == "number" else None
            if length is None or not 1 <= int(length) <= 255:
                raise self.unexpected("a length from 1 to 255")
            kind, length = "text", int(length)
            self.index += 1
            self.need(")")
        else:
            raise self.unexpected("a type (INT, VARCHAR(n) or TEXT)")
        return kind, self.text[start : self.tokens[self.index - 1].end], length

    def finished(self, table: str, columns: list[ColumnDef], keys: list[Key]) -> CreateTable:
        where = self.tokens[self.index - 1].start + 1
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
            replace(column, not_null=True) if column.name in primary.columns else column
            for column in columns
        )
        others = [key for key in keys if not key.primary]
        return CreateTable(table, marked, (primary, *others))

    def insert(self) -> Insert:
        self.need("INTO")
        position = self.here.start + 1
        table = self.name("the name of a table")
        columns: tuple[str, ...] = ()
        if self.here.value == "(":
            columns = self.names("the name of a column")
        if len(set(columns)) < len(columns):
            raise Problem("A column is named twice.", column=position)
        self.need("VALUES")
        rows = []
        while True:
            self.need("(")
            rows.append(self.expressions())
            self.need(")")
            if not self.sign(","):
                return Insert(table, columns, tuple(rows), position)

    def update(self) -> Update:
        position = self.here.start + 1
        table = self.name("the name of a table")
        self.need("SET")
        assignments: list[tuple[str, Expression]] = []
        while True:
            start = self.here.start
            name = self.name("the name of a column")
            if name in [assigned for assigned, _ in assignments]:
                raise Problem(f"The column `{name}` is set twice.", column=start + 1)
            self.need("=")
            assignments.append((name, self.expression()))
            if not self.sign(","):
                return Update(table, tuple(assignments), self.where(), position)

    def where(self) -> Expression | None:
        return self.expression() if self.word("where") else None

    def select(self) -> Select:
        items: list[Item] = []
        if not self.sign("*"):
            items.append(self.item())
            while self.sign(","):
                items.append(self.item())
        self.need("FROM")
        position = self.here.start + 1
        table = self.name("the name of a table")
        if self.sign(","):
            raise Problem("A SELECT reads one table here.", column=self.tokens[self.index - 1].end)
        where = self.where()
        order: list[tuple[str, bool]] = []
        if self.word("order", "by"):
            while True:
                name = self.name("the name of a column")
                descending = self.word("desc") or (self.word("asc") and False)
                order.append((name, descending))
                if not self.sign(","):
                    break
        return Select(tuple(items), table, where, tuple(order), self.lock(), position)

    def lock(self) -> str | None:
        if self.word("lock", "in", "share", "mode") or self.word("for", "share"):
            return "share"
        if self.word("for"):
            self.need("UPDATE")
            return "update"
        return None

    def item(self) -> Item:
        start = self.here
        if start.value in AGGREGATES and self.tokens[self.index + 1].value == "(":
            self.index += 2
            if start.value == "count" and self.sign("*"):
                tree: Expression | Aggregate = Aggregate("count", None, start.start + 1)
            else:
                tree = Aggregate(start.value, self.expression(), start.start + 1)
            self.need(")")
        else:
            tree = self.expression()
        written = self.text[start.start : self.tokens[self.index - 1].end]
        if self.word("as"):
            return Item(tree, self.name("a label"), True)
        return Item(tree, tree.name if isinstance(tree, Column) else written)

    # expressions, loosest binding first

    def expressions(self) -> tuple[Expression, ...]:
        found = [self.expression()]
        while self.sign(","):
            found.append(self.expression())
        return tuple(found)

    def expression(self) -> Expression:
        left = self.conjunction()
        while (start := self.here).value == "or" and self.word("or"):
            left = self.binary("or", left, self.conjunction(), start)
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while (start := self.here).value == "and" and self.word("and"):
            left = self.binary("and", left, self.negation(), start)
        return left

    def binary(self, op: str, left: Expression, right: Expression, at: Token) -> Binary:
        # A long chain is as deep as a nested one, so both count.
        if height(left) >= DEEPEST or height(right) >= DEEPEST:
            raise Problem(f"This expression is over {DEEPEST} deep.", column=at.start + 1)
        return Binary(op, left, right, at.start + 1)

    def negation(self) -> Expression:
        start = self.here
        if self.word("not"):
            self.deeper()
            operand = self.negation()
            self.depth -= 1
            return Not(operand, start.start + 1)
        return self.predicate()

    def predicate(self) -> Expression:
        left = self.sum()
        start = self.here
        if sign := self.sign("=", "<>", "!=", "<", "<=", ">", ">="):
            left = self.binary("<>" if sign == "!=" else sign, left, self.sum(), start)
        else:
            negated = self.here.value == "not" and self.word("not")
            if self.word("in"):
                self.need("(")
                items = self.expressions()
                self.need(")")
                left = In(left, items, negated, start.start + 1)
            elif self.word("between"):
                low = self.sum()
                self.need("AND")
                left = Between(left, low, self.sum(), negated, start.start + 1)
            elif negated:
                raise self.unexpected("`IN` or `BETWEEN`")
        while (start := self.here).value == "is" and self.word("is"):
            negated = self.word("not")
            self.need("NULL")
            if height(left) >= DEEPEST:
                raise Problem(f"This expression is over {DEEPEST} deep.", column=start.start + 1)
            left = IsNull(left, negated, start.start + 1)
        return left

    def sum(self) -> Expression:
        left = self.product()
        while (start := self.here).kind == "sign" and (sign := self.sign("+", "-")):
            left = self.binary(sign, left, self.product(), start)
        return left

    def product(self) -> Expression:
        left = self.unary()
        while (start := self.here).kind == "sign" and (sign := self.sign("*", "/", "%")):
            left = self.binary(sign, left, self.unary(), start)
        return left

    def unary(self) -> Expression:
        start = self.here
        if not self.sign("-"):
            return self.atom()
        self.deeper()
        operand = self.unary()
        self.depth -= 1
        if isinstance(operand, Literal) and type(operand.value) is int:
            return Literal(-operand.value, start.start + 1)
        return Negate(operand, start.start + 1)

    def atom(self) -> Expression:
        token = self.here
        position = token.start + 1
        if self.sign("("):
            self.deeper()
            tree = self.expression()
            self.depth -= 1
            self.need(")")
            return tree
        if token.kind == "number":
            self.index += 1
            if len(token.value) > 10 or int(token.value) > LARGEST:
                raise Problem(
                    f"{token.value[:20]} does not fit an INT; the largest is {LARGEST}.",
                    column=position,
                )
            return Literal(int(token.value), position)
        if token.kind == "text":
            self.index += 1
            return Literal(token.value[1:-1].replace("''", "'"), position)
        for word, value in (("null", None), ("true", True), ("false", False)):
            if self.word(word):
                return Literal(value, position)
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        if token.kind == "name" and following.value == "(":
            inside = " outside the list of a SELECT" if token.value in AGGREGATES else ""
            written = self.text[token.start : token.end].upper()
            raise Problem(
                f"The function {written}{inside} is outside the SQL that this simulation reads.",
                column=position,
            )
        name = self.name("a value or the name of a column")
        if self.here.value == ".":
            raise Problem("Write a column without its table.", column=self.here.start + 1)
        return Column(name, position)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Problem(f"This expression is over {DEEPEST} deep.", column=self.here.start + 1)


def height(tree: Expression) -> int:
    """How deep the tree is."""
    match tree:
        case Binary(_, left, right):
            return 1 + max(height(left), height(right))
        case Negate(operand) | Not(operand) | IsNull(operand):
            return 1 + height(operand)
        case In(operand, items):
            return 1 + max(height(operand), *map(height, items))
        case Between(operand, low, high):
            return 1 + max(height(operand), height(low), height(high))
    return 1
