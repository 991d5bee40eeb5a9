"""Random schedules, for both real databases: a script text drawn by Hypothesis.

Two to four sessions work on a handful of rows, so that they meet often. Nearly every session
opens a transaction before it does anything, and most end it. Whatever is drawn is inside the SQL
that scripts may use; that a statement fails is part of the game.
"""

from __future__ import annotations

from hypothesis import strategies as st

SCHEMAS = (
    ("id INT PRIMARY KEY, value INT", ("id", "value")),
    ("id INT PRIMARY KEY, value INT NOT NULL", ("id", "value")),
    ("id INT PRIMARY KEY, value INT, code INT UNIQUE", ("id", "value", "code")),
    ("id INT PRIMARY KEY, value INT, name VARCHAR(10)", ("id", "value", "name")),
)
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
SAVEPOINTS = ("a", "b")

keys = st.integers(1, 4)
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
    if draw(st.integers(0, 5)) == 0:
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
def updates(draw, columns: tuple[str, ...]) -> str:
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
    return f"UPDATE test SET {change}{draw(where(columns))}"


@st.composite
def rows(draw, columns: tuple[str, ...]) -> str:
    key = draw(st.integers(1, 6))
    others = [draw(literal(column)) for column in columns[1:]]
    if columns[-1] == "code" and draw(st.integers(0, 5)) == 0:
        others[-1] = "NULL"
    return f"({', '.join([str(key), *others])})"


@st.composite
def inserts(draw, columns: tuple[str, ...]) -> str:
    count = draw(st.sampled_from((1, 1, 1, 1, 2)))
    return "INSERT INTO test VALUES " + ", ".join(draw(rows(columns)) for _ in range(count))


@st.composite
def beginnings(draw) -> str:
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return "BEGIN READ ONLY"
    if kind == 1:
        return f"BEGIN ISOLATION LEVEL {draw(st.sampled_from(LEVELS))}"
    return "BEGIN"


@st.composite
def statements(draw, columns: tuple[str, ...]) -> str:
    """One statement inside a transaction."""
    kind = draw(st.integers(0, 99))
    if kind < 26:
        return draw(reads(columns))
    if kind < 38:
        return draw(locking_reads(columns))
    if kind < 62:
        return draw(updates(columns))
    if kind < 72:
        return f"DELETE FROM test{draw(where(columns))}"
    if kind < 84:
        return draw(inserts(columns))
    if kind < 94:
        name = draw(st.sampled_from(SAVEPOINTS))
        return draw(
            st.sampled_from(
                (f"SAVEPOINT {name}", f"SAVEPOINT {name}", f"ROLLBACK TO {name}",
                 f"RELEASE SAVEPOINT {name}")
            )
        )  # fmt: skip
    if kind < 96:
        level = draw(st.sampled_from(LEVELS))
        return draw(st.sampled_from((f"SET TRANSACTION ISOLATION LEVEL {level}", "BEGIN")))
    return draw(st.sampled_from(("COMMIT", "COMMIT", "ROLLBACK")))


@st.composite
def schedules(draw) -> str:
    """A whole script."""
    definition, columns = draw(st.sampled_from(SCHEMAS))
    sessions = [f"T{number + 1}" for number in range(draw(st.sampled_from((2, 2, 3, 3, 4))))]
    lines = [f"setup: CREATE TABLE test ({definition});"]
    initial = []
    for key in range(1, draw(st.integers(1, 3)) + 1):
        others = [str(key) if column == "code" else draw(literal(column)) for column in columns[1:]]
        initial.append(f"({', '.join([str(key), *others])})")
    lines.append(f"setup: INSERT INTO test VALUES {', '.join(initial)};")
    inside: set[str] = set()
    for _ in range(draw(st.integers(3, 18))):
        session = draw(st.sampled_from(sessions))
        if session not in inside and draw(st.integers(0, 7)) > 0:
            inside.add(session)
            lines.append(f"{session}: {draw(beginnings())};")
        statement = draw(statements(columns))
        if statement in ("COMMIT", "ROLLBACK"):
            inside.discard(session)
        lines.append(f"{session}: {statement};")
    for session in draw(st.permutations(sorted(inside))):
        if draw(st.integers(0, 5)) > 0:
            lines.append(f"{session}: COMMIT;")
    return "\n".join(lines) + "\n"
