"""The same door from the shell: python -m simulations list | describe | run | draw."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from simulations import Problem, Trace, catalog, draw, load
from simulations.simulation import Simulation
from simulations.svg import sheet

USAGE = """python -m simulations
  list                      the simulations, a line each
  describe NAME [--json]    its parameters and scenarios
  run NAME [KEY=VALUE ...]  one run; KEY is a parameter, or scenario
      [--script FILE] [--seed N] [--text | --json]
  draw NAME [KEY=VALUE ...] [--script FILE] [--seed N] --step K -o FILE.svg"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise Problem(f"{message[:1].upper()}{message[1:]}. Usage:\n{USAGE}")


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns 0, or 2 after one sentence on standard error for bad input."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8")
        options, rest = _parser().parse_known_args(arguments)
        if unknown := [word for word in rest if word.startswith("-") or "values" not in options]:
            raise Problem(f"“{unknown[0]}” is not understood here. Usage:\n{USAGE}")
        if rest:
            options.values += rest
        print(options.command(options), end="")
    except Problem as problem:
        print(_located(problem), file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m simulations", usage=USAGE, add_help=True)
    commands = parser.add_subparsers(required=True, metavar="command", parser_class=_Parser)
    commands.add_parser("list", usage=USAGE).set_defaults(command=_list)
    describe = commands.add_parser("describe", usage=USAGE)
    describe.add_argument("name")
    describe.add_argument("--json", action="store_true")
    describe.set_defaults(command=_describe)
    for name, command in (("run", _run), ("draw", _draw)):
        parser_of_run = commands.add_parser(name, usage=USAGE)
        parser_of_run.add_argument("name")
        parser_of_run.add_argument("values", nargs="*", metavar="KEY=VALUE")
        parser_of_run.add_argument("--script", metavar="FILE")
        parser_of_run.add_argument("--seed", type=int, default=0)
        parser_of_run.set_defaults(command=command)
        if name == "run":
            form = parser_of_run.add_mutually_exclusive_group()
            form.add_argument("--text", action="store_true")
            form.add_argument("--json", action="store_true")
        else:
            parser_of_run.add_argument("--step", type=int, required=True)
            parser_of_run.add_argument("-o", "--output", required=True, metavar="FILE.svg")
    return parser


def _list(_: argparse.Namespace) -> str:
    return "".join(f"{name:<16} {load(name).title}\n" for name in catalog())


def _describe(options: argparse.Namespace) -> str:
    simulation = load(options.name)
    if options.json:
        return json.dumps(simulation.declare(), ensure_ascii=False, indent=1) + "\n"
    lines = [simulation.title, simulation.summary, "", "Parameters"]
    for p in simulation.parameters:
        bounds = ", ".join(p.choices) or (
            ""
            if p.minimum is None or p.kind == "script"
            else f"{p.minimum:g} to {p.maximum:g} {p.unit}"
        )
        default = "" if p.kind == "script" else f" (default {p.default})"
        lines += [f"  {p.name}: {bounds or p.kind}{default}", f"      {p.help}"]
    lines += ["", "Scenarios", *(f"  {s.name}: {s.summary}" for s in simulation.scenarios)]
    return "\n".join(lines) + "\n"


def _trace(options: argparse.Namespace) -> tuple[Simulation, Trace]:
    simulation = load(options.name)
    values: dict[str, str] = {}
    for word in options.values:
        key, equals, value = word.partition("=")
        if not equals:
            raise Problem(f"“{word}” is not of the form KEY=VALUE.")
        if key in values:
            raise Problem(f"{key} is given twice.", parameter=key)
        values[key] = value
    scenario = values.pop("scenario", None)
    if options.script is not None:
        scripts = [p.name for p in simulation.parameters if p.kind == "script"]
        if not scripts:
            raise Problem(f"{simulation.name} takes no script.")
        try:
            values[scripts[0]] = Path(options.script).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"The script {options.script} cannot be read: {error}.") from None
    return simulation, simulation.run(values, seed=options.seed, scenario=scenario)


def text(trace: Trace) -> str:
    """A trace for reading: a sentence an event, then the verdict. Golden cases hold this form."""
    lines = [event.sentence for event in trace.events]
    if trace.verdict is not None and not lines[-1].startswith(trace.verdict["sentence"]):
        lines += ["", trace.verdict["sentence"]]
    return "\n".join(lines) + "\n"


def _run(options: argparse.Namespace) -> str:
    simulation, trace = _trace(options)
    return simulation.json(trace) + "\n" if options.json else text(trace)


def _draw(options: argparse.Namespace) -> str:
    _, trace = _trace(options)
    style = files("simulations").joinpath("scene.css").read_text("utf-8")
    picture = sheet(draw(trace, options.step), style)
    try:
        Path(options.output).write_text(picture, "utf-8")
    except OSError as error:
        raise Problem(f"{options.output} cannot be written: {error}.") from None
    return trace.events[options.step].sentence + "\n"


def _located(problem: Problem) -> str:
    place = "" if problem.line is None else f"{problem.parameter or 'input'}, line {problem.line}"
    if place and problem.column is not None:
        place += f", column {problem.column}"
    return f"{place}: {problem.message}" if place else problem.message


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
