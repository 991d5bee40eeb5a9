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
        if found and _touching(found[-1], interval):
            last = found[-1]
            high, closed = _later(last, interval)
            found[-1] = Interval(last.low, last.low_open, high, not closed)
        else:
            found.append(interval)
    return found


def _touching(last: Interval, following: Interval) -> bool:
    low = following.low[: len(last.high)]
    if low != last.high:
        return low < last.high
    if len(following.low) > len(last.high):  # last holds all keys that begin so, or none
        return not last.high_open
    return not (following.low_open and last.high_open)


def _later(last: Interval, following: Interval) -> tuple[SortKey, bool]:
    """The higher end of the two, and whether it is part of them."""
    for wide, other in ((last, following), (following, last)):
        if other.high[: len(wide.high)] == wide.high and not wide.high_open:
            return wide.high, True
    return max((last.high, not last.high_open), (following.high, not following.high_open))
