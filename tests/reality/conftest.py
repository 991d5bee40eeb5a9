"""Starts each real database once per pytest worker; without the programs the tests are skipped,
under CI=true they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.reality import servers


def _missing(problem: servers.Missing) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(str(problem))
    pytest.skip(str(problem))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[servers.PostgreSQLServer]:
    """A running cluster, for tests that bring their own connections."""
    try:
        running = servers.postgresql()
        server = running.__enter__()
    except servers.Missing as problem:
        _missing(problem)
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgresql(postgresql_server: servers.PostgreSQLServer) -> Iterator:
    from tests.reality.postgresql import PostgreSQL

    system = PostgreSQL(postgresql_server)
    yield system
    system.close()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator:
    """A running server, for tests that bring their own connections."""
    from tests.reality import mariadb

    try:
        running = mariadb.mariadb_server()
        server = running.__enter__()
    except servers.Missing as problem:
        _missing(problem)
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def mariadb(mariadb_server) -> Iterator:
    from tests.reality.mariadb import MariaDB

    system = MariaDB(mariadb_server)
    yield system
    system.close()
