"""Was it serializable? Judged from the history alone, as Adya does; no engine is asked.

The direct serialization graph has a node for each committed transaction and three kinds of edge:

    ww   T1 --> T2   T2 wrote the next version of a row after T1's
    wr   T1 --> T2   T2 read what T1 wrote, or a WHERE of T2 found a row because of it
    rw   T1 --> T2   T1 read a row, or applied a WHERE, and T2 wrote the next version: T1 did not
                     see it, so T1 comes first (an anti-dependency)

No cycle, and no read of what never was: any topological order of the graph is a serial order with
the same reads and the same final rows. Otherwise the rule that was broken names the anomaly:

    G0        a cycle of ww edges alone: writes of two transactions are mixed
    G1a, G1b  a committed transaction read an aborted, or an intermediate, version
    G1c       a cycle of ww and wr edges
    one rw edge in the cycle:
      P4        the rest is ww on the same row: a lost update
      OTV       the reader had seen the other's effects, and then no longer does
      PMP       both reads are by predicate: the same search finds other rows later
      G-single  any other: a read skew
    several rw edges:
      G2-item   all of them on rows
      G2        at least one on a predicate

Sources: A. Adya, "Weak Consistency", 1999, chapters 3 and 4; P. Bailis et al., "Highly Available
Transactions", 2013, appendix A (OTV, PMP); Berenson et al., "A Critique of ANSI SQL Isolation
Levels", 1995 (P4).
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise

from simulations.isolation.evaluation import SqlError, matches
from simulations.isolation.history import SETUP, History, Object, PredicateRead, Read, Write

Step = Write | Read | PredicateRead

ANOMALIES = {
    "G0": "a dirty write",
    "G1a": "a read of what was rolled back",
    "G1b": "a read of an intermediate version",
    "G1c": "a circular flow of information",
    "OTV": "an observed transaction vanishes",
    "PMP": "predicate-many-preceders, a phantom",
    "P4": "a lost update",
    "G-single": "a read skew",
    "G2-item": "a circle of missed writes, such as a write skew",
    "G2": "a circle of missed writes through a predicate, such as a phantom",
}


@dataclass(frozen=True, slots=True)
class Edge:
    kind: str  # ww wr rw
    source: str
    target: str
    object: str  # the row, such as "test 1"
    predicate: bool
    source_line: int  # the script line of the source's half; 0 if it has none
    target_line: int
    source_order: int = 0  # when, in the history's count
    target_order: int = 0

    @property
    def sentence(self) -> str:
        """Without a full stop, to be joined with others."""
        table, _, key = self.object.partition(" ")
        row, one, other = f"row {key} of {table}", self.source, self.target
        if self.kind == "ww":
            return f"{other} overwrote what {one} wrote in {row}"
        if self.kind == "wr":
            if self.predicate:
                return f"a WHERE of {other} saw what {one} did to {row}"
            return f"{other} read what {one} wrote in {row}"
        if self.predicate:
            return f"a WHERE of {one} did not see what {other} did to {row}"
        return f"{one} read {row} as it was before {other} wrote it"


@dataclass(frozen=True, slots=True)
class Verdict:
    serializable: bool
    serial_order: tuple[str, ...] | None
    anomalies: tuple[str, ...]
    cycle: tuple[Edge, ...]  # of the first anomaly

    @property
    def sentence(self) -> str:
        if self.serializable:
            if not self.serial_order:
                return "Serializable: no transaction committed."
            if len(self.serial_order) == 1:
                return f"Serializable: {self.serial_order[0]} is all that committed."
            order = ", then ".join(self.serial_order)
            return f"Serializable: the same as {order}, one after the other."
        name = self.anomalies[0]
        edges = [edge.sentence for edge in self.cycle]
        told = " and ".join(filter(None, (", ".join(edges[:-1]), edges[-1])))
        also = f" Also found: {', '.join(self.anomalies[1:])}." if self.anomalies[1:] else ""
        told += {"G1a": ", which was taken back", "G1b": ", which was not final"}.get(name, "")
        return f"Not serializable: {name}, {ANOMALIES[name]}. Here {told}.{also}"

    def declare(self) -> dict:
        return {
            "sentence": self.sentence,
            "tone": "good" if self.serializable else "bad",
            "serializable": self.serializable,
            "serial_order": None if self.serial_order is None else list(self.serial_order),
            "anomalies": list(self.anomalies),
            "cycle": [asdict(edge) for edge in self.cycle],
        }


def edge(
    kind: str, source: str, target: str, object: Object, predicate: bool, first: Step, second: Step
) -> Edge:
    return Edge(
        kind, source, target, named(object), predicate,
        first.line, second.line, first.order, second.order,
    )  # fmt: skip


def named(object: Object) -> str:
    table, key = object
    return f"{table} {key[0]}" if len(key) == 1 else f"{table} ({', '.join(map(str, key))})"


class Graph:
    """The dependencies of a history, among committed and, if `growing`, open transactions."""

    def __init__(self, history: History, growing: bool = False) -> None:
        self.history = history
        kept = {"committed", "open"} if growing else {"committed"}
        self.nodes = {txn for txn, how in history.status.items() if how in kept}
        self.nodes.discard(SETUP)
        self.final: dict[tuple[Object, str], Write] = {}  # what each transaction leaves of a row
        self.objects: dict[str, dict[Object, None]] = defaultdict(dict)  # in the order of writes
        for write in history.writes.values():
            self.objects[write.object[0]][write.object] = None
            if write.version not in history.undone and (
                write.txn in self.nodes or write.txn == SETUP
            ):
                self.final[write.object, write.txn] = write
        self.installed: dict[Object, list[Write]] = defaultdict(list)
        for write in sorted(self.final.values(), key=when):
            self.installed[write.object].append(write)
        self.edges: dict[tuple, Edge] = {}
        self.aborted: list[Edge] = []  # G1a
        self.intermediate: list[Edge] = []  # G1b
        for versions in self.installed.values():
            for earlier, later in pairwise(versions):
                self.add("ww", earlier, later, earlier.object)
        for read in history.reads:
            if read.txn in self.nodes:
                self.item(read)
        for read in history.predicate_reads:
            if read.txn in self.nodes:
                self.predicate(read)

    def add(
        self, kind: str, first: Step, second: Step, object: Object, predicate: bool = False
    ) -> None:
        """An edge between two transactions that are in the graph, once."""
        source, target = first.txn, second.txn
        key = (kind, source, target, object, predicate)
        if (
            source != target
            and key not in self.edges
            and source in self.nodes
            and target in self.nodes
        ):
            self.edges[key] = edge(*key, first, second)

    def item(self, read: Read) -> None:
        write = self.history.writes[read.version]
        if write.txn != read.txn:
            self.phenomenon(write, read, False)
            self.add("wr", write, read, write.object)
        for later in self.installed.get(write.object, ()):
            if later.order > write.order:
                self.add("rw", read, later, write.object)
                return

    def phenomenon(self, write: Write, read: Read | PredicateRead, predicate: bool) -> None:
        """G1a and G1b."""
        if self.history.status.get(write.txn) == "aborted" or write.version in self.history.undone:
            found = self.aborted
        elif self.final.get((write.object, write.txn), write) is not write:
            found = self.intermediate
        else:
            return
        found.append(edge("wr", write.txn, read.txn, write.object, predicate, write, read))

    def predicate(self, read: PredicateRead) -> None:
        for object in self.objects[read.table]:
            self.predicate_on(read, object)

    def predicate_on(self, read: PredicateRead, object: Object) -> None:
        """The edges that one object makes with a WHERE."""
        version = read.seen.get(object[1])
        seen = None if version is None else self.history.writes[version]
        installed = self.installed.get(object, ())
        if len(installed) == 1 and installed[0] is seen and seen.txn == SETUP:
            return
        found = self.matches(read, seen)
        before = []
        for write in installed:
            if seen is not None and write.order <= seen.order:
                before.append(write)
            elif self.matches(read, write) != found:
                self.add("rw", read, write, object, True)
                break
        if seen is None:
            return
        if seen.txn != read.txn and (not before or before[-1] is not seen):
            if found != self.matches(read, self.under(seen)):
                self.phenomenon(seen, read, True)
                self.add("wr", seen, read, object, True)
            return
        for index in range(len(before) - 1, -1, -1):
            earlier = before[index - 1] if index else None
            if self.matches(read, earlier) != found:
                self.add("wr", before[index], read, object, True)
                break

    def under(self, top: Write) -> Write | None:
        """The version of the row that stood before this one, final or not."""
        earlier = None
        for write in self.history.writes.values():
            kept = write.txn in self.nodes or write.txn == SETUP
            if write is top:
                break
            if write.object == top.object and kept and write.version not in self.history.undone:
                earlier = write
        return earlier

    def matches(self, read: PredicateRead, write: Write | None) -> bool:
        if write is None or write.values is None:
            return False
        if read.where is None:
            return True
        key = (id(read.where), write.version)
        known = self.history.matched.get(key)
        if known is None:
            try:
                known = matches(read.where, write.values, self.history.dialect)
            except SqlError:
                known = False
            self.history.matched[key] = known
        return known


def when(step: Step) -> int:
    return step.order


def dependencies(history: History) -> tuple[Edge, ...]:
    """The edges so far, among transactions that have committed or still may."""
    graph = Graph(history, growing=True)
    return tuple(sorted(graph.edges.values(), key=lambda e: max(e.source_order, e.target_order)))


def judge(history: History) -> Verdict:
    graph = Graph(history)
    found: dict[str, tuple[Edge, ...]] = {}
    if graph.aborted:
        found["G1a"] = (graph.aborted[0],)
    if graph.intermediate:
        found["G1b"] = (graph.intermediate[0],)
    edges = tuple(graph.edges.values())
    order = serial_order(graph, edges)
    if order is None:
        classify(edges, found)
    names = tuple(name for name in ANOMALIES if name in found)
    if names:
        return Verdict(False, None, names, found[names[0]])
    return Verdict(True, order, (), ())


def serial_order(graph: Graph, edges: Iterable[Edge]) -> tuple[str, ...] | None:
    """A topological order, earlier commits first among equals; None if there is a cycle."""
    before: dict[str, set[str]] = {node: set() for node in graph.nodes}
    for edge in edges:
        before[edge.target].add(edge.source)
    order: list[str] = []
    waiting = sorted(graph.nodes, key=lambda node: graph.history.ended[node])
    while waiting:
        free = next((node for node in waiting if not before[node].difference(order)), None)
        if free is None:
            return None
        waiting.remove(free)
        order.append(free)
    return tuple(order)


def classify(edges: tuple[Edge, ...], found: dict[str, tuple[Edge, ...]]) -> None:
    """The shortest cycle of each kind of anomaly."""
    ww = [edge for edge in edges if edge.kind == "ww"]
    wr = [edge for edge in edges if edge.kind == "wr"]
    rw = [edge for edge in edges if edge.kind == "rw"]
    items = [edge for edge in rw if not edge.predicate]
    for edge in ww:
        keep(found, "G0", edge, path(edge.target, edge.source, ww))
    for edge in wr:
        keep(found, "G1c", edge, path(edge.target, edge.source, ww + wr))
    for edge in rw:
        same = [other for other in ww if other.object == edge.object]
        back = None if edge.predicate else path(edge.target, edge.source, same)
        if back:
            keep(found, "P4", edge, back)
            continue
        back = path(edge.target, edge.source, ww + wr)
        if back:
            keep(found, single(edge, back, wr), edge, back)
            continue
        if not edge.predicate:
            keep(found, "G2-item", edge, path(edge.target, edge.source, ww + wr + items))
    if "G2-item" not in found:
        for edge in rw:
            if not path(edge.target, edge.source, ww + wr):
                keep(found, "G2", edge, path(edge.target, edge.source, edges))


def single(missed: Edge, back: tuple[Edge, ...], wr: list[Edge]) -> str:
    """Which anomaly with one anti-dependency: the reader `missed` the effect of a transaction that
    leads `back` to it."""
    last = back[-1]
    if last.kind != "wr":
        return "G-single"
    ways = [edge for edge in wr if (edge.source, edge.target) == (last.source, last.target)]
    earlier = any(edge.target_order < missed.source_order and (
        edge.target_line != missed.source_line or not edge.predicate) for edge in ways)  # fmt: skip
    together = any(edge.target_line == missed.source_line for edge in ways)
    if earlier or (together and not missed.predicate):
        return "OTV"
    if missed.predicate and any(edge.predicate for edge in ways):
        return "PMP"
    return "G-single"


def keep(found: dict, name: str, edge: Edge, back: tuple[Edge, ...] | None) -> None:
    if back is not None and (name not in found or len(back) + 1 < len(found[name])):
        found[name] = (edge, *back)


def path(start: str, goal: str, edges: Iterable[Edge]) -> tuple[Edge, ...] | None:
    """The shortest way; among parallel edges the first, so give the plainer kinds first."""
    ways: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        ways[edge.source].append(edge)
    came: dict[str, Edge | None] = {start: None}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        if node == goal:
            steps: list[Edge] = []
            while (edge := came[node]) is not None:
                steps.append(edge)
                node = edge.source
            return tuple(reversed(steps))
        for edge in ways[node]:
            if edge.target not in came:
                came[edge.target] = edge
                queue.append(edge.target)
    return None
