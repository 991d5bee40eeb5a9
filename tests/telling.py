"""Every scenario of every simulation, run and filmed, as one JSON text: for test_parity.py."""

import json
from itertools import product

from simulations import catalog, load
from simulations.film import film
from simulations.simulation import Simulation


def settings(simulation: Simulation):
    """Each scenario as it is; then the first under every combination of the choices."""
    for scenario in simulation.scenarios:
        yield scenario.name, {}
    choices = [parameter for parameter in simulation.parameters if parameter.kind == "choice"]
    for chosen in product(*(parameter.choices for parameter in choices)):
        values = {parameter.name: one for parameter, one in zip(choices, chosen, strict=True)}
        yield simulation.scenarios[0].name, values


def tell() -> str:
    told = {}
    for name in catalog():
        simulation = load(name)
        for scenario, parameters in settings(simulation):
            trace = simulation.run(parameters, seed=7, scenario=scenario)
            values = ", ".join(f"{key}={value}" for key, value in parameters.items())
            key = f"{name}/{scenario} {values}".strip()
            pictures = json.dumps(film(simulation, trace), ensure_ascii=False)
            told[key] = {"trace": simulation.json(trace), "film": pictures}
    return json.dumps(told, ensure_ascii=False)
