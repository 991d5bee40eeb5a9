"""The optimizer's choice of an index in the model, against EXPLAIN on the real MariaDB."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulations.isolation.innodb import InnoDB
from simulations.isolation.innodb.access import plan
from simulations.isolation.parser import parse
from simulations.isolation.sql import Select
from tests.reality.mariadb import MariaDB
from tests.reality.schedules import SCHEMAS, locking_reads, reads, updates, where


@st.composite
def questions(draw) -> tuple[str, int, str]:
    """A table definition, how many rows it has, and a statement over it."""
    definition, columns = draw(st.sampled_from(SCHEMAS))
    delete = where(columns).map("DELETE FROM test{}".format)
    sql = draw(st.one_of(reads(columns), locking_reads(columns), updates(columns), delete))
    return definition, draw(st.integers(0, 6)), sql


def differing_choices(system: MariaDB, examples: int) -> list[str]:
    """Statements for which the server chooses another way to the rows, each with both ways."""
    found = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(questions())
    def ask(question: tuple[str, int, str]) -> None:
        definition, rows, sql = question
        if re.search(r"\b(MIN|MAX)\(", sql):
            return  # these read one end of an index, which EXPLAIN calls "optimized away"
        names = [column.split()[0] for column in definition.split(", ")]
        setup = [f"CREATE TABLE test ({definition})"]
        for key in range(1, rows + 1):
            row = [{"id": key, "value": key * 10, "code": key}.get(name, "'ann'") for name in names]
            setup.append(f"INSERT INTO test VALUES ({', '.join(map(str, row))})")
        system.begin([], "read committed", 50)
        engine = InnoDB("read committed", lock_wait_timeout=50)
        for statement in setup:
            system.set_up(statement)
            engine.set_up(parse(statement))
        theirs = server_choice(system.explain(sql))
        ours = model_choice(engine, sql)
        if theirs is not None and ours != theirs:
            found.append(f"{definition}, {rows} rows: {sql}\n    model {ours}, real {theirs}")

    ask()
    return found


def model_choice(engine: InnoDB, sql: str) -> str:
    statement = parse(sql)
    select = statement if isinstance(statement, Select) else None
    chosen = plan(engine.tables["test"], statement.where, select)
    return "nothing" if chosen.index is None else f"{chosen.kind} {chosen.index.name}"


def server_choice(row: dict[str, str | None]) -> str | None:
    """None if the server looked at a row before it said so."""
    kind, key, extra = row["type"], row["key"], row["Extra"] or ""
    if kind is None:
        if "Deleting all rows" in extra:
            return "scan PRIMARY"
        return None if "const tables" in extra else "nothing"
    if kind == "ALL":
        return "scan PRIMARY"
    kinds = {"index": "scan", "ref": "range", "ref_or_null": "range"}
    return f"{kinds.get(kind, kind)} {key}"
