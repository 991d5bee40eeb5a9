"""Two clients and one counter: replace this line, and all below, by what you want to show."""

from simulations.simulation import Parameter, Scenario, Simulation

from .model import apply, initial, model, telling
from .scenes import draw

SIMULATION = Simulation(
    name="NAME",
    title="Two clients and a counter",
    summary="Two clients add to one counter: each reads it and writes back one more.",
    parameters=(
        Parameter(
            "additions",
            "integer",
            default=2,
            minimum=1,
            maximum=20,
            help="How often each client adds one.",
        ),
        Parameter(
            "atomic",
            "choice",
            default="no",
            choices=("no", "yes"),
            help="Whether reading and writing back happen as one step that nobody can enter.",
        ),
    ),
    scenarios=(
        Scenario(
            "lost-update",
            "An addition is lost",
            "Both clients read the same number, so one of the two additions vanishes.",
            {"additions": 2, "atomic": "no"},
        ),
        Scenario(
            "one-step",
            "Nothing is lost",
            "Read and write are one step, so every addition counts.",
            {"additions": 2, "atomic": "yes"},
        ),
    ),
    model=model,
    initial=initial,
    apply=apply,
    draw=draw,
    telling=telling,
)
