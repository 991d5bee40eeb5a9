"""Pages that are made from what the simulations, the seeds and the measurements say."""

from __future__ import annotations

from embed.coverage import coverage
from embed.matrix import matrix
from embed.reality import reality
from embed.reference import reference
from simulations import catalog


def pages() -> dict[str, str]:
    """Path below `docs/` -> Markdown."""
    return {
        **reference(),
        "coverage.md": coverage(),
        "databases/isolation-matrix.md": matrix(),
        "databases/how-true.md": reality(),
    }


def simulation_pages() -> list[str]:
    """What stands in the navigation under Simulations."""
    return ["simulations/index.md", *(f"simulations/{name}.md" for name in catalog())]
