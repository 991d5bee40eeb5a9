"""The texts that ship with a simulation: its model's source, its cases. Nothing else is read.

By os alone: importlib.resources and pathlib would be a part of what the browser waits for.
"""

from __future__ import annotations

from os import listdir
from os.path import dirname, join

HERE = dirname(__file__)


def text(*path: str) -> str:
    """The text of a file in this package, as text("isolation", "model.py")."""
    with open(join(HERE, *path), encoding="utf-8") as file:
        return file.read()


def texts(*path: str, suffix: str) -> dict[str, str]:
    """The texts of a folder's files that end so, by their names without it, in order."""
    names = sorted(name for name in listdir(join(HERE, *path)) if name.endswith(suffix))
    return {name.removesuffix(suffix): text(*path, name) for name in names}
