"""InnoDB's rules, each once, without a server. tests/reality holds the engine to the real one.

A rule is a script with what each statement brings noted behind it: rows, a number of rows, an
error code, "ok"; "waits T1: ..." if it waited; "waits T1" or "deferred" if it never came back.
Every script was run on MariaDB 10.11.19, too: tests/reality/test_innodb.py does it again.
"""

from __future__ import annotations

import random
import time

import pytest

from simulations import load, run
from simulations.isolation.innodb import InnoDB
from simulations.isolation.innodb.access import plan
from simulations.isolation.innodb.records import Table
from simulations.isolation.model import play
from simulations.isolation.parser import parse

TWO_ROWS = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20);
"""
GAPS = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (10, 1), (20, 2), (30, 3);
"""
CODES = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT, code INT UNIQUE);
setup: INSERT INTO test VALUES (1, 10, 100), (2, 20, 200), (3, 30, 300);
"""
RU, RC, RR, SER = "read uncommitted", "read committed", "repeatable read", "serializable"

RULES = {
    "read uncommitted sees what is not committed": (
        RU,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T2: SELECT value FROM test WHERE id = 1 -- (11)
T1: ROLLBACK -- ok
T2: SELECT value FROM test WHERE id = 1 -- (10)""",
    ),
    "read committed has a snapshot for each statement": (
        RC,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: SELECT value FROM test WHERE id = 1 -- (10)
T2: UPDATE test SET value = 11 WHERE id = 1 -- 1
T1: SELECT value FROM test WHERE id = 1 -- (11)""",
    ),
    "repeatable read has one from its first read, and BEGIN is none": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T2: UPDATE test SET value = 11 WHERE id = 1 -- 1
T1: SELECT value FROM test WHERE id = 1 -- (11)
T2: UPDATE test SET value = 12 WHERE id = 1 -- 1
T1: SELECT value FROM test WHERE id = 1 -- (11)""",
    ),
    "a locking read sees the newest row, the snapshot stays": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: SELECT value FROM test WHERE id = 1 -- (10)
T2: UPDATE test SET value = 11 WHERE id = 1 -- 1
T1: SELECT value FROM test WHERE id = 1 FOR UPDATE -- (11)
T1: SELECT value FROM test WHERE id = 1 -- (10)""",
    ),
    "a plain read locks at serializable inside of BEGIN": (
        SER,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: SELECT value FROM test WHERE id = 1 -- (10)
T2: UPDATE test SET value = 11 WHERE id = 1 -- waits T1: 1
T1: COMMIT -- ok""",
    ),
    "and outside of BEGIN it does not": (
        SER,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T2: SELECT value FROM test WHERE id = 1 -- (10)""",
    ),
    "a search for a missing key locks the gap": (
        RR,
        GAPS,
        """T1: BEGIN -- ok
T1: SELECT * FROM test WHERE id = 15 FOR UPDATE -- none
T2: INSERT INTO test VALUES (25, 0) -- 1
T2: INSERT INTO test VALUES (16, 0) -- waits T1""",
    ),
    "no gaps are locked at read committed": (
        RC,
        GAPS,
        """T1: BEGIN -- ok
T1: SELECT * FROM test WHERE id = 15 FOR UPDATE -- none
T2: INSERT INTO test VALUES (16, 0) -- 1""",
    ),
    "a range locks the row beyond its end": (
        RR,
        GAPS,
        """T1: BEGIN -- ok
T1: SELECT id FROM test WHERE id < 15 FOR UPDATE -- (10)
T2: UPDATE test SET value = 0 WHERE id = 30 -- 1
T2: UPDATE test SET value = 0 WHERE id = 20 -- waits T1""",
    ),
    "two gap locks go together, and two inserts into them deadlock": (
        RR,
        GAPS,
        """T1: BEGIN -- ok
T2: BEGIN -- ok
T1: SELECT * FROM test WHERE id = 15 FOR UPDATE -- none
T2: SELECT * FROM test WHERE id = 16 FOR UPDATE -- none
T1: INSERT INTO test VALUES (15, 0) -- waits T2: 1
T2: INSERT INTO test VALUES (16, 0) -- 1213""",
    ),
    "an insert splits a locked gap in two locked ones": (
        RR,
        GAPS,
        """T1: BEGIN -- ok
T1: SELECT * FROM test WHERE id = 15 FOR UPDATE -- none
T1: INSERT INTO test VALUES (15, 0) -- 1
T2: INSERT INTO test VALUES (12, 0) -- waits T1""",
    ),
    "semi-consistent read: an update passes by rows that do not match as committed": (
        RC,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T2: UPDATE test SET value = 21 WHERE value = 20 -- 1""",
    ),
    "a delete waits for them": (
        RC,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T2: DELETE FROM test WHERE value = 20 -- waits T1""",
    ),
    "read committed gives back rows that do not match, repeatable read does not": (
        RC,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 21 WHERE value = 20 -- 1
T2: UPDATE test SET value = 11 WHERE id = 1 -- 1""",
    ),
    "repeatable read keeps them": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 21 WHERE value = 20 -- 1
T2: UPDATE test SET value = 11 WHERE id = 1 -- waits T1""",
    ),
    "the victim is the one with less done, not the one that closed the circle": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T2: BEGIN -- ok
T1: SELECT value FROM test WHERE id = 1 FOR UPDATE -- (10)
T2: INSERT INTO test VALUES (3, 30), (4, 40), (5, 50) -- 3
T2: UPDATE test SET value = 21 WHERE id = 2 -- 1
T1: SELECT value FROM test WHERE id = 2 FOR UPDATE -- waits T2: 1213
T2: UPDATE test SET value = 11 WHERE id = 1 -- 1""",
    ),
    "after a deadlock the session is outside of its transaction": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T2: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T2: UPDATE test SET value = 22 WHERE id = 2 -- 1
T1: UPDATE test SET value = 12 WHERE id = 2 -- waits T2: 1
T2: UPDATE test SET value = 21 WHERE id = 1 -- 1213
T2: INSERT INTO test VALUES (3, 30) -- 1
T3: SELECT COUNT(*) FROM test -- (3)""",
    ),
    "a duplicate is found when the first insert is committed": (
        RC,
        CODES,
        """T1: BEGIN -- ok
T1: INSERT INTO test VALUES (4, 40, 400) -- 1
T2: INSERT INTO test VALUES (5, 50, 400) -- waits T1: 1062
T1: COMMIT -- ok""",
    ),
    "and is none if it is rolled back": (
        RC,
        CODES,
        """T1: BEGIN -- ok
T1: INSERT INTO test VALUES (4, 40, 400) -- 1
T2: INSERT INTO test VALUES (5, 50, 400) -- waits T1: 1
T1: ROLLBACK -- ok
T3: SELECT id FROM test WHERE code = 400 -- (5)""",
    ),
    "a duplicate takes back its statement and keeps its shared lock": (
        RR,
        CODES,
        """T1: BEGIN -- ok
T1: INSERT INTO test VALUES (4, 40, 400), (1, 0, 500) -- 1062
T1: SELECT COUNT(*) FROM test -- (3)
T2: UPDATE test SET value = 11 WHERE id = 1 -- waits T1""",
    ),
    "an update counts the rows that it changed": (
        RR,
        TWO_ROWS,
        """T1: UPDATE test SET value = 10 -- 1
T1: UPDATE test SET value = 10 -- 0""",
    ),
    "rollback to a savepoint keeps the locks": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1
T1: SAVEPOINT a -- ok
T1: UPDATE test SET value = 22 WHERE id = 2 -- 1
T1: ROLLBACK TO a -- ok
T2: SELECT value FROM test WHERE id = 2 -- (20)
T2: UPDATE test SET value = 23 WHERE id = 2 -- waits T1""",
    ),
    "unless the savepoint was there before the first statement": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: SAVEPOINT a -- ok
T1: UPDATE test SET value = 22 WHERE id = 2 -- 1
T1: ROLLBACK TO a -- ok
T2: UPDATE test SET value = 23 WHERE id = 2 -- 1""",
    ),
    "one's own insert is locked without a lock": (
        RC,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: INSERT INTO test VALUES (3, 30) -- 1
T2: SELECT * FROM test WHERE id = 3 -- none
T2: SELECT * FROM test WHERE id = 3 FOR SHARE -- waits T1: (3, 30)
T1: COMMIT -- ok""",
    ),
    "a secondary index is locked before the row": (
        RR,
        CODES,
        """T1: BEGIN -- ok
T1: SELECT id FROM test WHERE code = 200 FOR UPDATE -- (2)
T2: INSERT INTO test VALUES (4, 40, 150) -- waits T1""",
    ),
    "read only": (
        RR,
        TWO_ROWS,
        """T1: BEGIN READ ONLY -- ok
T1: UPDATE test SET value = 11 WHERE id = 1 -- 1792
T1: SELECT value FROM test WHERE id = 1 FOR UPDATE -- 1792
T1: SELECT value FROM test WHERE id = 1 -- (10)""",
    ),
    "errors that need no row": (
        RR,
        TWO_ROWS,
        """T1: BEGIN -- ok
T1: SET TRANSACTION ISOLATION LEVEL SERIALIZABLE -- 1568
T1: ROLLBACK TO nowhere -- 1305""",
    ),
}


def brought(statement: dict) -> str:
    """What a statement brought, in the words of this file."""
    if statement["outcome"] == "deferred":
        return "deferred"
    waits = "waits " + " ".join(statement["waited_for"]) if statement["waited_for"] else ""
    if statement["outcome"] == "waiting":
        return waits
    if statement["outcome"] == "error":
        result = str(statement["error"]["code"])
    elif statement["rows"] is not None:
        rows = (f"({', '.join(str(value) for value in row)})" for row in statement["rows"])
        result = " ".join(rows) or "none"
    else:
        result = "ok" if statement["count"] is None else str(statement["count"])
    return f"{waits}: {result}" if waits else result


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_holds(rule):
    level, setup, script = RULES[rule]
    trace = run("isolation", {"engine": "innodb", "level": level, "script": setup + script})
    statements = load("isolation").report(trace)["statements"]
    expected = [line.partition("--")[2].strip() for line in script.splitlines()]
    for statement, wanted in zip(statements, expected, strict=True):
        assert brought(statement) == wanted, statement["sql"]


PLANS = (  # for a table of three rows: the statement, and how EXPLAIN says that it is run
    ("SELECT * FROM test WHERE id = 1", "const PRIMARY"),
    ("UPDATE test SET value = 1 WHERE id = 1", "range PRIMARY"),
    ("UPDATE test SET value = 1 WHERE id IN (1, 2)", "range PRIMARY"),
    ("UPDATE test SET value = 1 WHERE id IN (1, 2, 3)", "scan PRIMARY"),
    ("SELECT * FROM test WHERE id <> 1", "scan PRIMARY"),
    ("SELECT * FROM test WHERE id > 1 ORDER BY id DESC", "range PRIMARY backwards"),
    ("SELECT * FROM test WHERE code IN (100, 200)", "range code"),
    ("SELECT * FROM test WHERE code IN (100, 200, 300)", "scan PRIMARY"),
    ("SELECT COUNT(*) FROM test", "scan code"),
    ("SELECT * FROM test WHERE value = 1 AND value = 2", "nothing"),
    ("DELETE FROM test WHERE value = 1 AND value = 2", "scan PRIMARY"),
    ("DELETE FROM test WHERE id = 1 AND id = 2", "nothing"),
    ("SELECT * FROM test WHERE NOT (id <> 1)", "const PRIMARY"),
)


@pytest.mark.parametrize(("sql", "wanted"), PLANS)
def test_the_plan_is_the_optimizers(sql, wanted):
    engine = InnoDB("repeatable read", lock_wait_timeout=50)
    for line in CODES.strip().splitlines():
        engine.set_up(parse(line.partition(": ")[2]))
    statement = parse(sql)
    table: Table = engine.tables["test"]
    chosen = plan(table, statement.where, statement if sql.startswith("SELECT") else None)
    words = [chosen.kind, chosen.index.name if chosen.index else ""]
    assert " ".join([*words, "backwards" if chosen.backwards else ""]).strip() == wanted


def test_a_run_takes_less_than_three_milliseconds():
    chance = random.Random(1)
    scripts = [
        TWO_ROWS
        + "".join(f"T{n}: BEGIN;\n" for n in (1, 2, 3))
        + "".join(
            f"T{chance.randint(1, 3)}: UPDATE test SET value = value + 1"
            f" WHERE id = {chance.randint(1, 2)};\n"
            for _ in range(6)
        )
        + "".join(f"T{n}: COMMIT;\n" for n in (1, 2, 3))
        for _ in range(50)
    ]
    start = time.process_time()
    for script in scripts:
        play({"engine": "innodb", "level": RR, "lock_wait_timeout": 50, "script": script})
    assert (time.process_time() - start) / len(scripts) < 0.003
