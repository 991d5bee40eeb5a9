"""The budgets, measured: each module here has `measure() -> list[Row]`; `make bench` runs them all.

One benchmark alone: python -m benchmarks NAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number and the budget that it must keep: at most so much, or at least."""

    what: str
    measured: float
    budget: float
    unit: str
    bound: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def kept(self) -> bool:
        if self.bound == "at most":
            return self.measured <= self.budget
        return self.measured >= self.budget
