"""One path, two callers: CPython here and Pyodide there tell the same bytes."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from embed import runtime
from tests.telling import tell

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def in_pyodide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the runtime's own library and wheel tell, under Node."""
    runtime.build()
    assets = json.loads((runtime.TARGET / "manifest.json").read_text("utf-8"))["assets"]
    folder = tmp_path_factory.mktemp("parity")
    library = folder / "library.zip"
    library.write_bytes(gzip.decompress((runtime.TARGET / assets["library"]["file"]).read_bytes()))
    wheel = runtime.TARGET / assets["wheel"]["file"]
    command = [runtime.NODE, "tests/parity.mjs", str(library), str(wheel), "tests/telling.py"]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_pyodide_tells_what_cpython_tells(in_pyodide: dict[str, dict[str, str]]) -> None:
    here = json.loads(tell())
    assert list(in_pyodide) == list(here)
    differing = [
        f"{key}: the {part}"
        for key, told in here.items()
        for part in told
        if told[part] != in_pyodide[key][part]
    ]
    assert differing == []
