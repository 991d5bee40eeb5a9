"""Real databases for the tests: started on loopback in temporary directories, stopped at the end.

Each pytest worker starts a server of its own. That is not only for speed: PostgreSQL keeps the
bookkeeping of serializable transactions for the whole cluster, so schedules that ran side by side
in one cluster would see each other in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class Missing(RuntimeError):
    """A server program is not installed. The message says how to get it."""


@dataclass(frozen=True, slots=True)
class PostgreSQLServer:
    """Where a running cluster listens, and what it is."""

    socket_directory: str
    port: int
    version: str


# Durability off, since nothing here must survive; autovacuum off, since it would change the plans
# and clean up behind the schedules. deadlock_timeout at its minimum and log_lock_waits on: the
# session is then told, as soon as the deadlock check has passed, that it goes on waiting.
POSTGRESQL_SETTINGS = {
    "autovacuum": "off",
    "deadlock_timeout": "1ms",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "log_lock_waits": "on",
    "log_min_messages": "fatal",
    "max_connections": "20",
    "max_wal_size": "256MB",
    "shared_buffers": "16MB",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_user(name: str) -> list[str]:
    """What to put before a command that refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"]


def find_program(name: str, directories: tuple[str, ...], how_to_get: str) -> str:
    """The newest of the installed programs of this name."""
    for pattern in directories:
        found = sorted(Path("/").glob(f"{pattern.lstrip('/')}/{name}"), key=_numbers)
        if found:
            return str(found[-1])
    on_path = shutil.which(name)
    if on_path is None:
        raise Missing(f"{name} is not installed. {how_to_get}")
    return on_path


def _numbers(path: Path) -> list[int]:
    return [int(part) for part in path.parts if part.isdigit()]


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL cluster of our own."""
    initdb = find_program(
        "initdb",
        ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/pgsql-*/bin"),
        "On Debian: apt-get install postgresql. On macOS: brew install postgresql@15.",
    )
    server = str(Path(initdb).with_name("postgres"))
    version = subprocess.run(
        [server, "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[2]
    user = as_user("postgres")
    directory = tempfile.mkdtemp(prefix="reality-pg-")
    data = f"{directory}/data"
    try:
        if user:
            shutil.chown(directory, "postgres")
        subprocess.run(
            [*user, initdb, f"-D{data}", "-Upostgres", "-Atrust", "-EUTF8", "--locale=C", "-N"],
            check=True,
            capture_output=True,
            cwd=directory,
        )
        settings = POSTGRESQL_SETTINGS | {"unix_socket_directories": directory}
        options = [f"-c{name}={value}" for name, value in settings.items()]
        port = free_port()
        with open(f"{directory}/log", "wb") as log:
            process = subprocess.Popen(
                [*user, server, "-D", data, f"-p{port}", *options],
                stdout=log,
                stderr=log,
                cwd=directory,
            )
        try:
            _await_postgresql(directory, port, process)
            yield PostgreSQLServer(directory, port, version)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _await_postgresql(directory: str, port: int, process: subprocess.Popen) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host=directory, port=port, user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError as problem:
            if process.poll() is not None or time.monotonic() > deadline:
                log = Path(directory, "log").read_text()
                raise RuntimeError(f"PostgreSQL did not start: {problem}\n{log}") from problem
            time.sleep(0.05)
