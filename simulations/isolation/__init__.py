"""Transaction isolation: real SQL, real engines' rules, and a verdict on what they let pass."""

from simulations.isolation.model import ENGINES, model
from simulations.isolation.scenarios import scenarios
from simulations.isolation.scenes import draw, telling
from simulations.isolation.sql import LEVELS
from simulations.isolation.state import apply, initial, report
from simulations.simulation import Parameter, Simulation

SCENARIOS = scenarios()

SIMULATION = Simulation(
    name="isolation",
    title="Transaction isolation",
    summary="What sessions see and do to the same rows, by the rules of real database engines.",
    parameters=(
        Parameter(
            "engine",
            "choice",
            default="postgresql",
            choices=tuple(ENGINES),
            help="Whose rules: PostgreSQL, InnoDB as in MariaDB 10.11, textbook two-phase locking,"
            " or no control at all.",
        ),
        Parameter(
            "level",
            "choice",
            default="read committed",
            choices=LEVELS,
            help="The isolation level of a transaction that does not name its own.",
        ),
        Parameter(
            "lock_wait_timeout",
            "integer",
            default=50,
            minimum=1,
            maximum=3600,
            unit="s",
            help="After how long InnoDB gives up a lock wait (innodb_lock_wait_timeout).",
        ),
        Parameter(
            "script",
            "script",
            default=next(s for s in SCENARIOS if s.name == "write-skew").parameters["script"],
            maximum=20_000,
            help="The statements, one a line: setup first, then T1 to T4 in the order of sending.",
        ),
    ),
    scenarios=SCENARIOS,
    model=model,
    initial=initial,
    apply=apply,
    draw=draw,
    telling=telling,
    report=report,
)
