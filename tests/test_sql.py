"""The SQL subset: what it reads, what it refuses and where, and what expressions mean."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.isolation.checks import check
from simulations.isolation.evaluation import (
    SqlError,
    evaluate,
    inserted,
    output,
    updated,
)
from simulations.isolation.parser import parse
from simulations.isolation.sql import (
    Begin,
    Commit,
    CreateTable,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    Select,
    SetTransaction,
)
from simulations.simulation import Problem

TABLE = parse("CREATE TABLE test (id INT PRIMARY KEY, value INT, name VARCHAR(5) UNIQUE)")
SCHEMA = {"test": TABLE}


def value(expression: str, dialect: str = "postgresql", **row: object) -> object:
    tree = parse(f"SELECT {expression} FROM test").items[0].expression
    return evaluate(tree, {"id": 1, "value": 10, "name": "a", **row}, dialect)


def refused(sql: str, dialect: str = "postgresql") -> Problem:
    with pytest.raises(Problem) as caught:
        check(parse(sql), SCHEMA, dialect)
    return caught.value


def test_a_table_knows_its_keys() -> None:
    table = parse("CREATE TABLE t (a INT, b VARCHAR(3) UNIQUE, c INT NOT NULL, PRIMARY KEY (c, a))")
    assert isinstance(table, CreateTable)
    assert table.names == ("a", "b", "c")
    assert table.primary == ("c", "a")
    assert [(key.name, key.columns) for key in table.keys] == [
        ("t_pkey", ("c", "a")),
        ("t_b_key", ("b",)),
    ]
    assert [column.not_null for column in table.columns] == [True, False, True]


@pytest.mark.parametrize(
    ("sql", "tree"),
    [
        ("BEGIN", Begin()),
        ("begin work;", Begin()),
        ("START TRANSACTION READ ONLY", Begin(None, True)),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", Begin("repeatable read")),
        ("BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY", Begin("serializable", True)),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", SetTransaction("read committed", None)),
        ("SAVEPOINT a", Savepoint("a")),
        ("ROLLBACK TO a", RollbackTo("a")),
        ("ROLLBACK WORK TO SAVEPOINT a", RollbackTo("a")),
        ("RELEASE SAVEPOINT a", Release("a")),
        ("COMMIT WORK", Commit()),
        ("rollback -- all of it", Rollback()),
    ],
)
def test_statements_about_transactions(sql: str, tree: object) -> None:
    assert parse(sql) == tree


def test_a_statement_is_kept_as_written() -> None:
    assert parse("  select  ID from Test ; -- why").text == "select  ID from Test"
    select = parse("SELECT id, value + 1 AS more FROM test ORDER BY id DESC, value FOR UPDATE")
    assert isinstance(select, Select)
    assert [item.label for item in select.items] == ["id", "more"]
    assert (select.order_by, select.lock) == ((("id", True), ("value", False)), "update")
    assert parse("SELECT * FROM test LOCK IN SHARE MODE").lock == "share"
    assert parse("SELECT * FROM test FOR SHARE").lock == "share"


@pytest.mark.parametrize(
    ("sql", "column", "named"),
    [
        ("SELECT a FROM test JOIN other ON 1 = 1", 20, "JOIN"),
        ("SELECT a FROM test GROUP BY a", 20, "GROUP BY"),
        ("SELECT a FROM test LIMIT 1", 20, "LIMIT"),
        ("SELECT DISTINCT a FROM test", 8, "DISTINCT"),
        ("SELECT AVG(a) FROM test", 8, "AVG"),
        ("SELECT a FROM test WHERE a LIKE 'x'", 28, "LIKE"),
        ("SELECT a FROM test WHERE a IN (SELECT 1)", 32, "SELECT inside"),
        ("SELECT a FROM test, other", 19, "one table"),
        ("SELECT test.a FROM test", 12, "without its table"),
        ("SELECT a FROM test FOR UPDATE NOWAIT", 31, "NOWAIT"),
        ("SELECT a FROM test FOR UPDATE SKIP LOCKED", 31, "SKIP LOCKED"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", 1, "WITH"),
        ("INSERT INTO test VALUES (1) ON CONFLICT DO NOTHING", 29, "ON"),
        ("INSERT INTO test VALUES (1) RETURNING id", 29, "RETURNING"),
        ("INSERT INTO test SELECT 1", 18, "SELECT"),
        ("UPDATE test SET a = CASE WHEN b THEN 1 END", 21, "CASE"),
        ("UPDATE test SET a = 1, a = 2", 24, "twice"),
        ("DELETE test", 8, "FROM"),
        ("DROP TABLE test", 1, "DROP"),
        ("CREATE INDEX i ON test (a)", 1, "CREATE INDEX"),
        ("TRUNCATE test", 1, "TRUNCATE"),
        ("CREATE TABLE t (id INT)", 23, "PRIMARY KEY"),
        ("CREATE TABLE t (id DATE PRIMARY KEY)", 20, "a type"),
        ("CREATE TABLE t (id TEXT PRIMARY KEY)", 36, "TEXT"),
        ("CREATE TABLE t (id INT PRIMARY KEY, a INT DEFAULT 0)", 43, "DEFAULT"),
        ("CREATE TABLE t (id INT PRIMARY KEY, a INT REFERENCES u)", 43, "REFERENCES"),
        ("CREATE TABLE order (id INT PRIMARY KEY)", 14, "reserved"),
        ("SELECT 'open FROM test", 8, "closing quote"),
        ('SELECT "a" FROM test', 8, "single quotes"),
        ("SELECT 1.5 FROM test", 8, "decimal"),
        ("SELECT 3000000000 FROM test", 8, "INT"),
        ("SELECT 1a FROM test", 8, "digit"),
        ("SELECT a FROM test WHERE a = 1 = 1", 32, "end of the statement"),
        ("COMMIT; COMMIT", 9, "another"),
        ("SELECT a FROM", 14, "ends"),
        ("BEGIN ISOLATION LEVEL CHAOS", 23, "READ COMMITTED"),
        ("", 1, "no statement"),
        ("SELECT " + "(" * 100 + "1" + ")" * 100 + " FROM test", 49, "deep"),
    ],
)
def test_what_is_outside_is_named_with_its_place(sql: str, column: int, named: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(sql)
    assert named in caught.value.message
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT * FROM tets", "test"),
        ("SELECT valeu FROM test", "value"),
        ("SELECT * FROM test ORDER BY nam", "name"),
        ("UPDATE test SET vlaue = 1", "value"),
        ("SELECT * FROM test WHERE value = 'a'", "integer with text"),
        ("SELECT * FROM test WHERE name + 1 = 2", "whole numbers"),
        ("SELECT * FROM test WHERE value", "condition"),
        ("SELECT * FROM test WHERE NOT value", "condition"),
        ("UPDATE test SET value = 'a'", "integer"),
        ("INSERT INTO test VALUES (1, 2)", "2 values for 3 columns"),
        ("INSERT INTO test VALUES (1, 2, 3)", "text"),
        ("INSERT INTO test VALUES (id, 2, 'a')", "cannot read a column"),
        ("SELECT COUNT(*), id FROM test", "GROUP BY"),
        ("SELECT SUM(name) FROM test", "SUM"),
        ("SELECT COUNT(*) FROM test FOR UPDATE", "under an aggregate"),
    ],
)
def test_what_does_not_fit_the_tables_is_refused(sql: str, named: str) -> None:
    assert named in refused(sql).message


def test_a_quotient_in_a_list_is_refused_for_innodb_alone() -> None:
    check(parse("SELECT value / 4 FROM test"), SCHEMA, "postgresql")
    assert "decimal" in refused("SELECT value / 4 FROM test", "innodb").message


def test_unknown_is_neither_true_nor_false() -> None:
    assert value("NULL = NULL") is None
    assert value("value = 10 OR NULL") is True
    assert value("value = 11 OR NULL") is None
    assert value("value = 11 AND NULL") is False
    assert value("value = 10 AND NULL") is None
    assert value("NOT NULL") is None
    assert value("value IN (1, NULL)") is None
    assert value("value IN (10, NULL)") is True
    assert value("value NOT IN (1, NULL)") is None
    assert value("value NOT IN (1, 2)") is True
    assert value("value BETWEEN NULL AND 5") is False
    assert value("value BETWEEN NULL AND 50") is None
    assert value("value NOT BETWEEN 1 AND 5") is True
    assert value("NULL IS NULL") is True
    assert value("value IS NOT NULL") is True
    assert value("value + NULL") is None


def test_operators_bind_as_in_sql() -> None:
    assert value("2 + 3 * 4 - 6 / 2") == 11
    assert value("NOT value = 11 AND value = 10 OR FALSE") is True
    assert value("- value + 3") == -7
    assert value("value = 5 + 5 AND id BETWEEN 0 + 1 AND 2 AND TRUE") is True
    assert value("10 - 3 - 2") == 5


def test_division_cuts_towards_zero() -> None:
    for left, right in ((7, 2), (-7, 2), (7, -2), (-7, -2)):
        row = {"value": left, "id": right}
        assert value("value / id", **row) == int(left / right)
        assert value("value % id", **row) == left - right * int(left / right)
        assert value("value % id", "innodb", **row) == left - right * int(left / right)
    assert value("value / 4", "innodb") == Fraction(5, 2)


def test_dialects_differ_in_errors() -> None:
    with pytest.raises(SqlError) as caught:
        value("1 / 0")
    assert (caught.value.code, caught.value.sqlstate) == ("22012", "22012")
    assert value("1 / 0", "innodb") is None
    assert value("1 % 0", "innodb") is None
    with pytest.raises(SqlError) as caught:
        updated(parse("UPDATE test SET value = 1 / 0"), {"id": 1, "value": 1}, TABLE, "innodb")
    assert caught.value.code == 1365
    with pytest.raises(SqlError) as caught:
        value("2147483647 + value")
    assert caught.value.sqlstate == "22003"
    assert value("2147483647 + value", "innodb") == 2147483657


def test_dialects_differ_in_text() -> None:
    assert value("name = 'A'") is False
    assert value("name = 'A'", "innodb") is True
    assert value("name = 'a  '", "innodb") is True


def test_rows_as_they_are_stored() -> None:
    insert = parse("INSERT INTO test (name, id) VALUES ('x', 7)")
    assert inserted(insert, 0, TABLE, "postgresql") == {"id": 7, "value": None, "name": "x"}
    missing = parse("INSERT INTO test (name) VALUES ('x')")
    for dialect, code in (("postgresql", "23502"), ("innodb", 1364)):
        with pytest.raises(SqlError) as caught:
            inserted(missing, 0, TABLE, dialect)
        assert caught.value.code == code
    long = parse("INSERT INTO test VALUES (1, 2, 'abcdef')")
    for dialect, code in (("postgresql", "22001"), ("innodb", 1406)):
        with pytest.raises(SqlError) as caught:
            inserted(long, 0, TABLE, dialect)
        assert caught.value.code == code
    half = parse("UPDATE test SET value = value / 4")
    row = {"id": 1, "value": 10, "name": None}
    assert updated(half, row, TABLE, "postgresql")["value"] == 2
    assert updated(half, row, TABLE, "innodb")["value"] == 3
    swap = parse("UPDATE test SET id = value, value = id")
    assert updated(swap, row, TABLE, "postgresql") == {"id": 10, "value": 1, "name": None}
    assert updated(swap, row, TABLE, "innodb") == {"id": 10, "value": 10, "name": None}


def test_what_a_select_shows() -> None:
    rows = [
        {"id": 1, "value": 10, "name": None},
        {"id": 2, "value": None, "name": "b"},
        {"id": 3, "value": 5, "name": "a"},
    ]

    def shown(sql: str, dialect: str = "postgresql") -> tuple:
        return output(parse(sql), TABLE, rows, dialect)

    assert shown("SELECT * FROM test")[0] == ("id", "value", "name")
    assert shown("SELECT id FROM test ORDER BY value")[1] == ((3,), (1,), (2,))
    assert shown("SELECT id FROM test ORDER BY value DESC")[1] == ((2,), (1,), (3,))
    assert shown("SELECT id FROM test ORDER BY value", "innodb")[1] == ((2,), (3,), (1,))
    assert shown("SELECT COUNT(*), COUNT(value), SUM(value), MIN(name) FROM test") == (
        ("count", "count", "sum", "min"),
        ((3, 2, 15, "a"),),
    )
    assert shown("SELECT SUM(value) FROM test", "innodb")[0] == ("SUM(value)",)
    assert shown("SELECT value > 5 AS big FROM test", "innodb") == (("big",), ((1,), (None,), (0,)))
    assert shown("SELECT value > 5 FROM test")[0] == ("?column?",)


WORDS = st.sampled_from(
    """SELECT INSERT INTO UPDATE DELETE FROM WHERE SET VALUES AND OR NOT IN BETWEEN IS NULL ( ) ,
    ; =
    <> < > <= >= + - * / % 1 2 99999999999 'a' '' ' test id value name COUNT SUM ORDER BY FOR
    BEGIN ISOLATION LEVEL READ COMMITTED ONLY COMMIT ROLLBACK TO SAVEPOINT AS . " \\ -- é CREATE
    TABLE INT PRIMARY KEY UNIQUE VARCHAR TRUE""".split()
)


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=15).map(" ".join)))
def test_nothing_but_a_problem_comes_of_bad_text(text: str) -> None:
    try:
        check(parse(text), SCHEMA, "innodb")
    except Problem as problem:
        assert problem.column is not None
        assert 1 <= problem.column <= len(text) + 1
        assert problem.message.endswith((".", ")."))
