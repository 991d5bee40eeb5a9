"""The retries that the lesson prints, run on the servers that they are written for."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import psycopg
import pymysql
import pytest

from tests.reality.mariadb import MariaDBServer
from tests.reality.servers import PostgreSQLServer

LESSON = Path(__file__).parent.parent.parent / "docs" / "databases"

pytestmark = pytest.mark.reality


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, LESSON / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Meeting:
    """Makes two threads meet inside the first run of their transactions, not in later runs."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=10)
        self.runs = {"Alice": 0, "Bob": 0}

    def of(self, doctor: str) -> None:
        self.runs[doctor] += 1
        if self.runs[doctor] == 1:
            self.barrier.wait()


@pytest.fixture
def connect(postgresql_server: PostgreSQLServer) -> Callable[[], psycopg.Connection]:
    def connection() -> psycopg.Connection:
        return psycopg.connect(
            host=postgresql_server.socket_directory,
            port=postgresql_server.port,
            user="postgres",
            dbname="lesson",
        )

    with psycopg.connect(
        host=postgresql_server.socket_directory,
        port=postgresql_server.port,
        user="postgres",
        dbname="postgres",
        autocommit=True,
    ) as admin:
        admin.execute("DROP DATABASE IF EXISTS lesson")
        admin.execute("CREATE DATABASE lesson")
    with connection() as first:
        first.execute("CREATE TABLE doctors (name VARCHAR(10) PRIMARY KEY, on_call INT)")
        first.execute("INSERT INTO doctors VALUES ('Alice', 1), ('Bob', 1)")
    return connection


def test_of_two_doctors_one_stays(connect: Callable[[], psycopg.Connection]) -> None:
    lesson = load("retry_postgresql")
    meeting = Meeting()

    def ask(doctor: str) -> bool:
        def work(connection: psycopg.Connection) -> bool:
            left = lesson.leave(connection, doctor)
            meeting.of(doctor)
            return left

        with connect() as connection:
            return lesson.transact(connection, work)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(ask, ("Alice", "Bob")))

    assert sorted(answers) == [False, True]
    assert sum(meeting.runs.values()) == 3, "one of the two had to run again"
    with connect() as connection:
        row = connection.execute("SELECT COUNT(*) FROM doctors WHERE on_call = 1").fetchone()
    assert row == (1,)


def test_other_errors_are_not_retried(connect: Callable[[], psycopg.Connection]) -> None:
    runs = []

    def work(connection: psycopg.Connection) -> None:
        runs.append(1)
        connection.execute("INSERT INTO doctors VALUES ('Alice', 0)")

    with connect() as connection:
        with pytest.raises(psycopg.errors.UniqueViolation):
            load("retry_postgresql").transact(connection, work)
        assert connection.execute("SELECT COUNT(*) FROM doctors").fetchone() == (2,)
    assert len(runs) == 1


def test_the_attempts_are_counted(connect: Callable[[], psycopg.Connection]) -> None:
    runs = []

    def work(connection: psycopg.Connection) -> None:
        runs.append(1)
        connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    with connect() as connection, pytest.raises(psycopg.errors.SerializationFailure):
        load("retry_postgresql").transact(connection, work, attempts=3)
    assert len(runs) == 3


def test_inside_a_transaction_it_refuses(connect: Callable[[], psycopg.Connection]) -> None:
    """There, the block would be a savepoint, which keeps the old snapshot."""
    with connect() as connection:
        connection.execute("SELECT 1")
        with pytest.raises(psycopg.ProgrammingError):
            load("retry_postgresql").transact(connection, lambda _: None)


@pytest.fixture
def connect_mariadb(mariadb_server: MariaDBServer) -> Callable[[], pymysql.Connection]:
    def connection(database: str | None = "lesson") -> pymysql.Connection:
        return pymysql.connect(unix_socket=mariadb_server.socket, user="root", database=database)

    with connection(None) as admin, admin.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS lesson")
        cursor.execute("CREATE DATABASE lesson")
    with connection() as first, first.cursor() as cursor:
        cursor.execute("CREATE TABLE doctors (name VARCHAR(10) PRIMARY KEY, on_call INT)")
        cursor.execute("INSERT INTO doctors VALUES ('Alice', 1), ('Bob', 1)")
        first.commit()
    return connection


def on_call(connection: pymysql.Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM doctors WHERE on_call = 1")
        (count,) = cursor.fetchone()
    return count


def test_on_mariadb_too_one_stays(connect_mariadb: Callable[[], pymysql.Connection]) -> None:
    lesson = load("retry_mariadb")
    meeting = Meeting()

    def ask(doctor: str) -> bool:
        def work(connection: pymysql.Connection) -> bool:
            enough = on_call(connection) > 1
            meeting.of(doctor)
            if enough:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE doctors SET on_call = 0 WHERE name = %s", [doctor])
            return enough

        with connect_mariadb() as connection:
            return lesson.transact(connection, work)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(ask, ("Alice", "Bob")))

    assert sorted(answers) == [False, True]
    assert sum(meeting.runs.values()) == 3, "one of the two had to run again"
    with connect_mariadb() as connection:
        assert on_call(connection) == 1


def test_after_a_lock_wait_timeout_nothing_is_left_behind(
    connect_mariadb: Callable[[], pymysql.Connection],
) -> None:
    runs = []

    def work(connection: pymysql.Connection) -> None:
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE doctors SET on_call = 7 WHERE name = 'Bob'")
            cursor.execute("UPDATE doctors SET on_call = 7 WHERE name = 'Alice'")

    with connect_mariadb() as holder, connect_mariadb() as connection:
        with holder.cursor() as cursor:
            cursor.execute("UPDATE doctors SET on_call = 0 WHERE name = 'Alice'")
        connection.query("SET innodb_lock_wait_timeout = 1")
        with pytest.raises(pymysql.err.OperationalError, match="1205"):
            load("retry_mariadb").transact(connection, work, attempts=2)
        holder.rollback()
        assert on_call(connection) == 2
    assert len(runs) == 2
