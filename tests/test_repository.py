"""Nothing here holds the address of a package registry, or a path of one machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

REGISTRY = re.compile(
    r"https?://[^/\s\"']*(?:pypi|pythonhosted|npmjs|registry|mirror)[^/\s\"']*\.[a-z]+"
    r"|--(?:extra-)?index-url[ =]|--find-links[ =]|--trusted-host[ =]"
    r"|\"resolved\"\s*:|^\s*@?[\w-]*:?registry\s*=",
    re.IGNORECASE | re.MULTILINE,
)
MACHINE = re.compile(
    r"(?<![\w.<])/(?:home|Users)/[a-z][\w.-]*/|(?<![\w.])/root/|[A-Z]:\\\\?Users\\"
)


def kept_files() -> list[Path]:
    """What git holds or would add, so that a file is checked before it is committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("This copy is not a git clone, so what belongs to it is not known.")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and path != Path(__file__)]


def places(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in kept_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match.group().strip()}")
    return found


def test_no_file_names_a_registry():
    assert places(REGISTRY) == []


def test_no_file_holds_a_path_of_one_machine():
    assert places(MACHINE) == []
    assert places(re.compile(rf"{re.escape(str(ROOT))}(?![\w-])")) == []


def test_every_python_package_is_pinned_and_hashed():
    for name in ("requirements.txt", "requirements-node.txt"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert lines
        for line in lines:
            assert re.match(r"[\w.-]+==\S+", line), line
            assert "--hash=sha256:" in line, line


def test_every_declared_package_is_compiled():
    """A dependency that was added to pyproject.toml but not to the lock would be missed here."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    compiled = {
        re.sub(r"[-_.]+", "-", match.group(1)).lower(): match.group(2)
        for name in ("requirements.txt", "requirements-node.txt")
        for match in re.finditer(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    }
    for requirement in (requirement for group in groups.values() for requirement in group):
        name = re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()
        assert name in compiled, f"{requirement} is not in the requirements: make lock"


def test_every_node_package_is_pinned_and_hashed():
    wanted = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for group in ("dependencies", "devDependencies"):
        assert wanted[group] == locked[""][group], "package-lock.json is older: npm install"
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted[group].values())
    for name, package in locked.items():
        assert not name or package["integrity"].startswith("sha512-"), name
