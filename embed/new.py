"""Start a simulation: python -m embed.new NAME copies the template to simulations/NAME."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from embed.films import ROOT

TEMPLATE = ROOT / "embed" / "template"


def new(name: str) -> Path:
    """Copy the template. Raises ValueError with a sentence if the name cannot be a simulation's."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"“{name}” cannot name a simulation: use small letters, digits and underscores, "
            "as in make new NAME=index_lookup."
        )
    folder = ROOT / "simulations" / name
    if folder.exists() or folder.with_suffix(".py").exists():
        raise ValueError(f"simulations/{name} exists already. Choose another name.")
    for source in sorted(TEMPLATE.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = folder / source.relative_to(TEMPLATE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text("utf-8").replace('"NAME"', f'"{name}"'), "utf-8")
    return folder


def main(arguments: Sequence[str]) -> int:
    try:
        folder = new(arguments[0] if arguments else "")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    name = folder.name
    print(
        f"simulations/{name} is a copy of the template: two clients and a counter.\n"
        f"  see it     python -m simulations run {name} scenario=lost-update\n"
        f"  test it    python -m pytest tests/test_contract.py -k {name}\n"
        f"  embed it   /// simulation | {name}\n"
        f"             scenario: lost-update\n"
        f"             ///"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
