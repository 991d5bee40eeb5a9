"""The body of a `simulation` block: a flat mapping in YAML, read so that no mistake slips through.

PyYAML takes the last of two equal keys in silence and turns `no` into False. Here the nodes are
read before they become values: every value stays the text that was written, and each key and each
line of a script keeps its place, so that an error can name the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml


class WrongBody(ValueError):
    """What is wrong with a body, and in which line of the page."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Option:
    """One `name: value`. `line` is where the name stands; `text_line` where the value begins."""

    name: str
    value: str
    line: int
    text_line: int
    literal: bool

    def line_of(self, line: int) -> int:
        """The line of the page that holds the given line (from 1) of the value."""
        return self.text_line + line - 1 if self.literal else self.text_line


def read(lines: Sequence[str], first: int) -> dict[str, Option]:
    """The options by name. `first` is the page's line that the body begins in. Raises WrongBody."""
    try:
        node = yaml.compose("".join(f"{line}\n" for line in lines), Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it cannot be read"
        raise WrongBody(
            f"The block is not YAML: {said}. Write one “name: value” a line, and a script on "
            "indented lines after “script: |”.",
            first + (min(mark.line, len(lines) - 1) if mark else 0),
        ) from None
    except yaml.YAMLError as error:
        raise WrongBody(f"The block is not YAML: {error}.", first) from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise WrongBody(
            "The block holds no options: write one “name: value” a line, with a space after the "
            "colon.",
            first + node.start_mark.line,
        )
    options: dict[str, Option] = {}
    for key, value in node.value:
        option = _option(key, value, first)
        if option.name in options:
            raise WrongBody(
                f"“{option.name}” is given twice: here and in line {options[option.name].line}. "
                "Keep one of the two.",
                option.line,
            )
        options[option.name] = option
    return options


def _option(key: yaml.Node, value: yaml.Node, first: int) -> Option:
    line = first + key.start_mark.line
    if not isinstance(key, yaml.ScalarNode):
        raise WrongBody("The name of an option must be a word.", line)
    if not isinstance(value, yaml.ScalarNode):
        kind = "a list" if isinstance(value, yaml.SequenceNode) else "a mapping"
        raise WrongBody(f"“{key.value}” must be one value, not {kind}.", line)
    if not value.value.strip():
        raise WrongBody(f"“{key.value}” has no value. Write one, or remove the line.", line)
    literal = value.style == "|"
    # The text of a literal block begins on the line after the `|`.
    begin = first + value.start_mark.line + (1 if literal else 0)
    return Option(key.value, value.value, line, begin, literal)
