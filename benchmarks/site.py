"""`make site` from clean, with everything downloaded: at most 60 s."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import Row

ROOT = Path(__file__).resolve().parents[1]


def measure() -> list[Row]:
    """In a copy without anything built, which borrows what was downloaded."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
        for name in (".venv", "node_modules"):
            (copy / name).symlink_to(ROOT / name)
        start = time.perf_counter()
        subprocess.run(["make", "site"], cwd=copy, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        files = [path for path in (copy / "site").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 2**20
        shutil.rmtree(copy)
    note = f"{len(files)} files, {size:.0f} MiB"
    return [Row("make site, from clean", seconds, 60, "s", note=note)]
