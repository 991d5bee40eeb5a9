"""The pages on the simulations: how to embed one; each one's parameters, scenarios and README."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from embed import films
from embed.html import address, table
from simulations import Simulation, catalog
from simulations.simulation import Parameter


def reference() -> dict[str, str]:
    """Path below `docs/` -> Markdown."""
    loaded = [films.load(name) for name in catalog()]
    return {
        "simulations/index.md": _index(loaded),
        **{f"simulations/{simulation.name}.md": _page(simulation) for simulation in loaded},
    }


def _index(loaded: Sequence[Simulation]) -> str:
    rows = []
    for simulation in loaded:
        name = simulation.name
        link = f'<a href="{name}.html">{escape(simulation.title)}</a>'
        rows.append([link, escape(simulation.summary), f"<code>{name}</code>"])
    return f"""\
---
title: Simulations
---
# Simulations

Every figure of this course is a program. The page shows one run of it; change something, and it
runs again in your browser.

{table(["Simulation", "What it shows", "Name"], rows, "stacked")}

## Put one in a page

A block in a page's Markdown becomes a figure, drawn when the site is built:

``` yaml
/// simulation | isolation
scenario: write-skew
level: serializable
///
```

After `///` stands the word `simulation`, and after the bar the simulation's name. The lines are
YAML, one option each:

| Option | What it says |
|---|---|
| `scenario` | a scenario of the simulation; it sets parameters |
| any parameter | its value, in place of the scenario's or the default |
| `seed` | the seed of the run's random source; 0 if left out |
| `caption` | a caption in place of the sentence of the step that is shown first |
| `step` | the step to show first, counted from 0; otherwise the first telling one |

A script is written as a YAML text block:

``` yaml
/// simulation | isolation
engine: innodb
script: |
  setup: CREATE TABLE t (id INT PRIMARY KEY, v INT);
  setup: INSERT INTO t VALUES (1, 10);
  T1: UPDATE t SET v = 11 WHERE id = 1;
///
```

Inside a list, an admonition or a tab, indent the whole block by four spaces.

What is wrong stops the build, and the message names the file, the line, the simulation, the
option, and the nearest right name.
"""


def _page(simulation: Simulation) -> str:
    first = simulation.scenarios[0].name if simulation.scenarios else None
    readme = films.ROOT / "simulations" / simulation.name / "README.md"
    _, _, notes = (readme.read_text("utf-8") if readme.is_file() else "").partition("\n")
    notes = notes.strip()
    if notes and not notes.startswith("## "):
        notes = f"## The model\n\n{notes}"
    return f"""\
---
title: {simulation.title}
---
# {simulation.title}

{simulation.summary}

/// simulation | {simulation.name}
{f"scenario: {first}" if first else ""}
///

## Scenarios

{_scenarios(simulation, f"sim-{first or simulation.name}")}

## Parameters

{_parameters(simulation)}

{notes}
"""


def _scenarios(simulation: Simulation, figure: str) -> str:
    rows = []
    for scenario in simulation.scenarios:
        link = address(figure, simulation.name, scenario.name, {})
        rows.append(
            [
                f'<a href="{escape(link)}">{escape(scenario.title)}</a>',
                escape(scenario.summary),
                f"<code>{escape(scenario.name)}</code>",
            ]
        )
    return table(["Scenario", "What it shows", "Name"], rows, "stacked")


def _parameters(simulation: Simulation) -> str:
    rows = map(_parameter, simulation.parameters)
    return table(["Parameter", "Value", "Default", "What it does"], rows, "stacked")


def _parameter(parameter: Parameter) -> list[str]:
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.kind == "choice":
        value = ", ".join(f"<code>{escape(choice)}</code>" for choice in parameter.choices)
    elif parameter.kind == "script":
        value = f"text of at most {parameter.maximum} characters" if parameter.maximum else "text"
    else:
        whole = "a whole number" if parameter.kind == "integer" else "a number"
        low, high = parameter.minimum, parameter.maximum
        value = whole + (f", {low:g} to {high:g}" if None not in (low, high) else "") + unit
    default = "" if parameter.kind == "script" else f"<code>{escape(str(parameter.default))}</code>"
    name = f"<code>{escape(parameter.name)}</code>"
    return [name, value, default + (unit if default else ""), escape(parameter.help)]
