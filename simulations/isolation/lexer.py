"""The words of a statement: tokens, and a cursor that steps over them.

Every complaint is made here, so that it says in one way what stands where what was expected.
"""

import re
from dataclasses import dataclass

from simulations.simulation import Problem

LONGEST = 30  # characters of a name

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


class Cursor:
    """The tokens of a statement, and where the parser is in them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.index = 0

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
