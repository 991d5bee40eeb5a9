"""`make serve`: at once when nothing changed, and again on its own when something did."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECONDS_TO_SERVE = 5
SECONDS_TO_REBUILD = 120  # a machine that is busy with other tests


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it is, built, where an edit harms nobody; what is downloaded is shared."""
    if not (ROOT / "site" / "index.html").exists():
        pytest.fail("The site is not built: make site.")
    folder = tmp_path_factory.mktemp("serve") / "copy"
    ignore = shutil.ignore_patterns(".git", ".venv", "node_modules", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, folder, ignore=ignore)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def address(copy: Path) -> Iterator[str]:
    """Where `make serve` serves; started once, stopped with the signal of Ctrl-C."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    start = time.monotonic()
    server = subprocess.Popen(
        ["make", "serve"],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines = []
    try:
        for line in server.stdout:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            pytest.fail(f"make serve ended:\n{''.join(lines)}")
        assert time.monotonic() - start < SECONDS_TO_SERVE, "".join(lines)
        yield found.group()
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=SECONDS_TO_REBUILD) as answer:
        return answer.read().decode()


def awaited(address: str, text: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_REBUILD
    while text not in page(address):
        assert time.monotonic() < deadline, f"{address} never said “{text}”."
        time.sleep(0.5)


def test_the_runtime_is_served_as_it_was_built(address: str) -> None:
    """What a server puts into pages for live reload must not damage a file that has a hash."""
    folder = f"{address}assets/runtime/"
    listed = json.loads(page(f"{folder}manifest.json"))["assets"]
    for asset in listed.values():
        with urllib.request.urlopen(folder + asset["file"], timeout=60) as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == asset["sha256"], asset["file"]


def test_an_edited_page_is_served(copy: Path, address: str) -> None:
    assert "<html" in page(address)
    index = copy / "docs" / "index.md"
    index.write_text(index.read_text("utf-8") + "\nA sentence that was just written.\n", "utf-8")
    awaited(address, "A sentence that was just written.")


def test_an_edited_simulation_is_drawn_again(copy: Path, address: str) -> None:
    """A new embed shows the simulation that the build knows; then its source changes."""
    made = subprocess.run(
        [copy / ".venv/bin/python", "-m", "embed.new", "two_clients"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    index = copy / "docs" / "index.md"
    block = "\n/// simulation | two_clients\nscenario: lost-update\n///\n"
    index.write_text(index.read_text("utf-8") + block, "utf-8")
    awaited(address, " reads 0.")
    model = copy / "simulations" / "two_clients" / "model.py"
    model.write_text(model.read_text("utf-8").replace(" reads {", " looks at {"), "utf-8")
    awaited(address, " looks at 0.")


def test_a_broken_page_leaves_the_last_good_one_up(copy: Path, address: str) -> None:
    index = copy / "docs" / "index.md"
    good = index.read_text("utf-8")
    index.write_text(good + "\n/// simulation | nothing\n///\n", "utf-8")
    time.sleep(8)
    index.write_text(good + "\nThe page is right again.\n", "utf-8")
    awaited(address, "The page is right again.")
