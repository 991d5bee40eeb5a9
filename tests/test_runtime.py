"""What the build puts into docs/assets/runtime."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from embed import runtime

MAGIC = b"\x2b\x0e"  # Python 3.14, importlib.util.MAGIC_NUMBER


@pytest.fixture(scope="module")
def built() -> Path:
    runtime.build()
    return runtime.TARGET


@pytest.fixture(scope="module")
def assets(built: Path) -> dict[str, dict]:
    return json.loads((built / "manifest.json").read_text("utf-8"))["assets"]


def read(built: Path, asset: dict) -> bytes:
    return (built / asset["file"]).read_bytes()


def test_every_file_is_what_the_manifest_says(built: Path, assets: dict[str, dict]) -> None:
    for asset in assets.values():
        data = read(built, asset)
        digest = hashlib.sha256(data).hexdigest()
        assert (asset["sha256"], asset["size"]) == (digest, len(data))
        assert digest[:12] in asset["file"]
    listed = {asset["file"] for asset in assets.values()} | {"manifest.json"}
    assert {path.name for path in built.iterdir()} == listed


def test_nothing_is_built_twice(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in built.iterdir()}
    assert runtime.build() is False
    assert {path: path.read_bytes() for path in built.iterdir()} == before
    assert capsys.readouterr().out == ""


def test_the_lockfile_names_the_wheel_by_its_hash(built: Path, assets: dict[str, dict]) -> None:
    lock = json.loads(read(built, assets["lock"]))
    package = lock["packages"]["simulations"]
    assert package["file_name"] == assets["wheel"]["file"]
    assert package["sha256"] == assets["wheel"]["sha256"]
    assert package["imports"] == ["simulations"]


def test_the_wheel_is_whole_and_has_bytecode(built: Path, assets: dict[str, dict]) -> None:
    with zipfile.ZipFile(io.BytesIO(read(built, assets["wheel"]))) as wheel:
        names = wheel.namelist()
        record = next(name for name in names if name.endswith("RECORD"))
        rows = list(csv.reader(wheel.read(record).decode().splitlines()))
        assert sorted(row[0] for row in rows) == sorted(names)
        for name, digest, size in rows:
            if name == record:
                continue
            data = wheel.read(name)
            sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={sha}", len(data))
        for name in names:
            if name.endswith(".py"):
                folder, _, file = name.rpartition("/")
                code = wheel.read(f"{folder}/__pycache__/{file[:-3]}.cpython-314.pyc")
                assert code[:2] == MAGIC
                assert code[4:8] == b"\x01\0\0\0"  # never compared with its source


def test_the_standard_library_is_bytecode(built: Path, assets: dict[str, dict]) -> None:
    data = gzip.decompress(read(built, assets["library"]))
    with zipfile.ZipFile(io.BytesIO(data)) as library:
        names = library.namelist()
        assert "os.pyc" in names
        assert not [name for name in names if name.endswith(".py")]
        assert library.read("os.pyc")[:2] == MAGIC


def test_the_frame_allows_its_own_script_and_no_other(built: Path, assets: dict[str, dict]) -> None:
    page = read(built, assets["frame"]).decode()
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.split('content="')[1].split('"')[0]
    assert f"script-src 'sha256-{digest}' 'wasm-unsafe-eval';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy


def test_no_script_of_the_runtime_can_import(built: Path, assets: dict[str, dict]) -> None:
    for name in ("worker", "frame"):
        assert not re.search(rb"(?<![a-z])import\s*\(", read(built, assets[name]))
