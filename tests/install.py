"""Find or install the real systems that the tests drive: two browsers and two databases.

What cannot be had is named with the way to get it. Its tests are then skipped, or fail if CI=true;
that is theirs to decide, so this never fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class System:
    """`programs`: where it may be, as names on the path or patterns of absolute paths."""

    name: str
    programs: tuple[str, ...]
    package: str  # Debian's
    elsewhere: str


SYSTEMS = (
    System("Chromium", ("chromium", "chromium-browser"), "chromium", "playwright install chromium"),
    System("Firefox", ("firefox-esr", "firefox"), "firefox-esr", "install Firefox"),
    System(
        "PostgreSQL",
        ("/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb", "initdb"),
        "postgresql",
        "install PostgreSQL 15 or newer",
    ),
    System(
        "MariaDB",
        ("mariadbd", "/usr/sbin/mariadbd", "/opt/homebrew/opt/mariadb*/bin/mariadbd"),
        "mariadb-server",
        "install MariaDB 10.11 or newer",
    ),
)


def found(system: System) -> bool:
    installed = any(
        shutil.which(program) or (program.startswith("/") and any(Path("/").glob(program[1:])))
        for program in system.programs
    )
    return installed or (system.name == "Chromium" and _playwright_browser().exists())


def _playwright_browser() -> Path:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def install(missing: list[System]) -> None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(
            f"Installing {', '.join(system.name for system in missing)} with apt-get.", flush=True
        )
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        with _no_services():
            _run(["apt-get", "update", "-qq"], environment)
            for system in missing:  # one by one: what this Debian lacks must not stop the others
                command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
                _run([*command, system.package], environment)
    elif any(system.name == "Chromium" for system in missing):
        print("Installing Chromium with Playwright.", flush=True)
        _run([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


@contextmanager
def _no_services():
    """Debian's own switch against starting a service when its package is installed."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}", file=sys.stderr)


def main() -> None:
    missing = [system for system in SYSTEMS if not found(system)]
    if missing:
        install(missing)
    for system in missing:
        if not found(system):
            print(
                f"{system.name} is missing, so its tests cannot run: "
                f"on Debian as root apt-get install {system.package}; elsewhere {system.elsewhere}."
            )


if __name__ == "__main__":
    main()
