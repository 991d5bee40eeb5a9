"""What there is to draw after a step: the events folded, one at a time.

`apply` is pure; an event carries only what it changed. The sections of `View` come from the
engine, the edges from the history, the statements from the driver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulations.isolation.engine import Chain, Lock, Version
from simulations.isolation.verdict import Edge
from simulations.simulation import Event, Trace


@dataclass(frozen=True, slots=True)
class Told:
    """A statement of the script, once it was sent or deferred."""

    line: int  # in the script, from 1
    session: str
    sql: str
    outcome: str  # ok error waiting deferred
    result: str  # in few words: "(1, 10) (2, 20)", "1 row", "ERROR 40001", "" while it waits
    first_step: int  # when it came up: sent or deferred
    sent_step: int | None = None
    returned_step: int | None = None
    wait_steps: tuple[int, ...] = ()  # the steps at which it began to wait
    waited_for: tuple[str, ...] = ()
    error: str | None = None  # the server's message


@dataclass(frozen=True, slots=True)
class State:
    step: int = -1  # of the last event folded in
    time: int = 0  # microseconds
    sessions: tuple[str, ...] = ()  # all that the script has
    schema: Mapping[str, tuple[str, ...]] | None = None  # the columns of each table
    statements: tuple[Told, ...] = ()  # in the order in which they came up
    chains: tuple[Chain, ...] = ()  # by table and key; versions oldest first
    locks: tuple[Lock, ...] = ()
    waits: tuple[tuple[str, str], ...] = ()  # who waits, for whom
    snapshots: tuple[tuple[str, str], ...] = ()  # transaction, in words
    edges: tuple[Edge, ...] = ()  # of the dependency graph, so far
    transactions: tuple[tuple[str, str], ...] = ()  # T1 T1.2 ...: open failed committed aborted
    current: int | None = None  # the line of the last event's statement
    verdict: Mapping[str, Any] | None = None  # only after the last step


def initial(trace: Trace) -> State:
    return State()


def apply(state: State, event: Event) -> State:
    data = event.data
    step = state.step + 1
    changed: dict[str, Any] = {
        name: read(data[name]) for name, read in SECTIONS.items() if name in data
    }
    if "line" in data and event.kind not in ("setup", "pause"):
        changed["statements"] = told(state.statements, event, step)
    return replace(
        state, step=step, time=event.time, current=data.get("line"),
        verdict=data.get("verdict"), **changed,
    )  # fmt: skip


def told(statements: tuple[Told, ...], event: Event, step: int) -> tuple[Told, ...]:
    data = event.data
    at = next((i for i, one in enumerate(statements) if one.line == data["line"]), None)
    if at is None:
        old = Told(data["line"], data["session"], data["sql"], "", "", first_step=step)
    else:
        old = statements[at]
    new = replace(old, outcome=data["outcome"], result=data["result"])
    if event.kind != "defer" and old.sent_step is None:
        new = replace(new, sent_step=step)
    if event.kind == "wait":
        for_whom = tuple(sorted({*old.waited_for, *data["waits_for"]}))
        new = replace(new, wait_steps=(*old.wait_steps, step), waited_for=for_whom)
    elif event.kind != "defer":
        message = data["error"] and data["error"]["message"]
        new = replace(new, returned_step=step, error=message)
    if at is None:
        return (*statements, new)
    return (*statements[:at], new, *statements[at + 1 :])


# An event's data is plain JSON; these are the two directions.


def plain_section(name: str, section: tuple) -> list:
    if name == "chains":
        return [
            {
                "table": chain.table,
                "key": list(chain.key),
                "versions": [
                    {
                        "id": version.id,
                        "values": None if version.values is None else list(version.values),
                        "created_by": version.created_by,
                        "deleted_by": version.deleted_by,
                        "state": version.state,
                        "visible_to": list(version.visible_to),
                    }
                    for version in chain.versions
                ],
            }
            for chain in section
        ]
    if name == "locks":
        return [[lock.session, lock.target, lock.mode, lock.granted] for lock in section]
    return [list(pair) for pair in section]


def plain_edge(edge: Edge) -> dict[str, Any]:
    return {name: getattr(edge, name) for name in Edge.__slots__}


def read_chains(chains: list[dict]) -> tuple[Chain, ...]:
    return tuple(
        Chain(
            chain["table"],
            tuple(chain["key"]),
            tuple(
                Version(
                    **{
                        **version,
                        "values": version["values"] and tuple(version["values"]),
                        "visible_to": tuple(version["visible_to"]),
                    }
                )
                for version in chain["versions"]
            ),
        )
        for chain in chains
    )


def pairs(section: list[list]) -> tuple[tuple, ...]:
    return tuple(tuple(pair) for pair in section)


SECTIONS = {
    "sessions": tuple,
    "schema": lambda tables: {name: tuple(columns) for name, columns in tables.items()},
    "chains": read_chains,
    "locks": lambda locks: tuple(Lock(*lock) for lock in locks),
    "waits": pairs,
    "snapshots": pairs,
    "edges": lambda edges: tuple(Edge(**edge) for edge in edges),
    "transactions": pairs,
}


def report(trace: Trace) -> dict[str, Any]:
    """The keys that `run --json` adds to the trace."""
    statements: dict[int, dict[str, Any]] = {}
    for event in trace.events:
        if event.kind in ("setup", "pause", "verdict"):
            continue
        data = event.data
        statements[data["line"]] = {
            name: data[name]
            for name in ("line", "session", "sql", "outcome", "columns", "rows", "count", "error",
                         "waited_for", "deferred", "released_by")
        }  # fmt: skip
    last = trace.events[-1].data
    for line, waited_for in last["waited_for"].items():
        statements[int(line)]["waited_for"] = waited_for
    return {
        "statements": [statements[line] for line in sorted(statements)],
        **{name: last[name] for name in ("tables", "committed", "aborted", "waiting")},
    }
