"""Films for the build, kept in `.cache/films`, so that a page is rebuilt without new runs.

A film depends on nothing but the simulation, its parameters, its seed and the source of
`simulations/`; their hash names its file.
"""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import simulations
from simulations import Problem, Simulation
from simulations.film import film as film_of

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
_KEPT = 4000
"""Files that a folder of the cache may hold; the oldest go first."""


class BrokenSource(Exception):
    """The source of a simulation raised something that is no Problem: where, and what."""

    def __init__(self, error: Exception) -> None:
        places = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            places.append((error.filename or "", error.lineno))
        inside = [(f, n) for f, n in places if Path(f).is_relative_to(ROOT / "simulations")]
        place = f"{Path(inside[-1][0]).relative_to(ROOT)}:{inside[-1][1]}: " if inside else ""
        super().__init__(f"{place}{type(error).__name__}: {error}")


@cache
def source_hash() -> str:
    """One hash over everything that can change what a simulation does or how it is drawn."""
    folder = ROOT / "simulations"
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".py", ".txt"}:
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def load(name: str) -> Simulation:
    """A simulation. Raises Problem for one that does not exist, BrokenSource for a broken one."""
    try:
        return simulations.load(name)
    except Problem:
        raise
    except Exception as error:
        raise BrokenSource(error) from error


def film(
    name: str, parameters: Mapping[str, Any], *, seed: int = 0, scenario: str | None = None
) -> dict[str, Any]:
    """The film of one run with every frame. Raises Problem for what cannot be run."""
    simulation = load(name)
    values = simulation.read(parameters, scenario)

    def make() -> dict[str, Any]:
        trace = simulation.run(parameters, seed=seed, scenario=scenario)
        if not trace.events:
            raise Problem("This run has no events, so there is nothing to show.")
        return film_of(simulation, trace)

    try:
        return kept("films", [name, scenario, values, seed], make)
    except Problem:
        raise
    except Exception as error:
        raise BrokenSource(error) from error


def kept(folder: str, key: object, make: Callable[[], Any]) -> Any:
    """What `make` returns, a JSON value; from the cache if the same source made it before."""
    text = json.dumps([key, source_hash()], sort_keys=True)
    path = CACHE / folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    if path.is_file():
        return json.loads(path.read_text("utf-8"))
    value = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in files[: max(0, len(files) - _KEPT)]:
        old.unlink(missing_ok=True)
    written = path.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    written.replace(path)
    return value
