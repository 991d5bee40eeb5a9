"""The pictures of a run: sessions, row versions, locks and waits, dependencies.

    Sessions       T1  T2            a rail for each session, time downwards, a chip for each
                   [T1] UPDATE ...   statement, a bar while one waits
    Row versions   test 1  [10] [11] a chain for each row, oldest first
    Locks          who holds or awaits which lock, and who waits for whom
    Dependencies   (T1) --rw--> (T2) the graph that the verdict is read from

Every size comes from the whole run, so that nothing moves from step to step but what changed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from math import cos, pi, sin

from simulations.isolation.engine import SETUP, Chain, Lock, Version
from simulations.isolation.state import State, Told, apply, initial
from simulations.isolation.verdict import Edge as Dependency
from simulations.scene import CHARACTER, Edge, Label, Lane, Mark, Node, Panel, Scene, Table, clip
from simulations.simulation import Trace, fold

WIDTH = 420
RAIL = 30  # between two sessions' rails
LINE = 16
MOST_LOCKS = 9
MOST_VERSIONS = 4


def draw(trace: Trace, step: int) -> Scene:
    states = fold(initial, apply, trace)
    now, whole = states[step], states[-1]
    return Scene(
        (
            _sessions(now, whole),
            _versions(now, states),
            _locks(now, states),
            _dependencies(now, states),
        )
    )


def telling(trace: Trace) -> int:
    """The first step that shows what the run is about: an error, else a wait, else the verdict."""
    kinds = [event.kind for event in trace.events]
    for kind in ("error", "timeout", "wait"):
        if kind in kinds:
            return kinds.index(kind)
    return len(kinds) - 1


def _style(transaction: str) -> str:
    """The colour of a session: T2 and T2.3 are s2."""
    name = transaction.partition(".")[0]
    return f"s{name[1:]}" if name[1:].isdigit() else "muted"


# Sessions


def _sessions(now: State, whole: State) -> Panel:
    statements = sorted(whole.statements, key=lambda told: told.line)
    left = 20 + RAIL * len(whole.sessions)
    room = int((WIDTH - left - 8) / CHARACTER)
    texts = {told.line: textwrap.wrap(told.sql, room)[:3] or [""] for told in statements}
    tops, y = {}, 30
    for told in statements:
        tops[told.line] = y
        y += LINE * (len(texts[told.line]) + 1) + 8
    height = y + 4
    x = {name: 12 + RAIL // 2 + RAIL * i for i, name in enumerate(whole.sessions)}
    states = dict(now.transactions)
    marks: list[Mark] = [
        Lane(f"lane-{name}", at, 12, height - 6, name, f"{_style(name)} rail")
        for name, at in x.items()
    ]
    if now.current in tops:
        tall = LINE * (len(texts[now.current]) + 1) + 8
        marks.insert(0, Node("now", 0, tops[now.current] - 4, WIDTH, tall, style="band"))
    sofar = {told.line: told for told in now.statements}
    reached = max((tops[t.line] for t in now.statements if t.sent_step is not None), default=30)
    for told in statements:
        here = sofar.get(told.line)
        top = tops[told.line]
        at = x[told.session]
        if here is not None and here.wait_steps:
            end = _end_of_wait(here, now, tops, reached)
            marks.append(
                Node(f"wait-{told.line}", at - 6, top + 12, 12, max(end - top - 8, 10),
                     style=f"bar {_style(told.session)}", radius=6)
            )  # fmt: skip
        marks.extend(_statement(told, here, texts[told.line], at, left, top, room))
    return Panel(
        "sessions", "Sessions", WIDTH, height, tuple(marks), _sessions_summary(now, states)
    )


def _end_of_wait(told: Told, now: State, tops: dict[int, int], reached: int) -> int:
    """Where a wait's bar ends: at the last statement sent before it returned, or of all."""
    if told.returned_step is None:
        return reached + LINE
    sent = (
        tops[other.line]
        for other in now.statements
        if other.sent_step is not None and other.sent_step < told.returned_step
    )
    return max(sent, default=tops[told.line]) + LINE


def _statement(
    told: Told, here: Told | None, lines: list[str], at: int, left: int, top: int, room: int
) -> Iterable[Mark]:
    sent = here is not None and here.sent_step is not None
    chip = f"{_style(told.session)} solid small" if sent else "faint small"
    yield Node(f"chip-{told.line}", at - 12, top, 24, 16, told.session, chip, 8)
    for number, text in enumerate(lines):
        yield Label(
            f"sql-{told.line}-{number}", left, top + 12 + LINE * number, text,
            "" if sent else "muted",
        )  # fmt: skip
    if here is None:
        return
    style, text = _result(here)
    y = top + 12 + LINE * len(lines)
    yield Label(f"result-{told.line}", left, y, clip(text, WIDTH - left - 8), style)


def _result(told: Told) -> tuple[str, str]:
    if told.outcome == "waiting":
        return "wait", f"waits for {' and '.join(told.waited_for)}"
    if told.outcome == "deferred":
        return "muted", f"not sent yet: {told.session} still waits"
    waited = f"waited for {' and '.join(told.waited_for)}; " if told.waited_for else ""
    if told.outcome == "error":
        return "bad", f"{waited}{told.result}: {told.error}"
    return "good", f"{waited}{told.result}"


def _sessions_summary(now: State, transactions: dict[str, str]) -> str:
    said = [f"{name} {how}" for name, how in transactions.items()]
    count = sum(told.sent_step is not None for told in now.statements)
    return f"{count} statements sent. {', '.join(said)}." if said else "Nothing has been sent yet."


# Row versions


def _versions(now: State, states: tuple[State, ...]) -> Panel:
    rows: dict[tuple, int] = {}
    for state in states:
        for chain in state.chains:
            key = (chain.table, chain.key)
            rows[key] = max(rows.get(key, 1), min(len(chain.versions), MOST_VERSIONS))
    order = sorted(rows, key=lambda row: (row[0], tuple(map(str, row[1]))))
    longest = max(rows.values(), default=1)
    wide = min(112, (WIDTH - 92) // max(longest, 1) - 8)
    marks: list[Mark] = []
    chains = {(chain.table, chain.key): chain for chain in now.chains}
    for number, row in enumerate(order):
        y = 8 + 58 * number
        name = f"{row[0]} {', '.join(map(_plain, row[1]))}"
        present = row in chains
        key = clip(", ".join(map(_plain, row[1])), 84)
        marks.append(Label(f"row-{name}", 0, y + 16, key, "strong" if present else "faint"))
        marks.append(Label(f"table-{name}", 0, y + 32, clip(row[0], 96), "small muted"))
        if present:
            marks.extend(_chain(name, chains[row], now, wide, y))
    said = "; ".join(_chain_summary(chain) for chain in now.chains)
    height = 8 + 58 * max(len(order), 1)
    return Panel("versions", "Row versions", WIDTH, height, tuple(marks), said or "No rows.")


def _chain(name: str, chain: Chain, now: State, wide: int, y: int) -> Iterable[Mark]:
    shown = chain.versions[-MOST_VERSIONS:]
    columns = (now.schema or {}).get(chain.table, ())
    for place, version in enumerate(shown):
        x = 92 + place * (wide + 8)
        if place or len(chain.versions) > len(shown):
            yield Edge(f"then-{name}-{version.id}", ((x - 8, y + 11), (x, y + 11)), "muted")
        yield Node(
            f"version-{version.id}", x, y, wide, 22,
            clip(_values(version, chain, columns), wide - 6),
            _version_style(version, dict(now.transactions)),
        )  # fmt: skip
        by = "" if version.created_by == SETUP else f"by {version.created_by}"
        if version.state != "committed":
            by += f", {'undone' if version.state == 'aborted' else 'open'}"
        if version.deleted_by and version.values is not None:
            by = f"{by} ✕ {version.deleted_by}".strip()
        yield Label(f"by-{version.id}", x, y + 34, clip(by, wide * 1.12), "small muted")
        if version.visible_to:
            seen = "seen by " + " ".join(version.visible_to)
            yield Label(f"seen-{version.id}", x, y + 46, clip(seen, wide * 1.12), "small good")


def _values(version: Version, chain: Chain, columns: tuple[str, ...]) -> str:
    if version.values is None:
        return "deleted"
    rest = [v for v in version.values if v not in chain.key] or list(version.values)
    if len(columns) == 2 and len(rest) == 1:
        return f"{columns[1]} {_plain(rest[0])}"
    return ", ".join(map(_plain, version.values))


def _plain(value: object) -> str:
    return "NULL" if value is None else str(value)


def _version_style(version: Version, transactions: dict[str, str]) -> str:
    if version.state == "aborted":
        return "faint struck dashed"
    if version.state == "uncommitted":
        return f"{_style(version.created_by)} dashed"
    gone = version.values is None or transactions.get(version.deleted_by or "") == "committed"
    return "muted struck" if gone else ""


def _chain_summary(chain: Chain) -> str:
    versions = ", ".join(
        f"{'deleted' if v.values is None else ' '.join(map(_plain, v.values))} by {v.created_by} "
        f"({v.state})"
        for v in chain.versions
    )
    return f"{chain.table} {', '.join(map(str, chain.key))}: {versions}"


# Locks and waits


def _locks(now: State, states: tuple[State, ...]) -> Panel:
    most = min(max(len(state.locks) for state in states), MOST_LOCKS)
    waits = any(state.waits for state in states)
    graph = 70 if waits else 0
    marks: list[Mark] = []
    if waits:
        x = {name: 40 + i * 105 for i, name in enumerate(now.sessions)}
        for name, at in x.items():
            marks.append(Node(f"who-{name}", at - 18, 26, 36, 22, name, _style(name), 11))
        for waiter, holder in now.waits:
            marks.append(_wait(waiter, x[waiter], x[holder], holder))
    held = sorted(now.locks, key=lambda lock: (lock.granted, lock.session, lock.target))
    shown = held[:MOST_LOCKS] if len(held) <= MOST_LOCKS else held[: MOST_LOCKS - 1]
    rows = [_lock(number, lock) for number, lock in enumerate(shown)]
    if len(held) > len(shown):
        rows.append(("more", "muted", ("", f"and {len(held) - len(shown)} more", "", "")))
    heading = ("who", "what", "mode", "") if held else ("", "No locks are held.", "", "")
    marks.append(Table("locks", 0, graph + 16, (0, 34, 230, 362), heading, tuple(rows)))
    said = [f"{waiter} waits for {holder}" for waiter, holder in now.waits]
    said += [
        f"{lock.session} {'holds' if lock.granted else 'awaits'} {lock.mode} on {lock.target}"
        for lock in held
    ]
    height = graph + 28 + 20 * most
    summary = ". ".join(said) + "." if said else "No locks are held."
    return Panel("locks", "Locks and waits", WIDTH, height, tuple(marks), summary)


def _wait(waiter: str, start: int, end: int, holder: str) -> Edge:
    """An arrow between neighbours, or an arc over or under those in between."""
    side = 1 if end > start else -1
    key = f"waits-{waiter}-{holder}"
    if abs(end - start) == 105:
        y = 33 if side > 0 else 41
        return Edge(key, ((start + 18 * side, y), (end - 19 * side, y)), "wait thick", arrow=True)
    y = 26 if side > 0 else 48
    return Edge(key, ((start, y), (end, y)), "wait thick", arrow=True, bend=40)


def _lock(number: int, lock: Lock) -> tuple[str, str, tuple[str, ...]]:
    style = _style(lock.session) if lock.granted else "wait"
    cells = (
        lock.session, clip(lock.target, 190), clip(lock.mode, 128),
        "" if lock.granted else "waits",
    )  # fmt: skip
    return f"lock-{number}", style, cells


# Dependencies


def _dependencies(now: State, states: tuple[State, ...]) -> Panel:
    names = sorted({name for state in states for name, _ in state.transactions} - {SETUP})
    wanted = {end for state in states for edge in state.edges for end in (edge.source, edge.target)}
    shown = [name for name in names if name in wanted or len(names) <= 4]
    height = 150 if len(shown) <= 2 else 230
    middle, radius = (WIDTH // 2, height // 2), height // 2 - 28
    at = {}
    for number, name in enumerate(shown):
        angle = pi * (2 * number / max(len(shown), 1) - (1 if len(shown) == 2 else 0.5))
        across = 130 if len(shown) == 2 else 150
        at[name] = (middle[0] + round(across * cos(angle)), middle[1] + round(radius * sin(angle)))
    cycle = {_between(edge) for edge in (now.verdict or {}).get("cycle", ())}
    marks: list[Mark] = []
    drawn: dict[tuple[str, str], list[Dependency]] = {}
    for edge in now.edges:
        if edge.source in at and edge.target in at:
            drawn.setdefault((edge.source, edge.target), []).append(edge)
    for (source, target), edges in drawn.items():
        marks.extend(_arrow(source, target, edges, at, bool(cycle & {(source, target)})))
    for name, (x, y) in at.items():
        how = dict(now.transactions).get(name, "")
        style = f"{_style(name)} solid" if how == "committed" else _style(name)
        if how in ("aborted", "failed"):
            style = "muted dashed struck"
        marks.append(Node(f"txn-{name}", x - 24, y - 13, 48, 26, name, style, 13))
        below = y - 19 if y < middle[1] else y + 25
        marks.append(Label(f"how-{name}", x, below, how, "small muted halo", "middle"))
    said = "; ".join(f"{edge.kind} from {edge.source} to {edge.target}" for edge in now.edges)
    summary = f"Dependencies: {said}." if said else "No dependencies yet."
    return Panel("dependencies", "Dependencies", WIDTH, height, tuple(marks), summary)


def _between(edge: dict) -> tuple[str, str]:
    return edge["source"], edge["target"]


def _arrow(
    source: str, target: str, edges: list[Dependency], at: dict, in_cycle: bool
) -> Iterable[Mark]:
    """One arrow for all dependencies between two transactions, named by their kinds."""
    (x1, y1), (x2, y2) = at[source], at[target]
    run, rise = x2 - x1, y2 - y1
    length = max(1.0, (run * run + rise * rise) ** 0.5)
    start = (x1 + round(30 * run / length), y1 + round(18 * rise / length))
    end = (x2 - round(30 * run / length), y2 - round(18 * rise / length))
    style = "bad thick" if in_cycle else ""
    yield Edge(f"edge-{source}-{target}", (start, end), style, arrow=True, bend=34)
    kinds = ", ".join(dict.fromkeys(edge.kind for edge in edges))
    where = ", ".join(dict.fromkeys(edge.object for edge in edges))
    x = (start[0] + end[0]) // 2 + round(rise * 24 / length)
    y = (start[1] + end[1]) // 2 - round(run * 24 / length)
    yield Label(f"kind-{source}-{target}", x, y, kinds, f"{style} strong halo".strip(), "middle")
    yield Label(f"on-{source}-{target}", x, y + 13, clip(where, 150), "small muted halo", "middle")
