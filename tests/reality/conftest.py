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
def postgresql() -> Iterator:
    from tests.reality.postgresql import PostgreSQL

    try:
        running = servers.postgresql()
        server = running.__enter__()
    except servers.Missing as problem:
        _missing(problem)
    try:
        system = PostgreSQL(server)
        yield system
        system.close()
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def mariadb() -> Iterator:
    from tests.reality.mariadb import MariaDB, mariadb_server

    try:
        running = mariadb_server()
        server = running.__enter__()
    except servers.Missing as problem:
        _missing(problem)
    try:
        system = MariaDB(server)
        yield system
        system.close()
    finally:
        running.__exit__(None, None, None)
