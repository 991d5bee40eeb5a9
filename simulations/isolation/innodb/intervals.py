"""Intervals of keys: what an index is searched for.

A key is compared as far as it goes: an interval over the first column of an index of two holds
every key that begins so. NULL comes before all values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from simulations.isolation.innodb.records import SortKey

LOWEST, HIGHEST = (), ((2,),)  # below and above every key
NULL = ((0,),)


@dataclass(frozen=True, slots=True)
class Interval:
    """Keys from low to high; LOWEST and HIGHEST are open ends."""

    low: SortKey
    low_open: bool
    high: SortKey
    high_open: bool
    one: bool = True  # False: its two ends are written differently, as in BETWEEN 'a' AND 'A'

    @property
    def point(self) -> bool:
        return self.low == self.high and not self.low_open and not self.high_open and self.one

    def above(self, key: SortKey) -> bool:
        """Whether a key lies above this interval."""
        key = key[: len(self.high)]
        return key > self.high or (key == self.high and self.high_open)

    def below(self, key: SortKey) -> bool:
        key = key[: len(self.low)]
        return key < self.low or (key == self.low and self.low_open)


EVERYTHING = Interval(LOWEST, False, HIGHEST, False)


def meet(ones: list[Interval], others: list[Interval]) -> list[Interval]:
    found = []
    for one, other in product(ones, others):
        low, low_open = max((one.low, one.low_open), (other.low, other.low_open))
        high, closed = min((one.high, not one.high_open), (other.high, not other.high_open))
        if low < high or (low == high and not low_open and closed):
            found.append(Interval(low, low_open, high, not closed))
    return join(found)


def join(ranges: list[Interval]) -> list[Interval]:
    """In order, overlapping and touching ones made one."""
    found: list[Interval] = []
    for interval in sorted(ranges, key=lambda i: (i.low, i.low_open)):
        if found:
            last = found[-1]
            touching = interval.low < last.high or (
                interval.low == last.high and not (interval.low_open and last.high_open)
            )
            if touching:
                high, closed = max(
                    (last.high, not last.high_open), (interval.high, not interval.high_open)
                )
                found[-1] = Interval(last.low, last.low_open, high, not closed)
                continue
        found.append(interval)
    return found
