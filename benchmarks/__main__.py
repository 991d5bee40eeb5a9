"""Run the benchmarks, print one table, and keep it in benchmarks/RESULTS.md."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import traceback
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import iter_modules

from benchmarks import Row

FOLDER = Path(__file__).parent
HEADING = ("Budget", "Measured", "Allowed", "", "How")


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Sequence[Row]) -> str:
    """A table that reads well both in a terminal and as Markdown."""
    cells = [
        (
            row.what,
            f"{number(row.measured)} {row.unit}".strip(),
            f"{row.bound} {number(row.budget)} {row.unit}".strip(),
            "kept" if row.kept else "MISSED",
            row.note,
        )
        for row in rows
    ]
    widths = [max(len(line[i]) for line in [HEADING, *cells]) for i in range(len(HEADING))]
    lines = [HEADING, tuple("-" * width for width in widths), *cells]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def machine() -> str:
    """What the numbers were measured on; nothing that names the machine."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{date.today():%d %B %Y}",
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), {memory:.0f} GiB",
        f"CPython {platform.python_version()}",
        f"Node {node.lstrip('v')}",
        f"MkDocs {version('mkdocs')}, Material {version('mkdocs-material')}",
        chromium(),
    ]
    return ", ".join(part for part in parts if part)


def chromium() -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        return ""
    told = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()
    return next((f"Chromium {word}" for word in told if word[0].isdigit()), "")


def main(names: Sequence[str]) -> int:
    known = sorted(m.name for m in iter_modules([str(FOLDER)]) if not m.name.startswith("_"))
    if wrong := set(names) - set(known):
        print(f"No benchmark {', '.join(wrong)}. There is: {', '.join(known)}.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed = []
    for name in names or known:
        print(f"Measuring {name}.", flush=True)
        try:
            rows += import_module(f"benchmarks.{name}").measure()
        except Exception:  # one benchmark's failure must not hide the others' numbers
            traceback.print_exc()
            failed.append(name)
    print(f"\n{machine()}\n\n{table(rows)}")
    if failed:
        print(f"\nFailed: {', '.join(failed)}.", file=sys.stderr)
    elif not names:
        text = f"# The budgets, as last measured by `make bench`\n\n{machine()}\n\n{table(rows)}\n"
        (FOLDER / "RESULTS.md").write_text(text, "utf-8")
    return 1 if failed or not all(row.kept for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
