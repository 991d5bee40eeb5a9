"""Random schedules against a real database: how many agreed, and the smallest that did not.

python -m tests.reality.hunt postgresql "repeatable read" 1000
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.reality.compare import compare, told
from tests.reality.driver import System
from tests.reality.schedules import schedules

RESULTS = Path(__file__).with_name("results")
DIVERGENCES = Path(__file__).with_name("divergences")
SETTLED = Path(__file__).with_name("settled")  # divergences that are none any more


@dataclass(slots=True)
class Count:
    """What was compared at one level."""

    system: str
    version: str
    level: str
    date: str
    compared: int = 0
    ambiguous: int = 0
    divergences: int = 0


def wanted() -> int:
    """How many schedules a level, as `make reality N=...` says."""
    return int(os.environ.get("REALITY_SCHEDULES", "300"))


def hunt(system: System, level: str, examples: int) -> Count:
    """Compare so many schedules; a divergence is shrunk, kept as a file, and raised."""
    count = Count(system.name, system.version, level, date.today().isoformat())
    # The tests draw the same schedules every time; `make reality` and a person draw others.
    chosen = int(os.environ.get("REALITY_SEED", "1"))
    print(f"{system.name}, {level}: {examples} schedules, REALITY_SEED={chosen}")
    smallest: list[str] = []

    @seed(chosen)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(schedules())
    def agree(script: str) -> None:
        found = compare(system, script, level)
        if found.differences:
            smallest[:] = [script]
            raise AssertionError(told(found, script, system.name, level))
        if not smallest:
            count.compared += 1
            count.ambiguous += found.ambiguous

    try:
        agree()
    except AssertionError:
        count.compared += 1
        count.divergences += 1
        keep(system.name, level, smallest[0])
        raise
    finally:
        write(count)
    return count


def keep(system: str, level: str, script: str) -> None:
    """A divergence becomes a case, so that it stays in view until the model is right."""
    DIVERGENCES.mkdir(exist_ok=True)
    name = hashlib.sha256(f"{level}\n{script}".encode()).hexdigest()[:8]
    path = DIVERGENCES / f"{system}-{level.replace(' ', '-')}-{name}.txt"
    path.write_text(f"level: {level}\n\n{script}")


def write(count: Count) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{count.system}-{count.level.replace(' ', '-')}.json"
    path.write_text(json.dumps(asdict(count), indent=1) + "\n")


def main(name: str, level: str, examples: str) -> None:
    from tests.reality.mariadb import MariaDB, mariadb_server
    from tests.reality.postgresql import PostgreSQL
    from tests.reality.servers import postgresql

    server, system = {
        "postgresql": (postgresql, PostgreSQL),
        "mariadb": (mariadb_server, MariaDB),
    }[name]
    with server() as running:
        os.environ.setdefault("REALITY_SEED", str(secrets.randbits(48)))
        print(hunt(system(running), level, int(examples)))


if __name__ == "__main__":
    main(*sys.argv[1:])
