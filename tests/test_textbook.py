"""The textbook engines: what each level of locking lets pass, and what it makes wait."""

import pytest

from simulations import Trace, load, run
from simulations.isolation.scenarios import cases
from simulations.isolation.sql import LEVELS

SETUP = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT, name VARCHAR(5) UNIQUE);
setup: INSERT INTO test VALUES (1, 10, 'a'), (2, 20, 'b');
"""
SCRIPTS = {case.name: case.parameters["script"] for case in cases()}


def traced(script: str, engine: str = "locking", level: str = "serializable") -> Trace:
    return run("isolation", {"engine": engine, "level": level, "script": script})


def told(*lines: str, **more: str) -> dict[int, dict]:
    """The statements, by their number from 1."""
    trace = traced(SETUP + "\n".join(lines), **more)
    return {one["line"] - 2: one for one in load("isolation").report(trace)["statements"]}


# Table 2 and 4 of Berenson et al.: what each level must prevent, and what it need not.
LETS_PASS = {
    "read uncommitted": {"g1a", "g1b", "g1c", "otv", "pmp", "p4-lost-update", "g-single",
                         "g2-item", "g2"},
    "read committed": {"pmp", "p4-lost-update", "g-single", "g2-item", "g2"},
    "repeatable read": {"pmp", "g2"},
    "serializable": set(),
}  # fmt: skip
NAMES = sorted(LETS_PASS["read uncommitted"] | {"g0"})


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_locking_lets_pass_what_its_level_says(level: str, name: str) -> None:
    verdict = traced(SCRIPTS[name], level=level).verdict
    assert verdict["serializable"] == (name not in LETS_PASS[level]), verdict["sentence"]


@pytest.mark.parametrize("name", NAMES)
def test_without_control_everything_passes(name: str) -> None:
    assert not traced(SCRIPTS[name], "none").verdict["serializable"]


def test_without_control_a_rollback_takes_back_only_its_own() -> None:
    statements = told(
        "T1: BEGIN",
        "T1: UPDATE test SET value = 11 WHERE id = 1",
        "T2: UPDATE test SET value = value + 1 WHERE id = 1",
        "T1: ROLLBACK",
        "T2: SELECT value FROM test WHERE id = 1",
        engine="none",
    )
    assert statements[5]["rows"] == [[12]]


def test_a_predicate_lock_stops_only_what_it_would_find() -> None:
    statements = told(
        "T1: BEGIN",
        "T1: SELECT id FROM test WHERE value > 15",
        "T2: INSERT INTO test VALUES (3, 12, 'c')",
        "T2: UPDATE test SET value = 14 WHERE id = 1",
        "T2: UPDATE test SET value = 16 WHERE id = 1",
        "T3: DELETE FROM test WHERE id = 3",
        "T1: COMMIT",
    )
    assert [statements[line]["waited_for"] for line in (3, 4, 5, 6)] == [[], [], ["T1"], []]
    assert statements[5]["released_by"] == 9


def test_a_search_waits_for_rows_that_leave_it() -> None:
    """Whoever moves a row out of what a WHERE finds, and has not committed, may still come back."""
    statements = told(
        "T1: BEGIN",
        "T1: UPDATE test SET value = 0 WHERE id = 2",
        "T2: SELECT id FROM test WHERE value > 15",
        "T1: ROLLBACK",
    )
    assert statements[3]["waited_for"] == ["T1"]
    assert statements[3]["rows"] == [[2]]


def test_who_closes_the_circle_is_rolled_back_and_then_refused() -> None:
    statements = told(
        "T1: BEGIN",
        "T2: BEGIN",
        "T1: UPDATE test SET value = 11 WHERE id = 1",
        "T2: UPDATE test SET value = 22 WHERE id = 2",
        "T1: UPDATE test SET value = 21 WHERE id = 2",
        "T2: UPDATE test SET value = 12 WHERE id = 1",
        "T2: SELECT * FROM test",
        "T2: COMMIT",
        "T1: COMMIT",
        "T2: SELECT id, value FROM test",
    )
    assert statements[6]["error"]["sqlstate"] == "40001"
    assert statements[5]["outcome"] == "ok"
    assert statements[7]["error"]["sqlstate"] == "25P02"
    assert statements[10]["rows"] == [[1, 11], [2, 21]]


def test_a_statement_that_fails_leaves_the_transaction_open() -> None:
    statements = told(
        "T1: BEGIN",
        "T1: UPDATE test SET value = 11 WHERE id = 1",
        "T1: INSERT INTO test VALUES (3, 30, 'c'), (4, 40, 'a')",
        "T1: UPDATE test SET value = value / 0",
        "T1: COMMIT",
        "T2: SELECT id, value FROM test",
    )
    assert statements[3]["error"]["sqlstate"] == "23505"
    assert statements[4]["error"]["sqlstate"] == "22012"
    assert statements[6]["rows"] == [[1, 11], [2, 20]]


def test_an_insert_waits_for_the_fate_of_its_key() -> None:
    first = ("T1: BEGIN", "T1: INSERT INTO test VALUES (3, 30, 'c')")
    second = "T2: INSERT INTO test VALUES (4, 40, 'c')"
    statements = told(*first, second, "T1: COMMIT")
    assert statements[3]["waited_for"] == ["T1"]
    assert statements[3]["error"]["sqlstate"] == "23505"
    statements = told(*first, second, "T1: ROLLBACK")
    assert statements[3]["outcome"] == "ok"


def test_savepoints_take_back_and_nest() -> None:
    statements = told(
        "T1: BEGIN",
        "T1: SAVEPOINT a",
        "T1: DELETE FROM test WHERE id = 1",
        "T1: SAVEPOINT b",
        "T1: DELETE FROM test",
        "T1: ROLLBACK TO b",
        "T1: SELECT id FROM test",
        "T1: ROLLBACK TO a",
        "T1: ROLLBACK TO b",
        "T1: SELECT id FROM test",
        "T1: RELEASE a",
        "T1: ROLLBACK TO a",
    )
    assert statements[7]["rows"] == [[2]]
    assert statements[9]["error"]["sqlstate"] == "3B001"
    assert statements[10]["rows"] == [[1], [2]]
    assert statements[12]["error"]["sqlstate"] == "3B001"


def test_levels_and_read_only_as_the_transaction_says() -> None:
    statements = told(
        "T1: BEGIN ISOLATION LEVEL READ UNCOMMITTED",
        "T2: BEGIN",
        "T2: UPDATE test SET value = 99 WHERE id = 1",
        "T1: SELECT value FROM test WHERE id = 1",
        "T1: SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "T3: BEGIN READ ONLY",
        "T3: DELETE FROM test",
    )
    assert statements[4]["rows"] == [[99]]
    assert statements[5]["error"]["sqlstate"] == "25001"
    assert statements[7]["error"]["sqlstate"] == "25006"


def test_a_row_may_change_its_key() -> None:
    statements = told(
        "T1: UPDATE test SET id = id + 1",
        "T1: SELECT id, value FROM test",
        "T1: UPDATE test SET id = 3",
        engine="none",
    )
    assert statements[1]["count"] == 2
    assert statements[2]["rows"] == [[2, 10], [3, 20]]
    assert statements[3]["error"]["sqlstate"] == "23505"
