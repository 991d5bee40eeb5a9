"""PostgreSQL's rules, each once, without a server. tests/reality holds the engine to the real one.

A rule is a script with what each statement brings noted behind it: rows, a number of rows, an
error code, "ok"; "waits T1: ..." if it waited; "waits T1" or "deferred" if it never came back.
"""

from __future__ import annotations

import pytest

from simulations import load, run

TWO_ROWS = """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20);
"""
CODES = """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT NOT NULL, code INT UNIQUE);
setup: INSERT INTO test VALUES (1, 10, 1), (2, 20, 2), (3, 30, NULL);
"""
RC, RR, SER = "read committed", "repeatable read", "serializable"

RULES = {
    "each statement has its own snapshot": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id = 1          -- (10)
T2: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: SELECT value FROM test WHERE id = 1          -- (11)
""",
    ),
    "the snapshot is taken at the first statement, not at BEGIN": (
        RR,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: SELECT value FROM test WHERE id = 1          -- (11)
T2: UPDATE test SET value = 12 WHERE id = 1      -- 1
T1: SELECT value FROM test WHERE id = 1          -- (11)
""",
    ),
    "read uncommitted is read committed": (
        "read uncommitted",
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: SELECT value FROM test WHERE id = 1          -- (10)
""",
    ),
    "a scan of the heap meets rows in the order of their versions": (
        RC,
        TWO_ROWS,
        """
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: SELECT id FROM test                          -- (2) (1)
T1: SELECT id FROM test ORDER BY id              -- (1) (2)
""",
    ),
    "after a wait the WHERE is applied to the newest version": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = value + 10           -- 2
T2: UPDATE test SET value = 0 WHERE value = 10   -- waits T1: 0
T3: UPDATE test SET value = 0 WHERE value <= 20  -- waits T2: 1
T1: COMMIT                                       -- ok
""",
    ),
    "after a wait repeatable read gives up": (
        RR,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: DELETE FROM test WHERE id = 2                -- 1
T2: UPDATE test SET value = 12 WHERE id = 1      -- waits T1: 40001 update
T3: DELETE FROM test WHERE id = 2                -- waits T1: 40001 delete
T1: COMMIT                                       -- ok
""",
    ),
    "a rollback lets the waiter go on as if nothing had been": (
        RR,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: UPDATE test SET value = 12 WHERE id = 1      -- waits T1: 1
T1: ROLLBACK                                     -- ok
""",
    ),
    "FOR SHARE goes with FOR SHARE, and a writer waits for all of them": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT id FROM test WHERE id = 1 FOR SHARE   -- (1)
T2: SELECT id FROM test WHERE id = 1 FOR SHARE   -- (1)
T3: UPDATE test SET value = 11 WHERE id = 1      -- waits T1 T2: 1
T1: COMMIT                                       -- ok
T2: COMMIT                                       -- ok
""",
    ),
    "a locking read returns the newest version": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: SELECT * FROM test WHERE id = 1 FOR UPDATE   -- waits T1: (1, 11)
T1: COMMIT                                       -- ok
""",
    ),
    "waiters for one row queue": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: UPDATE test SET value = 12 WHERE id = 1      -- waits T1: 1
T3: UPDATE test SET value = 13 WHERE id = 1      -- waits T2
T1: COMMIT                                       -- ok
""",
    ),
    "who closes a circle of waits fails": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: UPDATE test SET value = 22 WHERE id = 2      -- 1
T1: UPDATE test SET value = 21 WHERE id = 2      -- waits T2: 1
T2: UPDATE test SET value = 12 WHERE id = 1      -- 40P01
""",
    ),
    "a waiter overtakes another in a queue if that breaks a circle": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T4: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T4: UPDATE test SET value = 21 WHERE id = 2      -- 1
T2: SELECT id FROM test WHERE id = 1 FOR SHARE   -- waits T1
T3: UPDATE test SET value = 13 WHERE id = 1      -- waits T2
T4: SELECT id FROM test WHERE id = 1 FOR SHARE   -- waits T3: 40P01
T1: UPDATE test SET value = 22 WHERE id = 2      -- 1
""",
    ),
    "an insert waits for the fate of the same key": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: INSERT INTO test VALUES (3, 30)              -- 1
T2: INSERT INTO test VALUES (3, 31)              -- waits T1: 23505
T1: COMMIT                                       -- ok
T1: BEGIN                                        -- ok
T1: DELETE FROM test WHERE id = 3                -- 1
T2: INSERT INTO test VALUES (3, 32)              -- waits T1: 1
T1: COMMIT                                       -- ok
""",
    ),
    "NULL is no duplicate, and NOT NULL is checked": (
        RC,
        CODES,
        """
T1: INSERT INTO test VALUES (4, 40, NULL)        -- 1
T1: INSERT INTO test VALUES (5, 50, 1)           -- 23505
T1: INSERT INTO test (id) VALUES (6)             -- 23502
T1: UPDATE test SET value = NULL WHERE id = 1    -- 23502
""",
    ),
    "an error ends the transaction at once, and ROLLBACK TO mends it": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: SAVEPOINT a                                  -- ok
T1: UPDATE test SET value = 1 / 0 WHERE id = 1   -- 22012
T1: SELECT * FROM test                           -- 25P02
T1: RELEASE a                                    -- 25P02
T1: ROLLBACK TO a                                -- ok
T1: UPDATE test SET value = 2147483647 + id      -- 22003
T1: COMMIT                                       -- ok
T1: SELECT value FROM test WHERE id = 1          -- (10)
""",
    ),
    "ROLLBACK TO lets go of the locks taken since": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: SAVEPOINT a                                  -- ok
T1: UPDATE test SET value = 21 WHERE id = 2      -- 1
T2: UPDATE test SET value = 22 WHERE id = 2      -- waits T1: 1
T3: UPDATE test SET value = 13 WHERE id = 1      -- waits T1
T1: ROLLBACK TO a                                -- ok
""",
    ),
    "RELEASE hands them to the transaction": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: SAVEPOINT a                                  -- ok
T1: UPDATE test SET value = 21 WHERE id = 2      -- 1
T2: UPDATE test SET value = 22 WHERE id = 2      -- waits T1
T1: RELEASE SAVEPOINT a                          -- ok
""",
    ),
    "savepoints need a transaction, and a name that exists": (
        RC,
        TWO_ROWS,
        """
T1: SAVEPOINT a                                  -- 25P01
T1: ROLLBACK TO a                                -- 25P01
T1: COMMIT                                       -- ok
T1: BEGIN                                        -- ok
T1: ROLLBACK TO a                                -- 3B001
""",
    ),
    "the level is fixed by the first statement, and READ ONLY is kept": (
        RC,
        TWO_ROWS,
        """
T1: BEGIN READ ONLY                              -- ok
T1: SELECT id FROM test WHERE id = 1             -- (1)
T1: DELETE FROM test                             -- 25006 cannot execute DELETE
T2: BEGIN                                        -- ok
T2: SELECT id FROM test WHERE id = 1             -- (1)
T2: SET TRANSACTION ISOLATION LEVEL SERIALIZABLE -- 25001
""",
    ),
    "write skew on single rows: the second to commit had become a pivot": (
        SER,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id = 1          -- (10)
T2: SELECT value FROM test WHERE id = 2          -- (20)
T1: UPDATE test SET value = 21 WHERE id = 2      -- 1
T2: UPDATE test SET value = 11 WHERE id = 1      -- 1
T1: COMMIT                                       -- ok
T2: COMMIT                                       -- 40001
""",
    ),
    "an index scan locks the index page, so an insert of another key conflicts": (
        SER,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id = 3          -- none
T2: SELECT value FROM test WHERE id = 4          -- none
T1: INSERT INTO test VALUES (5, 50)              -- 1
T2: INSERT INTO test VALUES (6, 60)              -- 1
T1: COMMIT                                       -- ok
T2: COMMIT                                       -- 40001
""",
    ),
    "a sequential scan locks the table, so any two writers that read conflict": (
        SER,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT id FROM test WHERE value = 10         -- (1)
T2: SELECT id FROM test WHERE value = 20         -- (2)
T1: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: UPDATE test SET value = 21 WHERE id = 2      -- 1
T1: COMMIT                                       -- ok
T2: COMMIT                                       -- 40001
""",
    ),
    "three rows of a page are locked as the page, and then a fourth is, too": (
        SER,
        """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20), (3, 30), (4, 40);
""",
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id < 4          -- (10) (20) (30)
T2: SELECT value FROM test WHERE id = 3          -- (30)
T2: UPDATE test SET value = 41 WHERE id = 4      -- 1
T1: UPDATE test SET value = 31 WHERE id = 3      -- 1
T2: COMMIT                                       -- ok
T1: COMMIT                                       -- 40001
""",
    ),
    "two rows of a page are locked as rows": (
        SER,
        """
setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20), (3, 30), (4, 40);
""",
        """
T1: BEGIN                                        -- ok
T2: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id < 3          -- (10) (20)
T2: SELECT value FROM test WHERE id = 3          -- (30)
T2: UPDATE test SET value = 41 WHERE id = 4      -- 1
T1: UPDATE test SET value = 31 WHERE id = 3      -- 1
T2: COMMIT                                       -- ok
T1: COMMIT                                       -- ok
""",
    ),
    "a reader that finds the pivot committed fails itself": (
        SER,
        TWO_ROWS,
        """
T1: BEGIN                                        -- ok
T1: SELECT value FROM test WHERE id = 3          -- none
T2: BEGIN                                        -- ok
T2: SELECT value FROM test WHERE id = 2          -- (20)
T3: UPDATE test SET value = 22 WHERE id = 2      -- 1
T2: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: COMMIT                                       -- ok
T1: SELECT value FROM test WHERE id = 1          -- 40001
""",
    ),
    "READ ONLY with no writer about is safe, and takes no locks": (
        SER,
        TWO_ROWS,
        """
T1: BEGIN READ ONLY                              -- ok
T1: SELECT value FROM test WHERE value = 10      -- (10)
T2: BEGIN                                        -- ok
T2: SELECT value FROM test WHERE value = 20      -- (20)
T3: UPDATE test SET value = 21 WHERE id = 2      -- 1
T2: UPDATE test SET value = 11 WHERE id = 1      -- 1
T2: COMMIT                                       -- ok
T1: SELECT value FROM test WHERE value = 10      -- (10)
T1: COMMIT                                       -- ok
""",
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
        result = f"{statement['error']['sqlstate']} {statement['error']['message']}"
    elif statement["rows"] is not None:
        rows = (f"({', '.join(str(value) for value in row)})" for row in statement["rows"])
        result = " ".join(rows) or "none"
    elif statement["count"] is not None:
        result = str(statement["count"])
    else:
        result = "ok"
    return f"{waits}: {result}" if waits else result


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_holds(rule):
    level, setup, script = RULES[rule]
    trace = run("isolation", {"engine": "postgresql", "level": level, "script": setup + script})
    statements = load("isolation").report(trace)["statements"]
    expected = [line.partition("--")[2].strip() for line in script.strip().splitlines()]
    for statement, wanted in zip(statements, expected, strict=True):
        got = brought(statement)
        words = wanted.split()
        code = next((word for word in words if len(word) == 5 and word[0] in "234"), None)
        if code is None:
            assert got == wanted, statement["sql"]
        else:  # an error: the code, and each further word of its message
            before, _, message = wanted.partition(code)
            assert got.startswith(before + code), statement["sql"]
            assert all(word in got for word in message.split()), statement["sql"]
