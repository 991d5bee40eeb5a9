"""The `simulation` block of Markdown, as an extension of Python-Markdown.

    /// simulation | isolation
    scenario: write-skew
    level: repeatable read
    ///

becomes a figure with the run's first telling picture, its caption, its transcript and its film.

The block is read from the raw lines, before anything else touches them, because only there do lines
still have numbers; and it raises by itself, because both of pymdownx's ways to write such a block
turn an error into text in the page. A figure travels through Markdown as a word in a paragraph of
its own; one that ends up anywhere else (in a code block, in raw HTML, in a sentence) is refused
rather than shown broken.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from mkdocs.exceptions import BuildError

from embed import films
from embed.figure import declaration, figure
from embed.options import Option, WrongBody, read
from simulations import Problem, catalog
from simulations.simulation import nearest

NAME = "simulation"
OWN = ("scenario", "seed", "caption", "step")
"""Options of the block itself; all others are parameters of the simulation."""

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})(.*)")
_SLASHES = re.compile(r"(?P<before>[ \t]*(?:(?:>|[-*+]|\d+[.)])[ \t]*)*)///(?P<rest>.*)")
_OPENING = re.compile(r"[ \t]*(?P<block>[^|]*?)[ \t]*(?:\|[ \t]*(?P<name>.*?))?[ \t]*")
_ALONE = {"p", "li", "dd"}
"""Where a placeholder may stand: as all the text of one of these."""


class WrongEmbed(BuildError):
    """An embed that cannot be built: file, line, and a sentence that says what would be right."""


@dataclass(frozen=True, slots=True)
class Found:
    """A block as found in a page. `line` is the file's line of its opening, from 1."""

    name: str
    line: int
    body: tuple[str, ...]


class SimulationExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        page = _Page(md)
        md.registerExtension(self)
        # Before all others (snippets are next, at 32), so that lines have the file's numbers.
        md.preprocessors.register(_Blocks(md, page), "simulation", 40)
        # After inline (20), by when every paragraph has the text that it will have.
        md.treeprocessors.register(_Places(md, page), "simulation", 1)


class _Page:
    """Which page is being converted, and the figures found in it so far."""

    def __init__(self, md: Markdown) -> None:
        self.md = md
        self.figures: dict[str, tuple[int, str]] = {}
        self.identities: dict[str, int] = {}
        self.declared: set[str] = set()
        self.offset = 0

    def begin(self, lines: Sequence[str]) -> None:
        self.figures.clear()
        self.identities.clear()
        self.declared.clear()
        # MkDocs cuts the front matter off, so what is left begins further down in the file.
        source = self._file.content_string if self._file else ""
        start = source.rfind("\n".join(lines))
        self.offset = source.count("\n", 0, max(start, 0))

    @property
    def _file(self):
        known = "relpath" in self.md.treeprocessors
        return self.md.treeprocessors["relpath"].file if known else None

    @property
    def path(self) -> str:
        file = self._file
        if file is None:
            return "page"
        source = Path(file.abs_src_path) if file.abs_src_path else None
        if source is None:
            return f"{file.src_uri} (generated)"
        return str(source.relative_to(films.ROOT) if source.is_relative_to(films.ROOT) else source)

    def wrong(self, line: int, message: str) -> WrongEmbed:
        return WrongEmbed(f"{self.path}:{line}: {message}")

    def identity(self, film: dict) -> str:
        """An id that stays the same when other figures come and go: addresses hold it."""
        stem = f"sim-{film['scenario'] or film['simulation']}"
        self.identities[stem] = count = self.identities.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}-{count}"


class _Blocks(Preprocessor):
    """Replaces each block by a placeholder for its figure."""

    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, lines: list[str]) -> list[str]:
        self.page.begin(lines)
        return list(self._replaced(lines))

    def _replaced(self, lines: list[str]) -> Iterator[str]:
        fence, fence_line, inside_fence = "", 0, 0
        number = 0
        while number < len(lines):
            text = lines[number]
            number += 1
            line = number + self.page.offset
            if marks := _FENCE.fullmatch(text):
                ticks, rest = marks.groups()
                if not fence:
                    fence, fence_line = ticks, line
                elif ticks.startswith(fence) and not rest.strip():
                    fence, inside_fence = "", 0
            slashes = _SLASHES.fullmatch(text)
            if slashes and fence:
                inside_fence = inside_fence or line
            if not slashes or fence:
                yield text
                continue
            indent = slashes["before"]
            found = self._block(slashes, line, lines[number:])
            number += len(found.body) + 1
            html = self._figure(found)
            placeholder = f"simulationfigure{hashlib.sha256(html.encode()).hexdigest()}"
            self.page.figures[placeholder] = (found.line, html)
            yield from ("", indent + placeholder, "")
        if inside_fence:
            raise self.page.wrong(
                fence_line,
                f"This code block is never closed, so the lines after it, with the /// in line "
                f"{inside_fence}, would be shown as code.",
            )

    def _block(self, slashes: re.Match, line: int, after: Sequence[str]) -> Found:
        """The block that opens in `line`, before the lines `after`."""
        indent = slashes["before"]
        opening = _OPENING.fullmatch(slashes["rest"])
        block, name = opening["block"], opening["name"]
        if not block and name is None:
            raise self.page.wrong(
                line, "This /// closes a block, but none is open. Remove it, or open the block."
            )
        if block != NAME:
            meant = difflib.get_close_matches(block, [NAME], cutoff=0.5)
            raise self.page.wrong(
                line,
                f"There is no block “{block}”."
                + (f" Did you mean “{NAME}”?" if meant else f" There is one: {NAME}."),
            )
        if indent.strip():
            raise self.page.wrong(
                line,
                f"A simulation cannot stand behind “{indent.strip()}”. Put the block on lines of "
                "its own; inside a list or an admonition, indent them by four spaces.",
            )
        if not name:
            raise self.page.wrong(
                line,
                f"The block names no simulation. Write “/// {NAME} | NAME”, NAME being one of "
                f"{', '.join(catalog())}.",
            )
        body = []
        for number, text in enumerate(after, start=line + 1):
            if text.strip() == "///":
                return Found(name, line, tuple(body))
            if text.lstrip().startswith("///"):
                break
            if text.strip() and not text.startswith(indent):
                raise self.page.wrong(
                    number,
                    f"{name}: this line is indented less than the block's opening in line {line}. "
                    "Indent it as far, or close the block before it.",
                )
            body.append(text[len(indent) :])
        raise self.page.wrong(
            line, f"{name}: this block is never closed. Close it with a line that holds only ///."
        )

    def _figure(self, found: Found) -> str:
        options: dict[str, Option] = {}
        try:
            simulation = films.load(found.name)
        except Problem as problem:
            raise self.page.wrong(found.line, problem.message) from None
        except films.BrokenSource as error:
            raise self.page.wrong(found.line, f"{found.name}: {error}") from None
        try:
            options = read(found.body, found.line + 1)
            known = (*OWN, *(parameter.name for parameter in simulation.parameters))
            for name in options:
                if name not in known:
                    unknown = f"There is no option “{name}”.{nearest(name, known)}"
                    raise Problem(unknown, parameter=name)
            film = _film(found.name, {name: option.value for name, option in options.items()})
        except WrongBody as error:
            raise self.page.wrong(error.line, f"{found.name}: {error.message}") from None
        except Problem as problem:
            raise self._wrong(found, options, problem) from None
        except films.BrokenSource as error:
            raise self.page.wrong(found.line, f"{found.name}: {error}") from None
        caption = options["caption"].value if "caption" in options else None
        declared = simulation.declare()
        html = figure(film, declared, identity=self.page.identity(film), caption=caption)
        if found.name not in self.page.declared:
            self.page.declared.add(found.name)
            html += declaration(declared)
        return html

    def _wrong(self, found: Found, options: dict[str, Option], problem: Problem) -> WrongEmbed:
        """The model's own sentence, with the place in the page that it speaks of."""
        option = options.get(problem.parameter)
        if option is None:
            return self.page.wrong(found.line, f"{found.name}: {problem.message}")
        place = f"{found.name}, {option.name}"
        if problem.line is None:
            return self.page.wrong(option.line, f"{place}: {problem.message}")
        column = "" if problem.column is None else f", column {problem.column}"
        return self.page.wrong(
            option.line_of(problem.line), f"{place}, line {problem.line}{column}: {problem.message}"
        )


def _film(name: str, given: Mapping[str, str]) -> dict:
    seed = given.get("seed", "0")
    if not re.fullmatch(r"[0-9]{1,10}", seed):
        raise Problem(f"seed must be a whole number, not “{seed}”.", parameter="seed")
    parameters = {option: value for option, value in given.items() if option not in OWN}
    film = films.film(name, parameters, seed=int(seed), scenario=given.get("scenario"))
    step, last = given.get("step"), len(film["steps"]) - 1
    if step is None:
        return film
    if not re.fullmatch(r"[0-9]{1,6}", step) or int(step) > last:
        raise Problem(
            f"step must be a whole number from 0 to {last}, the last step of this run, "
            f"not “{step}”.",
            parameter="step",
        )
    return {**film, "telling": int(step)}


class _Places(Treeprocessor):
    """Puts the figures in, and sees to it that each stands where a figure can."""

    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, root: Element) -> None:
        figures = dict(self.page.figures)
        for element in root.iter():
            if element.tag in _ALONE and (element.text or "").strip() in figures:
                _, html = figures.pop(element.text.strip())
                element.text = self.md.htmlStash.store(html)
        for line, _ in figures.values():
            raise self.page.wrong(
                line,
                "A simulation cannot stand here: inside a code block, raw HTML, a comment, a table "
                "or a sentence. Give it lines of its own; to show the block as text, put it "
                "between ``` and ```.",
            )


def makeExtension(**options: object) -> SimulationExtension:
    return SimulationExtension(**options)
