"""Build step: everything that runs Python in the reader's browser, into docs/assets/runtime.

    python -m embed.runtime

It holds Pyodide's WebAssembly and Python's standard library, the simulations' wheel, the lockfile
that names it, the worker that runs them, and the sandboxed frame around that worker. Each file's
name holds its content's hash; manifest.json lists them, with size and SHA-256, for host.ts.

Bytecode is compiled under Node by Pyodide itself, since it belongs to one version of Python and the
machine's is another. A part is made again only when what it is made from has changed.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flit_core import buildapi
from pyodide_lock import PyodideLockSpec
from pyodide_lock.utils import add_wheels_to_spec

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "assets" / "runtime"
CACHE = ROOT / "build" / "runtime"
PYODIDE = ROOT / "node_modules" / "pyodide"
EMBED = ROOT / "embed"
PLAYER = EMBED / "player"
STEPS = EMBED / "runtime.mjs"
BYTECODE = EMBED / "bytecode.py"
NODE = os.environ.get("NODE", "node")
MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the runtime: the two halves of its name, and what the reader is told of it."""

    name: str
    before: str
    after: str
    what: str
    make: Callable[[], bytes]
    sources: tuple[Path, ...]


def node(**asked: object) -> bytes:
    """Run one step of runtime.mjs."""
    done = subprocess.run(
        [NODE, str(STEPS), json.dumps(asked)], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode:
        sys.exit(f"The runtime could not be built: {done.stderr.decode().strip()}")
    return done.stdout


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def bytecode(source: Path, *, alone: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target.zip"
        zips = [{"source": str(source), "target": str(target), "alone": alone}]
        node(do="compile", zips=zips)
        return target.read_bytes()


def worker() -> bytes:
    return node(do="bundle", entry="embed/player/worker.ts")


def frame() -> bytes:
    script = node(do="bundle", entry="embed/player/frame.ts").decode()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = (PLAYER / "frame.html").read_text("utf-8")
    return page.replace("{hash}", f"sha256-{digest}").replace("{script}", script).encode()


def wasm() -> bytes:
    return packed((PYODIDE / "pyodide.asm.wasm").read_bytes())


def library() -> bytes:
    return packed(bytecode(PYODIDE / "python_stdlib.zip", alone=False))


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def wheel() -> bytes:
    """The simulations' wheel as flit makes it, with bytecode for Pyodide's Python beside it."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.chdir(ROOT):
            plain = Path(folder) / buildapi.build_wheel(folder)
        compiled = bytecode(plain, alone=True)
        members: dict[str, bytes] = {}
        for archive in (plain, io.BytesIO(compiled)):
            with zipfile.ZipFile(archive) as opened:
                members |= {name: opened.read(name) for name in opened.namelist()}
    record = next(name for name in members if name.endswith(".dist-info/RECORD"))
    del members[record]
    lines = [record_line(name, members[name]) for name in sorted(members)]
    members[record] = ("".join(lines) + f"{record},,\n").encode()
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as made:
        for name in [*sorted(members.keys() - {record}), record]:
            info = zipfile.ZipInfo(name, MOMENT)
            made.writestr(info, members[name], zipfile.ZIP_DEFLATED, 9)
    return result.getvalue()


def lock(made: Path) -> bytes:
    """Pyodide's lockfile with one package: ours, by its hash."""
    spec = PyodideLockSpec.from_json(PYODIDE / "pyodide-lock.json")
    spec.packages.clear()
    spec = add_wheels_to_spec(spec, [made])
    spec.check_wheel_filenames()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pyodide-lock.json"
        spec.to_json(path)
        return path.read_bytes()


def parts(made: Mapping[str, Path]) -> Iterator[Part]:
    """Each is given out once those before it are in `made`: the lockfile is made from the wheel."""
    project = ROOT / "pyproject.toml"
    version = tomllib.loads(project.read_text("utf-8"))["project"]["version"]
    steps = (EMBED / "runtime.py", STEPS)
    compiling = (*steps, BYTECODE, PYODIDE / "pyodide.asm.wasm", PYODIDE / "python_stdlib.zip")
    glue = (PYODIDE / "pyodide.mjs", PYODIDE / "pyodide.asm.mjs")
    models = tuple(
        path
        for path in sorted((ROOT / "simulations").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    )
    wire = PLAYER / "wire.ts"
    of_worker = (PLAYER / "worker.ts", PLAYER / "mask.ts", wire)
    of_frame = (PLAYER / "frame.ts", PLAYER / "frame.html", PLAYER / "zip.ts", wire)
    of_wheel = (*compiling, project, *models)
    python, engine = "Python's standard library", "the Python engine"
    wheel_parts = (f"simulations-{version}-0", "-py3-none-any.whl")
    yield Part("wasm", "python-", ".wasm.bin", engine, wasm, compiling)
    yield Part("worker", "worker-", ".js", engine, worker, (*steps, *glue, *of_worker))
    # Not .html: servers put lines of their own into pages, as a live reload does.
    yield Part("frame", "frame-", ".html.bin", engine, frame, (*steps, *of_frame))
    yield Part("library", "library-", ".zip.bin", python, library, compiling)
    yield Part("wheel", *wheel_parts, "the simulations", wheel, of_wheel)
    made_lock = partial(lock, made["wheel"])
    of_lock = (*steps, PYODIDE / "pyodide-lock.json", made["wheel"])
    yield Part("lock", "pyodide-lock-", ".json", "the simulations", made_lock, of_lock)


def fingerprint(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sources:
        data = path.read_bytes() if path.exists() else b""
        digest.update(f"{path.relative_to(ROOT)} {len(data)}\n".encode() + data)
    return digest.hexdigest()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One build at a time: a served site and a test may both ask for one."""
    TARGET.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@alone()
def build() -> bool:
    """Make what has changed; true if anything had."""
    state = CACHE / "state.json"
    known_parts = json.loads(state.read_text("utf-8")) if state.exists() else {}
    assets: dict[str, dict[str, str | int]] = {}
    changed = False
    made: dict[str, Path] = {}
    for part in parts(made):
        inputs = fingerprint(part.sources)
        known = known_parts.get(part.name, {})
        file = TARGET / known.get("file", "none")
        if known.get("inputs") == inputs and file.exists():
            data = file.read_bytes()
        else:
            changed = True
            print(f"Building {part.what} ({part.name}) for the browser.", flush=True)
            data = part.make()
            digest = hashlib.sha256(data).hexdigest()
            file = TARGET / f"{part.before}{digest[:12]}{part.after}"
            file.write_bytes(data)
            known_parts[part.name] = {"inputs": inputs, "file": file.name}
            state.write_text(json.dumps(known_parts, indent=1) + "\n", "utf-8")
        made[part.name] = file
        assets[part.name] = {
            "file": file.name,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "what": part.what,
        }
    manifest = TARGET / "manifest.json"
    pyodide = json.loads((PYODIDE / "package.json").read_text("utf-8"))["version"]
    listed = {"version": 1, "pyodide": pyodide, "assets": assets}
    text = json.dumps(listed, indent=1) + "\n"
    if not manifest.exists() or manifest.read_text("utf-8") != text:
        manifest.write_text(text, "utf-8")
        current = {manifest, *made.values()}
        for stale in set(TARGET.iterdir()) - current:
            stale.unlink()
    return changed


if __name__ == "__main__":
    build()
