"""The few pieces of HTML that more than one made page is built of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], style: str = "") -> str:
    """A table whose cells are HTML already, and which scrolls by itself on a narrow screen."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heading)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="made-table {style}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def address(
    figure: str, simulation: str, scenario: str | None, parameters: Mapping[str, object]
) -> str:
    """The fragment that opens a run in a figure; embed/player/address.ts reads it."""
    parts = [f"sim={quote(figure, '')}", "v=1", f"of={quote(simulation, '')}"]
    if scenario is not None:
        parts.append(f"scenario={quote(scenario, '')}")
    parts += [f"p={quote(k, '')}={quote(str(v), '')}" for k, v in parameters.items()]
    return "#" + "&".join(parts)
