"""What may touch what: docs -> embed -> simulations, scenes -> model, and no simulation another."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "simulations"

# A model counts virtual time, draws from the run's own Random, and reaches nothing outside.
IMPURE = {
    "asyncio", "concurrent", "ctypes", "datetime", "http", "io", "locale", "multiprocessing", "os",
    "platform", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver",
    "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
PURE_LIBRARIES: set[str] = set()
DOORS = {"__init__.py", "__main__.py", "browser.py", "packaged.py"}


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Every import of a file, as (absolute module, names, line)."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, (), node.lineno
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*parent, *filter(None, (node.module or "").split("."))))
            yield module, tuple(alias.name for alias in node.names), node.lineno


def touched(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file's imports may load: of `from a import b`, both a and a.b."""
    for module, names, line in imports(path):
        yield module, line
        for name in names:
            yield f"{module}.{name}", line


def folders() -> list[Path]:
    return [path.parent for path in sorted(PACKAGE.glob("*/__init__.py"))]


def wrong(path: Path, line: int, sentence: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {sentence}"


def test_simulations_import_the_standard_library_and_themselves_only():
    allowed = sys.stdlib_module_names | PURE_LIBRARIES | {"simulations"}
    found = [
        wrong(path, line, f"imports {module}, which the browser does not have.")
        for path in python_files(PACKAGE)
        for module, _, line in imports(path)
        if module.split(".")[0] not in allowed
    ]
    assert not found, "\n".join(found)


def test_embed_imports_neither_the_site_nor_the_tests():
    found = [
        wrong(path, line, f"imports {module}.")
        for path in python_files(ROOT / "embed")
        for module, _, line in imports(path)
        if module.split(".")[0] in {"docs", "tests", "benchmarks"}
    ]
    assert not found, "\n".join(found)


def test_a_simulation_imports_no_other():
    names = {
        folder.name for folder in folders() if "SIMULATION" in (folder / "__init__.py").read_text()
    }
    found = [
        wrong(path, line, f"imports {module}: what two simulations share has a package of its own.")
        for folder in folders()
        for path in python_files(folder)
        for module, line in touched(path)
        if (parts := module.split("."))[0] == "simulations"
        and len(parts) > 1
        and parts[1] in names - {folder.name}
    ]
    assert not found, "\n".join(found)


def test_a_model_does_not_know_its_pictures():
    """Only the folder's `__init__.py`, which declares both, and the scenes themselves draw."""
    found = [
        wrong(path, line, f"imports {module}: scenes read the model, never the other way.")
        for folder in folders()
        for path in python_files(folder)
        if path.name != "__init__.py"
        and not path.stem.startswith("scene")
        and "scenes" not in path.relative_to(folder).parts
        for module, line in touched(path)
        if {"scene", "scenes", "svg"} & set(module.split("."))
    ]
    assert not found, "\n".join(found)


def test_models_reach_nothing_outside():
    """No network, no file, no wall clock, and no randomness but the run's own."""
    found = []
    for path in python_files(PACKAGE):
        if path.parent == PACKAGE and path.name in DOORS:
            continue
        for module, names, line in imports(path):
            if module.split(".")[0] in IMPURE:
                found.append(wrong(path, line, f"imports {module}."))
            if module == "random" and set(names) != {"Random"}:
                found.append(wrong(path, line, "draws from the shared random source: take Random."))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in {"open", "print", "input", "eval", "exec", "hash"}:
                found.append(wrong(path, node.lineno, f"calls {name}()."))
            if name == "Random" and not node.args:
                found.append(wrong(path, node.lineno, "makes a Random without a seed."))
    assert not found, "\n".join(found)


def test_only_one_file_writes_markup():
    found = [
        wrong(path, node.lineno, "writes markup: that is for svg.py.")
        for path in python_files(PACKAGE)
        if path.name != "svg.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(?<!\?P)</?(svg|g|text|path|rect|div|p)\b[^<]*>", node.value)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", sorted((ROOT / "embed").rglob("*.ts")), ids=lambda p: p.name)
def test_the_player_knows_no_simulation_by_name(path: Path):
    source = path.read_text("utf-8")
    for folder in folders():
        for quote in "\"'`":
            assert f"{quote}{folder.name}{quote}" not in source
