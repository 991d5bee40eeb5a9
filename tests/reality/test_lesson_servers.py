"""What the lesson says of the real servers beyond the SQL that the simulation knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

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
