"""Scripts: how they are read, how the driver sends them, and what bad ones are answered."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulations import Problem, Trace, load, run
from simulations.isolation.model import ENGINES, Driver, make_engine
from simulations.isolation.script import LARGEST, LONGEST, Pause, read_script
from simulations.isolation.sql import LEVELS
from simulations.isolation.state import apply, initial

SETUP = """setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);
setup: INSERT INTO test VALUES (1, 10), (2, 20);
"""


def traced(script: str, engine: str = "locking", level: str = "serializable", **more) -> Trace:
    return run("isolation", {"engine": engine, "level": level, "script": script, **more})


def statements(trace: Trace) -> dict[int, dict]:
    return {one["line"]: one for one in load("isolation").report(trace)["statements"]}


def test_lines_are_counted_as_an_editor_does() -> None:
    script = read_script(
        f"-- first\n\n{SETUP}\nt1 : BEGIN; -- comment\n  T2: COMMIT\npause: 1.5 s\n"
    )
    assert [line.line for line in script.setup] == [3, 4]
    assert [step.line for step in script.steps] == [6, 7, 8]
    assert [line.session for line in script.lines] == ["T1", "T2"]
    assert script.steps[-1] == Pause(8, 1_500_000)
    assert script.sessions == ("T1", "T2")


@pytest.mark.parametrize(
    ("line", "column", "named"),
    [
        ("SELECT 1", 1, "starts with who"),
        ("T5: BEGIN", 1, "T5"),
        ("  T1: SELEC 1", 7, "SELEC"),
        ("T1: SELECT * FROM tset", 19, "test"),
        ("T1: SELECT valu FROM test", 12, "value"),
        ("T1: CREATE TABLE u (id INT PRIMARY KEY)", 5, "setup"),
        ("setup: BEGIN", 8, "setup"),
        ("T1:", 4, "no statement"),
        ("pause: 2", 8, "pause: 2 s"),
        ("pause: 0 s", 8, "pause: 2 s"),
        ("pause: 9999 s", 8, "3600"),
        ("T1: COMMIT; T2: BEGIN", 15, "One statement a line"),
    ],
)
def test_a_bad_line_is_named_with_its_place(line: str, column: int, named: str) -> None:
    script = f"{SETUP}{line}\n" if line.startswith("setup") else f"{SETUP}T1: BEGIN;\n{line}\n"
    with pytest.raises(Problem) as caught:
        read_script(script)
    problem = caught.value
    assert problem.parameter == "script"
    assert problem.line == script.count("\n", 0, script.rindex(line)) + 1
    assert problem.column == column
    assert named in problem.message


def test_the_setup_comes_first_and_must_work() -> None:
    with pytest.raises(Problem, match="comes before"):
        read_script(f"{SETUP}T1: BEGIN\nsetup: DELETE FROM test\n")
    with pytest.raises(Problem, match="created twice"):
        read_script(f"{SETUP}setup: CREATE TABLE test (id INT PRIMARY KEY)\nT1: BEGIN\n")
    for engine in ENGINES:
        with pytest.raises(Problem, match="The setup fails") as caught:
            traced(f"{SETUP}setup: INSERT INTO test VALUES (1, 1)\nT1: BEGIN\n", engine)
        assert caught.value.line == 3


def test_there_are_limits() -> None:
    with pytest.raises(Problem, match="at most 200") as caught:
        read_script(SETUP + "T1: BEGIN\n" * LONGEST)
    assert caught.value.line == LONGEST + 1
    rows = ", ".join(f"({number}, 0)" for number in range(3, LARGEST + 2))
    with pytest.raises(Problem, match="over 100 rows"):
        read_script(f"{SETUP}T1: INSERT INTO test VALUES {rows}\n")
    with pytest.raises(Problem, match="no statement of a session"):
        read_script(SETUP)


def test_a_statement_for_a_waiting_session_is_deferred() -> None:
    trace = traced(
        f"""{SETUP}T1: BEGIN;
T2: BEGIN;
T1: UPDATE test SET value = 11 WHERE id = 1;
T2: UPDATE test SET value = 12 WHERE id = 1;
T2: SELECT * FROM test WHERE id = 1;
T1: COMMIT;
T2: COMMIT;
"""
    )
    kinds = [(event.kind, event.data.get("line")) for event in trace.events]
    assert kinds == [
        ("setup", None), ("ok", 3), ("ok", 4), ("ok", 5), ("wait", 6), ("defer", 7),
        ("ok", 8), ("resume", 6), ("ok", 7), ("ok", 9), ("verdict", None),
    ]  # fmt: skip
    told = statements(trace)
    assert (told[6]["waited_for"], told[6]["released_by"]) == (["T1"], 8)
    assert (told[7]["deferred"], told[7]["rows"]) == (True, [[1, 12]])
    assert told[7]["released_by"] == 8  # the line that freed its session
    report = load("isolation").report(trace)
    assert report["tables"] == {"test": [[1, 12], [2, 20]]}
    assert (report["committed"], report["aborted"], report["waiting"]) == (["T1", "T2"], [], [])


def test_what_never_ends_is_told_so() -> None:
    trace = traced(
        f"""{SETUP}T1: BEGIN;
T1: UPDATE test SET value = 11 WHERE id = 1;
T2: UPDATE test SET value = 12 WHERE id = 1;
T2: SELECT * FROM test;
"""
    )
    told = statements(trace)
    assert [told[line]["outcome"] for line in (3, 4, 5, 6)] == ["ok", "ok", "waiting", "deferred"]
    report = load("isolation").report(trace)
    assert (report["committed"], report["aborted"], report["waiting"]) == ([], [], ["T2"])
    assert "T2 still waits" in trace.events[-1].sentence
    assert report["tables"] == {"test": [[1, 10], [2, 20]]}


def test_a_rollback_that_was_asked_for_is_no_abort() -> None:
    trace = traced(f"{SETUP}T1: BEGIN;\nT1: DELETE FROM test;\nT1: ROLLBACK;\nT2: COMMIT;\n")
    report = load("isolation").report(trace)
    assert (report["committed"], report["aborted"]) == ([], [])


def test_only_innodb_gives_up_a_wait() -> None:
    script = f"""{SETUP}T1: BEGIN;
T1: UPDATE test SET value = 11 WHERE id = 1;
T2: UPDATE test SET value = 12 WHERE id = 1;
pause: 3 s
pause: 3 s
"""
    for engine in ("postgresql", "locking"):
        assert statements(traced(script, engine, lock_wait_timeout=5))[5]["outcome"] == "waiting"
    trace = traced(script, "innodb", lock_wait_timeout=5)
    told = statements(trace)[5]
    assert (told["error"]["code"], told["released_by"]) == (1205, None)
    (event,) = [event for event in trace.events if event.kind == "timeout"]
    assert event.time == next(e.time for e in trace.events if e.kind == "wait") + 5_000_000
    times = [event.time for event in trace.events]
    assert times == sorted(times)


def test_folding_the_events_gives_what_the_engine_showed() -> None:
    script = f"""{SETUP}T1: BEGIN;
T2: BEGIN;
T1: UPDATE test SET value = 11 WHERE id = 1;
T2: INSERT INTO test VALUES (3, 30);
T2: SELECT * FROM test WHERE id = 1 FOR UPDATE;
T1: COMMIT;
"""
    for engine in ENGINES:
        driver = Driver(read_script(script), make_engine(engine, "serializable", 50), 50)
        outcome = driver.run()
        trace = Trace("isolation", None, {}, 0, tuple(outcome.events), {}, outcome.verdict)
        state = initial(trace)
        for event in trace.events:
            assert json.loads(json.dumps(event.declare())) == event.declare()
            state = apply(state, event)
        view = driver.engine.view()
        assert (state.chains, state.locks) == (view.chains, view.locks)
        assert (state.waits, state.snapshots) == (view.waits, view.snapshots)
        assert [told.line for told in state.statements] == [3, 4, 5, 6, 7, 8]
        assert state.sessions == ("T1", "T2")
        assert state.schema == {"test": ("id", "value")}


LINES = st.one_of(
    st.sampled_from(
        [
            "pause: 60 s", "T1: BEGIN;", "T2: BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
            "T1: SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "T1: COMMIT", "T2: ROLLBACK",
            "T1: SAVEPOINT a", "T1: ROLLBACK TO a", "T1: RELEASE a", "T2: SAVEPOINT a",
            "T1: UPDATE test SET value = value / (value - 10)", "T2: DELETE FROM test",
            "T2: UPDATE test SET id = id + 1", "T1: INSERT INTO test VALUES (3, NULL), (4, 1)",
            "T2: INSERT INTO test VALUES (2, 2147483647), (5, 1)", "T3: SELECT * FROM test",
            "T3: SELECT MAX(value + 1) FROM test WHERE value > 2", "T4: COMMIT", "T1: BEGIN",
            "T3: UPDATE test SET id = NULL WHERE id IN (1, NULL)", "T3: BEGIN",
            "T2: SELECT id FROM test WHERE value % 0 = 1 ORDER BY value FOR SHARE",
            "T1: SELECT id FROM test WHERE id > 1 FOR UPDATE", "T3: SELEC", "what?",
        ]
    ),
    st.text(max_size=20),
)  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lines=st.lists(LINES, max_size=14),
    level=st.sampled_from(LEVELS),
    timeout=st.integers(1, 100),
)
def test_any_script_gives_a_trace_or_a_problem(
    engine: str, lines: list[str], level: str, timeout: int
) -> None:
    script = SETUP + "\n".join(lines)
    try:
        trace = traced(script, engine, level, lock_wait_timeout=timeout)
    except Problem as problem:
        assert problem.parameter == "script"
        return
    report = load("isolation").report(trace)
    assert json.loads(json.dumps(report)) == report
    assert len(report["statements"]) == len(read_script(script).lines)
    assert traced(script, engine, level, lock_wait_timeout=timeout) == trace
