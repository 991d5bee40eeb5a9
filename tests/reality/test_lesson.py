"""What the lesson on isolation says was seen: seen again, on the real servers and in the model.

A comment at the end of a line names that statement; the outcomes are given by name. An outcome is
what came back (rows, a number of rows, an error code), after “waits, ” if the statement waited.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from simulations import load, run
from tests.reality.driver import run_real

PG, MARIA = "postgresql", "innodb"
RC, RR, SER = "read committed", "repeatable read", "serializable"
FIXTURES = {PG: "postgresql", MARIA: "mariadb"}


@dataclass(frozen=True, slots=True)
class Seen:
    title: str
    script: str
    outcomes: dict[tuple[str, str], dict[str, str]]


DOCTORS = """
setup: CREATE TABLE doctors (name VARCHAR(10) PRIMARY KEY, on_call INT);
setup: INSERT INTO doctors VALUES ('Alice', 1), ('Bob', 1);
"""
ROWS = """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20), (3, 30);
"""
ACCOUNT = """
setup: CREATE TABLE account (id INT PRIMARY KEY, balance INT);
setup: INSERT INTO account VALUES (1, 100);
"""
BOTH_LEFT = {"commit": "ok", "table": "Alice 0, Bob 0"}

ALL = (
    Seen(
        "both doctors leave, except at serializable",
        DOCTORS
        + """
T1: BEGIN;
T2: BEGIN;
T1: SELECT COUNT(*) FROM doctors WHERE on_call = 1;
T2: SELECT COUNT(*) FROM doctors WHERE on_call = 1;
T1: UPDATE doctors SET on_call = 0 WHERE name = 'Alice';   -- first
T2: UPDATE doctors SET on_call = 0 WHERE name = 'Bob';     -- second
T1: COMMIT;
T2: COMMIT;                                         -- commit
""",
        {
            (PG, RC): BOTH_LEFT,
            (PG, RR): BOTH_LEFT,
            (PG, SER): {"second": "1", "commit": "40001", "table": "Alice 0, Bob 1"},
            (MARIA, RC): BOTH_LEFT,
            (MARIA, RR): BOTH_LEFT,
            (MARIA, SER): {"first": "waits, 1", "second": "1213", "table": "Alice 0, Bob 1"},
        },
    ),
    Seen(
        "one doctor at a lower level, and both leave",
        DOCTORS
        + """
T1: BEGIN ISOLATION LEVEL SERIALIZABLE;
T2: BEGIN ISOLATION LEVEL REPEATABLE READ;
T1: SELECT COUNT(*) FROM doctors WHERE on_call = 1;
T2: SELECT COUNT(*) FROM doctors WHERE on_call = 1;
T1: UPDATE doctors SET on_call = 0 WHERE name = 'Alice';
T2: UPDATE doctors SET on_call = 0 WHERE name = 'Bob';
T1: COMMIT;
T2: COMMIT;                                         -- commit
""",
        {(PG, SER): BOTH_LEFT},
    ),
    Seen(
        "the second doctor who locks sees one row",
        DOCTORS
        + """
T1: BEGIN;
T2: BEGIN;
T1: SELECT name FROM doctors WHERE on_call = 1 FOR UPDATE;
T2: SELECT name FROM doctors WHERE on_call = 1 FOR UPDATE;   -- read
T1: UPDATE doctors SET on_call = 0 WHERE name = 'Alice';
T1: COMMIT;
""",
        {
            (PG, RC): {"read": "waits, Bob"},
            (PG, RR): {"read": "waits, 40001"},
            (MARIA, RC): {"read": "waits, Bob"},
            (MARIA, RR): {"read": "waits, Bob"},
        },
    ),
    Seen(
        "a deposit that was computed in the application is lost",
        ACCOUNT
        + """
T1: BEGIN;
T2: BEGIN;
T1: SELECT balance FROM account WHERE id = 1;
T2: SELECT balance FROM account WHERE id = 1;
T1: UPDATE account SET balance = 110 WHERE id = 1;
T2: UPDATE account SET balance = 120 WHERE id = 1;   -- second
T1: COMMIT;
T2: COMMIT;
""",
        {
            (PG, RC): {"second": "waits, 1", "table": "1 120"},
            (PG, RR): {"second": "waits, 40001", "table": "1 110"},
            (MARIA, RC): {"second": "waits, 1", "table": "1 120"},
            (MARIA, RR): {"second": "waits, 1", "table": "1 120"},
        },
    ),
    Seen(
        "a deposit that the statement computes is not",
        ACCOUNT
        + """
T1: BEGIN;
T2: BEGIN;
T1: SELECT balance FROM account WHERE id = 1;
T2: SELECT balance FROM account WHERE id = 1;
T1: UPDATE account SET balance = balance + 10 WHERE id = 1;
T2: UPDATE account SET balance = balance + 20 WHERE id = 1;   -- second
T1: COMMIT;
T2: COMMIT;
""",
        {
            (PG, RC): {"second": "waits, 1", "table": "1 130"},
            (PG, RR): {"second": "waits, 40001", "table": "1 110"},
            (MARIA, RC): {"second": "waits, 1", "table": "1 130"},
            (MARIA, RR): {"second": "waits, 1", "table": "1 130"},
        },
    ),
    Seen(
        "after a wait PostgreSQL checks its candidates, InnoDB finds new ones",
        """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20);
T1: BEGIN;
T1: UPDATE test SET value = value + 10;
T2: DELETE FROM test WHERE value = 20;   -- delete
T1: COMMIT;
""",
        {
            (PG, RC): {"delete": "waits, 0", "table": "1 20, 2 30"},
            (MARIA, RC): {"delete": "waits, 1", "table": "2 30"},
        },
    ),
    Seen(
        "the snapshot is taken by the first statement",
        ROWS
        + """
T1: BEGIN;
T2: UPDATE test SET value = 11 WHERE id = 1;
T1: SELECT value FROM test WHERE id = 1;   -- first
T2: UPDATE test SET value = 12 WHERE id = 1;
T1: SELECT value FROM test WHERE id = 1;   -- again
""",
        {
            (PG, RR): {"first": "11", "again": "11"},
            (MARIA, RR): {"first": "11", "again": "11"},
        },
    ),
    Seen(
        "a plain read shows the snapshot, a locking read the newest data",
        ROWS
        + """
T1: BEGIN;
T1: SELECT id FROM test WHERE id > 2;              -- plain
T2: INSERT INTO test VALUES (4, 40);
T1: SELECT id FROM test WHERE id > 2;              -- again
T1: SELECT id FROM test WHERE id > 2 FOR UPDATE;   -- locking
""",
        {
            (PG, RR): {"plain": "3", "again": "3", "locking": "3"},
            (MARIA, RR): {"plain": "3", "again": "3", "locking": "3 | 4"},
        },
    ),
    Seen(
        "only InnoDB locks the gap behind the rows of a search",
        ROWS
        + """
T1: BEGIN;
T1: SELECT id FROM test WHERE id > 2 FOR UPDATE;
T2: INSERT INTO test VALUES (4, 40);               -- insert
T1: COMMIT;
""",
        {
            (PG, RR): {"insert": "1"},
            (MARIA, RC): {"insert": "1"},
            (MARIA, RR): {"insert": "waits, 1"},
        },
    ),
    Seen(
        "two searches for missing rows lock one gap, and the inserts deadlock",
        """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (10, 10), (20, 20);
T1: BEGIN;
T2: BEGIN;
T1: SELECT id FROM test WHERE id = 15 FOR UPDATE;
T2: SELECT id FROM test WHERE id = 16 FOR UPDATE;
T1: INSERT INTO test VALUES (15, 0);   -- first
T2: INSERT INTO test VALUES (16, 0);   -- second
T1: COMMIT;
T2: COMMIT;
""",
        {
            (PG, RR): {"first": "1", "second": "1"},
            (MARIA, RC): {"first": "1", "second": "1"},
            (MARIA, RR): {"first": "waits, 1", "second": "1213"},
        },
    ),
    Seen(
        "two searches for missing keys share a page, and one transaction is aborted",
        """
setup: CREATE TABLE account (id INT PRIMARY KEY, balance INT);
setup: INSERT INTO account VALUES (1, 100);
T1: BEGIN;
T2: BEGIN;
T1: SELECT balance FROM account WHERE id = 10;
T2: SELECT balance FROM account WHERE id = 20;
T1: INSERT INTO account VALUES (10, 5);
T2: INSERT INTO account VALUES (20, 5);
T1: COMMIT;
T2: COMMIT;                                        -- commit
""",
        {(PG, SER): {"commit": "40001"}},
    ),
    Seen(
        "two searches for keys that exist do not meet",
        """
setup: CREATE TABLE account (id INT PRIMARY KEY, balance INT);
setup: INSERT INTO account VALUES (1, 100), (10, 0), (20, 0);
T1: BEGIN;
T2: BEGIN;
T1: SELECT balance FROM account WHERE id = 10;
T2: SELECT balance FROM account WHERE id = 20;
T1: UPDATE account SET balance = 5 WHERE id = 10;
T2: UPDATE account SET balance = 5 WHERE id = 20;
T1: COMMIT;
T2: COMMIT;                                        -- commit
""",
        {(PG, SER): {"commit": "ok", "table": "1 100, 10 5, 20 5"}},
    ),
    Seen(
        "a reader completes the cycle, and T2 is aborted",
        """
setup: CREATE TABLE account (id INT PRIMARY KEY, balance INT);
setup: INSERT INTO account VALUES (1, 0), (2, 0);
T1: BEGIN;
T2: BEGIN;
T2: SELECT id, balance FROM account;
T1: SELECT balance FROM account WHERE id = 2;
T1: UPDATE account SET balance = 20 WHERE id = 2;
T1: COMMIT;
T3: BEGIN;
T3: SELECT balance FROM account ORDER BY id;        -- statement
T3: COMMIT;
T2: UPDATE account SET balance = -11 WHERE id = 1;  -- withdrawal
T2: COMMIT;
""",
        {
            (PG, RR): {"statement": "0 | 20", "withdrawal": "1", "table": "1 -11, 2 20"},
            (PG, SER): {"statement": "0 | 20", "withdrawal": "40001", "table": "1 0, 2 20"},
        },
    ),
    Seen(
        "without the reader nobody is aborted",
        """
setup: CREATE TABLE account (id INT PRIMARY KEY, balance INT);
setup: INSERT INTO account VALUES (1, 0), (2, 0);
T1: BEGIN;
T2: BEGIN;
T2: SELECT id, balance FROM account;
T1: SELECT balance FROM account WHERE id = 2;
T1: UPDATE account SET balance = 20 WHERE id = 2;
T1: COMMIT;
T2: UPDATE account SET balance = -11 WHERE id = 1;
T2: COMMIT;                                         -- commit
""",
        {(PG, SER): {"commit": "ok", "table": "1 -11, 2 20"}},
    ),
    Seen(
        "a savepoint keeps the old snapshot",
        ROWS
        + """
T1: BEGIN;
T1: SELECT value FROM test WHERE id = 1;
T2: UPDATE test SET value = 11 WHERE id = 1;
T1: SAVEPOINT before;
T1: UPDATE test SET value = value + 1 WHERE id = 1;   -- first
T1: ROLLBACK TO SAVEPOINT before;
T1: UPDATE test SET value = value + 1 WHERE id = 1;   -- again
""",
        {(PG, RR): {"first": "40001", "again": "40001"}},
    ),
    Seen(
        "after a deadlock InnoDB's next statement commits by itself",
        ROWS
        + """
T1: BEGIN;
T2: BEGIN;
T1: UPDATE test SET value = 11 WHERE id = 1;
T2: UPDATE test SET value = 22 WHERE id = 2;
T1: UPDATE test SET value = 12 WHERE id = 2;
T2: UPDATE test SET value = 21 WHERE id = 1;   -- victim
T2: UPDATE test SET value = 99 WHERE id = 3;   -- next
T2: ROLLBACK;
T1: COMMIT;
""",
        {
            (PG, RC): {"victim": "40P01", "next": "25P02", "table": "1 11, 2 12, 3 30"},
            (MARIA, RR): {"victim": "1213", "next": "1", "table": "1 11, 2 12, 3 99"},
        },
    ),
    Seen(
        "a booking in an empty calendar is made twice",
        """
setup: CREATE TABLE booking (id INT PRIMARY KEY, room INT, hour INT);
T1: BEGIN;
T2: BEGIN;
T1: SELECT COUNT(*) FROM booking WHERE room = 7 AND hour = 9;
T2: SELECT COUNT(*) FROM booking WHERE room = 7 AND hour = 9;
T1: INSERT INTO booking VALUES (1, 7, 9);
T2: INSERT INTO booking VALUES (2, 7, 9);
T1: COMMIT;
T2: COMMIT;                                        -- commit
""",
        {
            (PG, RC): {"commit": "ok", "table": "1 7 9, 2 7 9"},
            (PG, SER): {"commit": "40001", "table": "1 7 9"},
            (MARIA, RR): {"commit": "ok", "table": "1 7 9, 2 7 9"},
        },
    ),
)
CASES = [
    pytest.param(seen, engine, level, id=f"{seen.title} ({engine}, {level})")
    for seen in ALL
    for engine, level in seen.outcomes
]


def outcomes(script: str, report: dict) -> dict[str, str]:
    """The named statements' outcomes, and the table's rows under `table`."""
    lines = script.split("\n")
    found = {}
    for statement in report["statements"]:
        _, _, name = lines[statement["line"] - 1].partition("--")
        if name:
            found[name.strip()] = outcome(statement)
    (rows,) = report["tables"].values()
    found["table"] = ", ".join(" ".join(map(str, row)) for row in rows)
    return found


def outcome(statement: dict) -> str:
    if statement["outcome"] == "error":
        said = str(statement["error"]["code"])
    elif statement.get("rows") is not None:
        said = " | ".join(" ".join(map(str, row)) for row in statement["rows"])
    elif statement["sql"].upper().startswith(("COMMIT", "ROLLBACK")):
        said = statement["outcome"]
    else:
        said = str(statement.get("count", statement["outcome"]))
    return f"waits, {said}" if statement["waited_for"] else said


@pytest.mark.parametrize(("seen", "engine", "level"), CASES)
def test_in_the_model(seen: Seen, engine: str, level: str) -> None:
    trace = run("isolation", {"engine": engine, "level": level, "script": seen.script})
    found = outcomes(seen.script, load("isolation").report(trace))
    expected = seen.outcomes[engine, level]
    assert {name: found[name] for name in expected} == expected


@pytest.mark.reality
@pytest.mark.parametrize(("seen", "engine", "level"), CASES)
def test_on_the_server(seen: Seen, engine: str, level: str, request: pytest.FixtureRequest) -> None:
    system = request.getfixturevalue(FIXTURES[engine])
    found = outcomes(seen.script, run_real(system, seen.script, level))
    expected = seen.outcomes[engine, level]
    assert {name: found[name] for name in expected} == expected
