"""The verdict against brute force: is there a serial order with the same answers and rows?"""

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulations.isolation.history import History
from simulations.isolation.model import Driver, make_engine
from simulations.isolation.parser import parse
from simulations.isolation.script import Line, Script, read_script
from simulations.isolation.sql import LEVELS
from simulations.isolation.verdict import ANOMALIES, dependencies, judge

SETUP = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20), (3, 30);
"""


def written(*steps: str) -> History:
    """A history in short: w1x (T1 writes x), r1x (T1 reads the latest x), R1x-w2x (T1 reads the
    version of x that T2 wrote; 0 for the setup), c1, a1."""
    history = History()
    history.begin("setup")
    latest, versions = {}, {}
    for version, name in enumerate("xyz", 1):
        history.write("setup", ("t", (name,)), version, "insert", {"id": name})
        latest[name] = versions["0", name] = version
    history.commit("setup")
    for serial, step in enumerate(steps, 10):
        what, who = step[0], step[1]
        txn = f"T{who}"
        if txn not in history.status:
            history.begin(txn)
        history.line = serial
        if what == "w":
            name = step[2]
            history.write(txn, ("t", (name,)), serial, "update", {"id": name})
            latest[name] = versions[who, name] = serial
        elif what == "r":
            name, _, source = step[2:].partition("-")
            history.read(txn, versions[source, name] if source else latest[name])
        elif what == "c":
            history.commit(txn)
        else:
            history.abort(txn)
    return history


@pytest.mark.parametrize(
    ("steps", "anomalies"),
    [
        ("w1x c1 r2x c2", ()),
        ("w1x w2x w2y w1y c1 c2", ("G0",)),
        ("w1x r2x a1 c2", ("G1a",)),
        ("w1x r2x a1 a2", ()),
        ("w1x r2x w1x c1 c2", ("G1b", "OTV")),
        ("w1x w2y r1y r2x c1 c2", ("G1c",)),
        ("r1x r2x w1x w2x c1 c2", ("P4",)),
        ("r1x w2x w2y c2 r1y c1", ("G-single",)),
        ("w2x w2y c2 r1y r1x-0 c1", ("OTV",)),
        ("r1x r1y r2x r2y w1x w2y c1 c2", ("G2-item",)),
        ("r2x r2y w1y c1 r3x r3y c3 w2x c2", ("G2-item",)),
        ("r1x w2x c2", ()),
        ("r1x w1x w2x c1 c2", ()),
    ],
)
def test_each_anomaly_by_its_name(steps: str, anomalies: tuple[str, ...]) -> None:
    verdict = judge(written(*steps.split()))
    assert verdict.anomalies == anomalies
    assert verdict.serializable == (not anomalies)
    assert all(name in ANOMALIES for name in anomalies)
    if not anomalies:
        assert verdict.cycle == ()
    elif anomalies[0] not in ("G1a", "G1b"):
        ends = [(edge.source, edge.target) for edge in verdict.cycle]
        assert [source for source, _ in ends[1:]] == [target for _, target in ends[:-1]]
        assert ends[0][0] == ends[-1][1]


def test_predicates_make_edges_only_where_they_change_what_is_found() -> None:
    select = parse("SELECT * FROM t WHERE v > 5")
    history = History()
    history.begin("setup")
    history.write("setup", ("t", (1,)), 1, "insert", {"id": 1, "v": 1})
    history.commit("setup")
    history.begin("T1")
    history.begin("T2")
    history.predicate_read("T1", "t", select.where, {(1,): 1})
    history.write("T2", ("t", (1,)), 2, "update", {"id": 1, "v": 2})
    assert dependencies(history) == ()
    history.write("T2", ("t", (2,)), 3, "insert", {"id": 2, "v": 9})
    (edge,) = dependencies(history)
    assert (edge.kind, edge.source, edge.target, edge.object, edge.predicate) == (
        "rw", "T1", "T2", "t 2", True,
    )  # fmt: skip
    history.predicate_read("T1", "t", select.where, {(1,): 2, (2,): 3})
    history.commit("T1")
    history.commit("T2")
    assert judge(history).anomalies == ("PMP",)


STATEMENTS = st.sampled_from(
    [
        "SELECT * FROM test WHERE id = 1",
        "SELECT * FROM test WHERE id = 2",
        "SELECT * FROM test WHERE id = 4",
        "SELECT COUNT(*) FROM test WHERE value > 15",
        "SELECT * FROM test",
        "UPDATE test SET value = value + 7 WHERE id = 1",
        "UPDATE test SET value = 20 WHERE id = 2",
        "UPDATE test SET value = value * 2 WHERE value > 15",
        "UPDATE test SET id = id + 3 WHERE id = 1",
        "INSERT INTO test VALUES (4, 16)",
        "INSERT INTO test VALUES (5, 1)",
        "DELETE FROM test WHERE id = 2",
        "DELETE FROM test WHERE value < 15",
        "SAVEPOINT s",
        "ROLLBACK TO s",
        "SELECT * FROM test WHERE id = 1 FOR UPDATE",
    ]
)


@st.composite
def schedules(draw: st.DrawFn) -> str:
    """Two or three sessions with a transaction each, interleaved."""
    bodies = draw(st.lists(st.lists(STATEMENTS, min_size=1, max_size=3), min_size=2, max_size=3))
    left = [
        [f"T{number}: {sql};" for sql in ("BEGIN", *body, end)]
        for number, body in enumerate(bodies, 1)
        for end in [draw(st.sampled_from(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"]))]
    ]
    lines = []
    while any(left):
        ready = [queue for queue in left if queue]
        lines.append(draw(st.sampled_from(ready)).pop(0))
    return SETUP + "\n".join(lines)


def answers(script: Script, engine: str, level: str) -> tuple[dict, dict, list[str], object]:
    """What each session's statements answered, the rows at the end, who committed."""
    driver = Driver(script, make_engine(engine, level, 50), 50)
    outcome = driver.run()
    told: dict[str, list] = {}
    for event in outcome.events:
        data = event.data
        if "outcome" in data and data["outcome"] in ("ok", "error"):
            rows = data["rows"] and sorted(data["rows"])  # an engine may keep them in any order
            answer = (data["sql"], rows, data["count"], data["error"])
            told.setdefault(data["session"], []).append((data["line"], answer))
    last = outcome.events[-1].data
    ordered = {name: [answer for _, answer in sorted(told[name], key=lambda p: p[0])]
               for name in told}  # fmt: skip
    return ordered, last["tables"], last["committed"], outcome.verdict


def serial(script: Script, order: tuple[str, ...]) -> Script:
    lines = [line for name in order for line in script.lines if line.session == name]
    renumbered = [Line(1000 + at, line.session, line.statement) for at, line in enumerate(lines)]
    return Script(script.setup, tuple(renumbered))


@pytest.mark.parametrize(
    ("engine", "level"),
    [("none", "serializable")]
    + [(engine, level) for engine in ("locking", "innodb") for level in LEVELS]
    + [("postgresql", level) for level in LEVELS[1:]],
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=schedules())
def test_what_it_calls_serializable_is(engine: str, level: str, text: str) -> None:
    """The serial order that it names gives the same answers and the same rows."""
    script = read_script(text)
    told, tables, committed, verdict = answers(script, engine, level)
    if not verdict["serializable"]:
        assert level != "serializable" or engine == "none", verdict["sentence"]
        return
    order = tuple(verdict["serial_order"])
    assert {txn.partition(".")[0] for txn in order} == set(committed)
    # A session that the engine rolled back may have gone on without BEGIN, as T1.2.
    if order and not any("." in txn for txn in order):
        again, then, _, _ = answers(serial(script, order), engine, level)
        assert then == tables
        for name in order:
            assert again[name] == told[name]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=schedules())
def test_what_no_order_explains_is_never_called_serializable(text: str) -> None:
    script = read_script(text)
    told, tables, committed, verdict = answers(script, "none", "serializable")
    explained = False
    for order in permutations(committed):
        again, then, _, _ = (
            answers(serial(script, order), "none", "serializable")
            if order
            else (told, tables, 0, 0)
        )
        if then == tables and all(again[name] == told[name] for name in order):
            explained = True
            break
    assert explained or not verdict["serializable"]
