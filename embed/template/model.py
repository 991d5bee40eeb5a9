"""Two clients add to one counter.

    A   read 0 ───────────── write 1
    B          read 0 ─────────────── write 1      two additions, and the counter says 1

An addition is three things: read the counter, add one, write the sum back. Between the read and the
write the other client may come, and what it wrote is then overwritten. Who goes next is drawn from
the run's seeded random source; each step takes one millisecond of virtual time.

The model knows nothing of pictures. It returns what happened, as events; `apply` folds them into
the state that a picture is drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulations.clock import MILLISECOND
from simulations.simulation import Event, Outcome, Trace

CLIENTS = ("A", "B")


@dataclass(frozen=True, slots=True)
class State:
    """The counter, and what each client holds in hand (None: it has not read, or has written)."""

    counter: int
    held: tuple[int | None, ...]


def model(values: Mapping[str, Any], random: Random) -> Outcome:
    """Run until both clients have added as often as they should."""
    counter = 0
    held: dict[str, int | None] = dict.fromkeys(CLIENTS)
    left = dict.fromkeys(CLIENTS, values["additions"])
    events: list[Event] = []

    def happen(client: str, kind: str, value: int, sentence: str) -> None:
        time = (len(events) + 1) * MILLISECOND
        events.append(Event(time, client, kind, {"value": value}, sentence))

    while busy := [c for c in CLIENTS if left[c] or held[c] is not None]:
        client = random.choice(busy)
        seen = held[client]
        if values["atomic"] == "yes":
            counter += 1
            left[client] -= 1
            happen(client, "add", counter, f"{client} adds one in one step: now it is {counter}.")
        elif seen is None:
            held[client] = counter
            left[client] -= 1
            happen(client, "read", counter, f"{client} reads {counter}.")
        else:
            lost = counter - seen
            counter = seen + 1
            held[client] = None
            sentence = f"{client} read {seen}, so it writes {counter}."
            if lost:
                sentence += f" What was added since it read, {lost}, is overwritten."
            happen(client, "overwrite" if lost else "write", counter, sentence)

    expected = values["additions"] * len(CLIENTS)
    lost = expected - counter
    verdict = {
        "tone": "bad" if lost else "good",
        "sentence": f"{expected} additions, and the counter says {counter}: "
        + (f"{lost} lost." if lost else "none lost."),
        "lost": lost,
    }
    return Outcome(tuple(events), {"counter": counter, "expected": expected}, verdict)


def initial(trace: Trace) -> State:
    return State(0, (None,) * len(CLIENTS))


def apply(state: State, event: Event) -> State:
    """The state after one more event. Pure, so the player can go back as well as forth."""
    value = event.data["value"]
    held = list(state.held)
    held[CLIENTS.index(event.actor)] = value if event.kind == "read" else None
    if event.kind == "read":
        return replace(state, held=tuple(held))
    return State(value, tuple(held))


def telling(trace: Trace) -> int:
    """The first step that shows the point: an overwritten addition, else the last step."""
    kinds = [event.kind for event in trace.events]
    return kinds.index("overwrite") if "overwrite" in kinds else len(kinds) - 1
