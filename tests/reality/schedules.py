"""Random schedules, for both real databases: a script text drawn by Hypothesis.

Two to four sessions work on a handful of rows, so that they meet often. In half of the schedules
each session mostly writes a row of its own: then they wait less, and read/write dependencies have
time to form. Nearly every session opens a transaction before it does anything, and most end it.
Whatever is drawn is inside the SQL that scripts may use; that some of it fails is part of the game.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

SCHEMAS = (
    ("id INT PRIMARY KEY, value INT", ("id", "value")),
    ("id INT PRIMARY KEY, value INT NOT NULL", ("id", "value")),
    ("id INT PRIMARY KEY, value INT, code INT UNIQUE", ("id", "value", "code")),
    ("id INT PRIMARY KEY, value INT, name VARCHAR(10)", ("id", "value", "name")),
)
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
SAVEPOINTS = ("a", "b")

keys = st.sampled_from((1, 1, 2, 2, 3, 3, 4))
values = st.sampled_from((10, 20, 30, 40))
names = st.sampled_from(("'ann'", "'bob'", "'eve'"))


def literal(column: str) -> st.SearchStrategy[str]:
    if column == "name":
        return names
    if column == "value":
        return values.map(str)
    return keys.map(str)


@st.composite
def predicates(draw, columns: tuple[str, ...], depth: int = 0) -> str:
    kind = draw(st.integers(0, 9))
    if kind <= 3:
        return f"id = {draw(keys)}"
    column = draw(st.sampled_from(columns))
    value = literal(column)
    if kind == 4:
        return f"{column} {draw(st.sampled_from(('=', '<', '>', '<>', '>=', '<=')))} {draw(value)}"
    if kind == 5:
        low, high = sorted((draw(value), draw(value)))
        return f"{column} BETWEEN {low} AND {high}"
    if kind == 6:
        items = ", ".join(draw(st.lists(value, min_size=1, max_size=3)))
        return f"{column} IN ({items})"
    if kind == 7:
        return draw(
            st.sampled_from(("value % 20 = 0", "value IS NULL", "value IS NOT NULL", "id > value"))
        )
    if kind == 8 and depth < 1:
        left = draw(predicates(columns, depth + 1))
        right = draw(predicates(columns, depth + 1))
        joiner = draw(st.sampled_from(("AND", "OR")))
        return f"({left} {joiner} {right})"
    if kind == 9 and depth < 1:
        return f"NOT ({draw(predicates(columns, depth + 1))})"
    return f"value = {draw(values)}"


@st.composite
def where(draw, columns: tuple[str, ...]) -> str:
    if draw(st.integers(0, 6)) == 0:
        return ""
    return f" WHERE {draw(predicates(columns))}"


@st.composite
def reads(draw, columns: tuple[str, ...]) -> str:
    kind = draw(st.integers(0, 7))
    condition = draw(where(columns))
    if kind == 0:
        aggregate = draw(
            st.sampled_from(
                ("COUNT(*)", "SUM(value)", "MAX(id)", "MIN(id)", "MIN(value)", "COUNT(value)")
            )
        )
        return f"SELECT {aggregate} FROM test{condition}"
    if kind == 1:
        direction = draw(st.sampled_from(("", " DESC")))
        return f"SELECT * FROM test{condition} ORDER BY {draw(st.sampled_from(columns))}{direction}"
    if kind == 2:
        return f"SELECT {draw(st.sampled_from(columns))} FROM test{condition}"
    return f"SELECT * FROM test{condition}"


@st.composite
def locking_reads(draw, columns: tuple[str, ...]) -> str:
    order = draw(st.sampled_from(("", "", "", " ORDER BY id", " ORDER BY id DESC")))
    lock = draw(st.sampled_from(("FOR UPDATE", "FOR SHARE")))
    return f"SELECT * FROM test{draw(where(columns))}{order} {lock}"


@st.composite
def updates(draw, columns: tuple[str, ...], own: int | None = None) -> str:
    kind = draw(st.integers(0, 9))
    if kind <= 3:
        change = f"value = {draw(values)}"
    elif kind <= 5:
        change = f"value = value + {draw(st.integers(1, 3))}"
    elif kind == 6:
        change = draw(st.sampled_from(("id = id + 4", f"id = {draw(keys)}", "value = id")))
    elif kind == 7:
        change = draw(st.sampled_from(("value = NULL", "value = 100 / (value - 10)")))
    else:
        column = draw(st.sampled_from(columns[1:]))
        change = f"{column} = {draw(literal(column))}"
    condition = draw(where(columns)) if own is None else f" WHERE id = {own}"
    return f"UPDATE test SET {change}{condition}"


@st.composite
def rows(draw, columns: tuple[str, ...]) -> str:
    key = draw(st.sampled_from((1, 2, 3, 3, 4, 4, 5, 5, 6)))
    others = [draw(literal(column)) for column in columns[1:]]
    if columns[-1] == "code":
        others[-1] = draw(st.sampled_from(("NULL", "1", "3", "4", "5", str(key), str(key))))
    return f"({', '.join([str(key), *others])})"


@st.composite
def inserts(draw, columns: tuple[str, ...]) -> str:
    count = draw(st.sampled_from((1, 1, 1, 1, 2)))
    return "INSERT INTO test VALUES " + ", ".join(draw(rows(columns)) for _ in range(count))


@dataclass(slots=True)
class Session:
    """Where a session stands, as far as one can tell without running anything."""

    name: str
    own: int | None = None  # the row that it writes, if each has its own
    inside: bool = False
    read_only: bool = False
    savepoints: list[str] = field(default_factory=list)


@st.composite
def beginnings(draw, session: Session) -> str:
    kind = draw(st.integers(0, 19))
    session.inside, session.read_only = True, kind <= 1
    session.savepoints.clear()
    if kind <= 1:
        return "BEGIN READ ONLY"
    if kind == 2:
        return f"BEGIN ISOLATION LEVEL {draw(st.sampled_from(LEVELS))}"
    return "BEGIN"


@st.composite
def statements(draw, columns: tuple[str, ...], session: Session) -> str:
    """One statement, mostly one that the session is in a state for."""
    kind = draw(st.integers(0, 99))
    if kind < 30 or (session.read_only and kind < 80):
        return draw(reads(columns))
    if kind < 40:
        return draw(locking_reads(columns))
    if kind < 64:
        return draw(updates(columns, draw(st.sampled_from((None, session.own, session.own)))))
    if kind < 71:
        return f"DELETE FROM test{draw(where(columns))}"
    if kind < 80:
        return draw(inserts(columns))
    if not session.inside:
        return draw(reads(columns))
    if kind < 88:
        return draw(savepoints(session))
    if kind < 90:
        level = draw(st.sampled_from(LEVELS))
        return draw(st.sampled_from((f"SET TRANSACTION ISOLATION LEVEL {level}", "BEGIN")))
    session.inside = session.read_only = False
    session.savepoints.clear()
    return draw(st.sampled_from(("COMMIT", "COMMIT", "ROLLBACK")))


@st.composite
def savepoints(draw, session: Session) -> str:
    known = session.savepoints
    if not known or draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(SAVEPOINTS))
        known.append(name)
        return f"SAVEPOINT {name}"
    name = draw(st.sampled_from((*known, *known, *known, "a")))
    return draw(
        st.sampled_from((f"ROLLBACK TO {name}", f"ROLLBACK TO {name}", f"RELEASE SAVEPOINT {name}"))
    )


@st.composite
def schedules(draw) -> str:
    """A whole script."""
    definition, columns = draw(st.sampled_from(SCHEMAS))
    count = draw(st.sampled_from((2, 2, 3, 3, 3, 4)))
    apart = draw(st.booleans())  # writers that keep apart meet in what they read
    sessions = [
        Session(f"T{number}", own=number if apart else None) for number in range(1, count + 1)
    ]
    lines = [f"setup: CREATE TABLE test ({definition});"]
    initial = []
    for key in range(1, draw(st.integers(1, 3)) + 1):
        others = [str(key) if column == "code" else draw(literal(column)) for column in columns[1:]]
        initial.append(f"({', '.join([str(key), *others])})")
    lines.append(f"setup: INSERT INTO test VALUES {', '.join(initial)};")
    for _ in range(draw(st.integers(4, 18))):
        session = draw(st.sampled_from(sessions))
        if not session.inside and draw(st.integers(0, 7)) > 0:
            lines.append(f"{session.name}: {draw(beginnings(session))};")
        lines.append(f"{session.name}: {draw(statements(columns, session))};")
    for session in draw(st.permutations([s for s in sessions if s.inside])):
        if draw(st.integers(0, 5)) > 0:
            lines.append(f"{session.name}: COMMIT;")
    return "\n".join(lines) + "\n"
