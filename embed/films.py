"""Films for the build: made by the simulations as they are on disk now, and kept in `.cache/films`.

A film depends on nothing but the simulation, its parameters, its seed and the source of
`simulations/`; their hash names its file. While the site is served the source changes under a
running process, so the package is taken from here, never imported at the top of a module.
"""

from __future__ import annotations

import hashlib
import json
import linecache
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
_KEPT = 4000
"""Files that the cache may hold; the oldest go first."""


class BrokenSource(Exception):
    """The source of the simulations raised something that is no Problem: where, and what."""


def broken(error: Exception) -> str:
    """An unforeseen exception as a sentence that names the innermost line of `simulations/`."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno))
    inside = [(f, n) for f, n in places if Path(f).is_relative_to(ROOT / "simulations")]
    said = f"{type(error).__name__}: {error}"
    if not inside:
        return f"The simulations cannot be used: {said}"
    file, line = inside[-1]
    return f"{Path(file).relative_to(ROOT)}:{line}: {said}"


def source_hash(folder: Path = ROOT / "simulations") -> str:
    """One hash over everything that can change what a simulation does or how it is drawn."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".py", ".txt"} and "__pycache__" not in path.parts:
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def simulations() -> ModuleType:
    """The package `simulations`, imported anew if its source has changed since the last call."""
    return _package(source_hash())


@lru_cache(maxsize=1)
def _package(_: str) -> ModuleType:
    for name in [n for n in sys.modules if n.partition(".")[0] == "simulations"]:
        del sys.modules[name]
    invalidate_caches()
    linecache.checkcache()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        # Written bytecode would look like one more change to whoever watches the folder.
        package = import_module("simulations")
        for name in package.catalog():
            package.load(name)
        import_module("simulations.film")
        return package
    except Exception as error:
        raise BrokenSource(broken(error)) from error
    finally:
        sys.dont_write_bytecode = writes


def film(
    name: str, parameters: Mapping[str, Any], *, seed: int = 0, scenario: str | None = None
) -> dict[str, Any]:
    """The film of one run with every frame. Raises the package's Problem for what cannot be run."""
    package = simulations()
    simulation = package.load(name)
    values = simulation.read(parameters, scenario)

    def make() -> dict[str, Any]:
        try:
            trace = simulation.run(parameters, seed=seed, scenario=scenario)
        except package.Problem:
            raise
        except Exception as error:
            raise BrokenSource(broken(error)) from error
        if not trace.events:
            raise package.Problem("This run has no events, so there is nothing to show.")
        return sys.modules["simulations.film"].film(simulation, trace)

    return kept("films", [name, scenario, values, seed], make)


def kept(folder: str, key: object, make: Callable[[], Any]) -> Any:
    """What `make` returns, a JSON value; from the cache if the same source made it before."""
    text = json.dumps([key, source_hash()], sort_keys=True)
    path = CACHE / folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        value = json.loads(json.dumps(make()))
    path.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in files[: max(0, len(files) - _KEPT)]:
        old.unlink(missing_ok=True)
    written = path.with_suffix(f".{id(value)}.tmp")
    written.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    written.replace(path)
    return value
