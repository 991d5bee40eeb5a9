"""What the lesson says of the real servers beyond the SQL that the simulation knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pymysql
import pytest

from tests.reality.mariadb import MariaDBServer
from tests.reality.servers import PostgreSQLServer

pytestmark = pytest.mark.reality


@pytest.fixture
def sessions(postgresql_server: PostgreSQLServer) -> Iterator[list[psycopg.Connection]]:
    """Three sessions at serializable, and two accounts."""

    def connect() -> psycopg.Connection:
        return psycopg.connect(
            host=postgresql_server.socket_directory,
            port=postgresql_server.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
            options="-c search_path=accounts -c default_transaction_isolation=serializable",
        )

    connections = [connect() for _ in range(3)]
    connections[0].execute("CREATE SCHEMA accounts")
    connections[0].execute("CREATE TABLE account (id INT PRIMARY KEY, balance INT)")
    connections[0].execute("INSERT INTO account VALUES (1, 0), (2, 0)")
    yield connections
    connections[0].execute("DROP SCHEMA accounts CASCADE")
    for connection in connections:
        connection.close()


def test_the_commit_of_a_failed_transaction_raises_nothing(
    sessions: list[psycopg.Connection],
) -> None:
    session = sessions[0]
    session.execute("BEGIN")
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("SELECT 1 / 0")
    assert session.execute("COMMIT").statusmessage == "ROLLBACK"


def test_a_deferrable_report_waits_and_then_nobody_is_aborted(
    sessions: list[psycopg.Connection],
) -> None:
    """The schedule of the read-only anomaly, with the third transaction deferrable."""
    one, two, three = sessions
    one.execute("BEGIN")
    two.execute("BEGIN")
    two.execute("SELECT * FROM account")
    one.execute("SELECT balance FROM account WHERE id = 2")
    one.execute("UPDATE account SET balance = 20 WHERE id = 2")
    one.execute("COMMIT")
    three.execute("BEGIN READ ONLY DEFERRABLE")
    with ThreadPoolExecutor(1) as threads:
        report = threads.submit(three.execute, "SELECT balance FROM account ORDER BY id")
        while not waits_for_a_safe_snapshot(one, three):
            assert not report.done(), "the report did not wait"
        two.execute("UPDATE account SET balance = -11 WHERE id = 1")
        two.execute("COMMIT")
        assert report.result(10).fetchall() == [(-11,), (20,)]
    three.execute("COMMIT")


def waits_for_a_safe_snapshot(asking: psycopg.Connection, waiting: psycopg.Connection) -> bool:
    row = asking.execute(
        "SELECT wait_event FROM pg_stat_activity WHERE pid = %s", [waiting.info.backend_pid]
    ).fetchone()
    return row == ("SafeSnapshot",)


@pytest.fixture
def pair(mariadb_server: MariaDBServer) -> Iterator[list[pymysql.cursors.Cursor]]:
    """Two sessions of MariaDB at its default level, and three accounts."""
    connections = [
        pymysql.connect(unix_socket=mariadb_server.socket, user="root", autocommit=True)
        for _ in range(2)
    ]
    cursors = [connection.cursor() for connection in connections]
    cursors[0].execute("CREATE DATABASE accounts")
    for cursor in cursors:
        cursor.execute("USE accounts")
    cursors[0].execute("CREATE TABLE account (id INT PRIMARY KEY, balance INT)")
    cursors[0].execute("INSERT INTO account VALUES (1, 100), (2, 100), (3, 100)")
    yield cursors
    for cursor in cursors:
        cursor.execute("ROLLBACK")
    cursors[0].execute("DROP DATABASE accounts")
    for connection in connections:
        connection.close()


def balances(cursor: pymysql.cursors.Cursor) -> list[int]:
    cursor.execute("SELECT balance FROM account ORDER BY id")
    return [balance for (balance,) in cursor.fetchall()]


def test_the_defaults_of_mariadb(pair: list[pymysql.cursors.Cursor]) -> None:
    defaults = {
        "tx_isolation": "REPEATABLE-READ",
        "innodb_lock_wait_timeout": "50",
        "innodb_rollback_on_timeout": "OFF",
        "innodb_deadlock_detect": "ON",
    }
    for name, value in defaults.items():
        pair[0].execute("SHOW VARIABLES LIKE %s", [name])
        assert pair[0].fetchone() == (name, value)


def test_after_a_lock_wait_timeout_the_earlier_half_is_kept(
    pair: list[pymysql.cursors.Cursor],
) -> None:
    one, two = pair
    one.execute("BEGIN")
    one.execute("UPDATE account SET balance = 0 WHERE id = 1")
    two.execute("SET innodb_lock_wait_timeout = 1")
    two.execute("BEGIN")
    two.execute("UPDATE account SET balance = 50 WHERE id = 2")
    with pytest.raises(pymysql.err.OperationalError, match="1205"):
        two.execute("UPDATE account SET balance = 150 WHERE id = 1")
    two.execute("COMMIT")
    one.execute("ROLLBACK")
    assert balances(one) == [100, 50, 100]


def test_snapshot_isolation_refuses_a_lost_update(
    pair: list[pymysql.cursors.Cursor], mariadb_server: MariaDBServer
) -> None:
    one, two = pair
    two.execute("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
    setting = two.fetchone()
    if setting is None:
        pytest.skip("this MariaDB is older than innodb_snapshot_isolation")
    recent = tuple(map(int, mariadb_server.version.split("."))) >= (11, 6, 2)
    assert setting[1] == ("ON" if recent else "OFF")
    two.execute("SET innodb_snapshot_isolation = ON")
    two.execute("BEGIN")
    assert balances(two) == [100, 100, 100]
    one.execute("UPDATE account SET balance = 110 WHERE id = 1")
    with pytest.raises(pymysql.err.OperationalError, match="1020"):
        two.execute("UPDATE account SET balance = 120 WHERE id = 1")
    two.execute("UPDATE account SET balance = 7 WHERE id = 3")
    two.execute("ROLLBACK")
    assert balances(one) == [110, 100, 7], "the transaction had already been rolled back"
