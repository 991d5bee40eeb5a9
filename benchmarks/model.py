"""The isolation model alone: random schedules of three sessions in CPython, on one core."""

from __future__ import annotations

import time
from itertools import product
from random import Random

from benchmarks import Row
from simulations import Problem, load

SECONDS = 12  # of processor time, so that what else runs does not count
SETUP = (
    "setup: CREATE TABLE test (id INT PRIMARY KEY, value INT);\n"
    "setup: INSERT INTO test VALUES (1, 10), (2, 20), (3, 30);\n"
)
STATEMENTS = (
    "SELECT * FROM test WHERE id = {key};",
    "SELECT * FROM test WHERE value >= {value};",
    "SELECT SUM(value) FROM test;",
    "SELECT * FROM test WHERE id = {key} FOR UPDATE;",
    "UPDATE test SET value = value + 1 WHERE id = {key};",
    "UPDATE test SET value = {value} WHERE id > {key};",
    "INSERT INTO test VALUES ({fresh}, {value});",
    "DELETE FROM test WHERE id = {key};",
)


def schedule(random: Random) -> str:
    """Three transactions of two to four statements, their lines shuffled together."""
    queues = []
    for session in ("T1", "T2", "T3"):
        body = [
            random.choice(STATEMENTS).format(
                key=random.randint(1, 3), value=random.randint(1, 40), fresh=random.randint(4, 6)
            )
            for _ in range(random.randint(2, 4))
        ]
        end = random.choice(("COMMIT;", "COMMIT;", "ROLLBACK;"))
        queues.append([f"{session}: {statement}" for statement in ("BEGIN;", *body, end)])
    lines = []
    while queues:
        queue = random.choice(queues)
        lines.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return SETUP + "\n".join(lines) + "\n"


def measure() -> list[Row]:
    simulation = load("isolation")
    choices = {p.name: p.choices for p in simulation.parameters}
    settings = list(product(choices["engine"], choices["level"]))
    random = Random(1)
    scripts = [schedule(random) for _ in range(500)]
    count = refused = 0
    start = time.process_time()
    while (spent := time.process_time() - start) < SECONDS:
        engine, level = settings[count % len(settings)]
        script = scripts[count // len(settings) % len(scripts)]
        try:
            simulation.run({"engine": engine, "level": level, "script": script})
        except Problem:
            refused += 1
        count += 1
    if refused > count // 100:
        raise RuntimeError(
            f"{refused} of {count} schedules were refused; the numbers mean nothing."
        )
    rate = count / spent * 60
    note = f"{count} runs over {len(settings)} engines and levels"
    return [Row("random schedules of three sessions", rate, 10_000, "a minute", "at least", note)]
