"""Trace and step -> picture. Reads states, never computes what the model should have done."""

from __future__ import annotations

from simulations.scene import Edge, Label, Node, Panel, Scene
from simulations.simulation import Trace

from .model import CLIENTS, State, apply, initial

WIDTH, HEIGHT = 340, 150


def state_at(trace: Trace, step: int) -> State:
    state = initial(trace)
    for event in trace.events[: step + 1]:
        state = apply(state, event)
    return state


def draw(trace: Trace, step: int) -> Scene:
    state = state_at(trace, step)
    event = trace.events[step]
    middle = WIDTH // 2
    marks = [
        Node("counter", middle - 45, 96, 90, 36, str(state.counter), "counter"),
        Label("counter-name", middle, 148, "counter", "muted", "middle"),
    ]
    for number, client in enumerate(CLIENTS):
        x = 20 + number * (WIDTH - 130)
        held = state.held[number]
        active = "active" if client == event.actor else ""
        text = client if held is None else f"{client} holds {held}"
        marks.append(Node(f"client-{client}", x, 14, 90, 32, text, active))
        if active:
            top, bottom = (x + 45, 48), (middle + (number * 2 - 1) * 20, 94)
            points = (bottom, top) if event.kind == "read" else (top, bottom)
            marks.append(Edge(f"hand-{client}", points, event.kind, arrow=True))
    holding = ", ".join(
        f"{client} holds {held}"
        for client, held in zip(CLIENTS, state.held, strict=True)
        if held is not None
    )
    summary = f"The counter is {state.counter}. {holding or 'Neither client holds a number'}."
    return Scene((Panel("counter", "The counter", WIDTH, HEIGHT, tuple(marks), summary),))
