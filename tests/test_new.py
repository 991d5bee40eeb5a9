"""`make new` gives a simulation that keeps the whole contract, before anybody has changed it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What `make new` and the contract need, where a new folder harms nobody."""
    (tmp_path / "tests").mkdir()
    for name in ("simulations", "embed"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    for name in ("pyproject.toml", "tests/test_contract.py", "tests/test_architecture.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


def test_the_template_keeps_the_contract(copy: Path) -> None:
    made = python(copy, "-m", "embed.new", "two_clients")
    assert made.returncode == 0, made.stderr
    tests = "tests/test_contract.py", "tests/test_architecture.py"
    run = python(copy, "-m", "pytest", "-q", "-k", "two_clients or architecture", *tests)
    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout
    listed = python(copy, "-m", "simulations", "list")
    assert "two_clients" in listed.stdout


@pytest.mark.parametrize("name", ["", "Two", "2", "two-clients", "class", "svg"])
def test_a_name_that_cannot_be_is_refused(copy: Path, name: str) -> None:
    before = sorted((copy / "simulations").iterdir())
    made = python(copy, "-m", "embed.new", name)
    assert made.returncode == 2
    assert made.stderr.count("\n") == 1
    assert sorted((copy / "simulations").iterdir()) == before
