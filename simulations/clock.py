"""Virtual time: an event queue whose ties break by (time, priority, serial), as in SimPy.

Time is integer microseconds from the start of a run. The serial number belongs to the instance, so
two runs in one process never see each other.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

MILLISECOND = 1_000
SECOND = 1_000_000


@dataclass(slots=True)
class Alarm:
    """Something that will happen, unless it is cancelled first."""

    time: int
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class Clock:
    now: int = 0
    _queue: list[tuple[int, int, int, Alarm]] = field(default_factory=list)
    _serial: int = 0

    def after(self, delay: int, action: Callable[[], None], priority: int = 0) -> Alarm:
        """Call `action` in `delay` microseconds; of two at once, the lower priority is first."""
        alarm = Alarm(self.now + delay, action)
        self._serial += 1
        heapq.heappush(self._queue, (alarm.time, priority, self._serial, alarm))
        return alarm

    def advance(self, delay: int) -> None:
        """Let `delay` microseconds pass, and what happens in them; that may itself take time."""
        end = self.now + delay
        while self._queue and self._queue[0][0] <= end:
            self._ring()
        self.now = max(self.now, end)

    def _ring(self) -> None:
        time, _, _, alarm = heapq.heappop(self._queue)
        if not alarm.cancelled:
            self.now = time
            alarm.action()
