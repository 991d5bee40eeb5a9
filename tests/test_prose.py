"""The prose of the course: what would make a reader stumble, by file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("docs/**/*.md", "simulations/*/README.md", "embed/template/*.md", "seeds/*.md", "*.md")
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(folder))

FILLER = [
    "actually",
    "basically",
    "clearly",
    "delve",
    "easily",
    "in order to",
    "it is important to note",
    "just",
    "leverage",
    "needless to say",
    "note that",
    "obviously",
    "of course",
    "powerful",
    "robust",
    "seamless",
    "seamlessly",
    "simply",
    "utilize",
    "very",
]
FILLERS = re.compile(rf"\b({'|'.join(FILLER)})\b", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|TBD|XXX|lorem ipsum)\b", re.IGNORECASE)
HEADING = re.compile(r"(#{1,6}) +\S")
IMAGE = re.compile(r"!\[([^\]]*)\]\(")
HTML_IMAGE = re.compile(r"<img\b(?![^>]*\balt=)", re.IGNORECASE)
INSECURE = re.compile(r"\bhttp://(?!localhost|127\.0\.0\.1|www\.w3\.org/)", re.IGNORECASE)
FOOTNOTE = re.compile(r"\[\^([^\]]+)\](:)?")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
TAGS_AND_ADDRESSES = re.compile(r"`[^`]*`|\]\([^)]*\)|<[^>]*>|https?://\S+")


def lines_of(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page with their numbers, without its front matter and its code."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = 0
    if lines and lines[0] == "---":
        start = lines.index("---", 1) + 1
    fence = None
    for number, line in enumerate(lines[start:], start + 1):
        mark = FENCE.match(line)
        if fence is None and mark is not None:
            fence = mark.group(1)
        elif fence is not None:
            if mark is not None and mark.group(1).startswith(fence):
                fence = None
        else:
            yield number, line


def complaints(page: Path) -> Iterator[tuple[int, str]]:
    level = 0
    used: dict[str, int] = {}
    defined: dict[str, int] = {}
    for number, line in lines_of(page):
        if (heading := HEADING.match(line)) is not None:
            depth = len(heading.group(1))
            if level == 0 and depth != 1:
                yield number, "The first heading of a page is its title: one #."
            elif level > 0 and depth == 1:
                yield number, "A page has one title; this is a second one."
            elif level > 0 and depth > level + 1:
                yield number, f"A heading of level {depth} follows one of level {level}."
            level = depth
        if any(not image.group(1).strip() for image in IMAGE.finditer(line)):
            yield number, "An image needs a text for those who do not see it."
        if HTML_IMAGE.search(line) is not None:
            yield number, "An <img> needs an alt text."
        if INSECURE.search(line) is not None:
            yield number, "A link to another site begins with https://."
        for name, colon in FOOTNOTE.findall(line):
            (defined if colon else used).setdefault(name, number)
        prose = TAGS_AND_ADDRESSES.sub(" ", line)
        if (found := UNFINISHED.search(prose)) is not None:
            yield number, f"“{found.group(1)}” does not belong in a published page."
        for found in FILLERS.finditer(prose):
            yield number, f"“{found.group(1)}” adds nothing; leave it out or say what is meant."
    for name, number in used.items():
        if name not in defined:
            yield number, f"The footnote [^{name}] is not written."
    for name, number in defined.items():
        if name not in used:
            yield number, f"Nothing refers to the footnote [^{name}]."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose(page: Path) -> None:
    found = [
        f"{page.relative_to(ROOT)}:{number}: {complaint}"
        for number, complaint in sorted(complaints(page))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\n### B\n", "t.md:3: A heading of level 3 follows one of level 1."),
        ("# A\n\n# B\n", "t.md:3: A page has one title; this is a second one."),
        ("## A\n", "t.md:1: The first heading of a page is its title: one #."),
        ("# A\n\n![](x.svg)\n", "t.md:3: An image needs a text for those who do not see it."),
        ("# A\n\nSee [x](http://example.org).\n", "t.md:3: A link to another site begins with"),
        ("# A\n\nTODO\n", "t.md:3: “TODO” does not belong in a published page."),
        ("# A\n\nSimply run it.\n", "t.md:3: “Simply” adds nothing"),
        ("# A\n\nSo it is.[^1]\n", "t.md:3: The footnote [^1] is not written."),
        ("# A\n\n[^1]: Nobody.\n", "t.md:3: Nothing refers to the footnote [^1]."),
        ("---\ntitle: just\n---\n# A\n\n```sh\n# just a comment\n```\n", ""),
    ],
)
def test_each_complaint_is_made(text: str, expected: str, tmp_path: Path) -> None:
    page = tmp_path / "t.md"
    page.write_text(text, encoding="utf-8")
    made = "\n".join(f"t.md:{number}: {complaint}" for number, complaint in complaints(page))
    assert made.startswith(expected) if expected else made == ""
