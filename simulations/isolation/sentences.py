"""What a reader is told: one plain sentence for each event.

Captions, transcript, search and screen readers all read these, so each says who, what and why.
"""

from collections.abc import Collection, Mapping, Sequence
from textwrap import shorten

from simulations.isolation.engine import Done, Failed, Outcome, Waiting
from simulations.isolation.script import Line, Pause
from simulations.isolation.sql import Delete, Insert, Update, Value
from simulations.isolation.verdict import Verdict

SHOWN = 8  # rows that a sentence lists
LONGEST = 100  # characters of a statement that a sentence quotes


def result(outcome: Outcome) -> str:
    """The answer in few words, for the picture."""
    if isinstance(outcome, Failed):
        return f"ERROR {outcome.code}"
    if outcome.rows is not None:
        return rows(outcome.rows) or "no rows"
    if outcome.count is not None:
        return many(outcome.count, "row")
    return "ok"


def returned_sentence(step: Line, outcome: Outcome, waited_for: Sequence[str]) -> str:
    who = f"{step.session}: “{quoted(step)}”"
    if waited_for:
        who += f", which waited for {listed(waited_for)},"
    if isinstance(outcome, Failed):
        return joined(f"{who} fails with {outcome.code}: {outcome.message}", outcome.why)
    told = achieved(step, outcome)
    if told or not outcome.why:
        who += f" {told or 'is done'}"
    return joined(who, outcome.why)


def achieved(step: Line, done: Done) -> str:
    if done.rows is not None:
        return f"returns {rows(done.rows) or 'no rows'}"
    verb = {Insert: "adds", Update: "changes", Delete: "removes"}.get(type(step.statement))
    if done.count is None or verb is None:
        return ""
    return f"{verb} {many(done.count, 'row') if done.count else 'nothing'}"


def waiting_sentence(step: Line, waiting: Waiting, again: bool) -> str:
    verb = "waits again, for" if again else "waits for"
    return joined(
        f"{step.session}: “{quoted(step)}” {verb} {listed(waiting.sessions)}", waiting.why
    )


def deferred_sentence(step: Line, waits_for: Sequence[str]) -> str:
    return (
        f"{step.session}: “{quoted(step)}” is not sent yet, because {step.session} still waits"
        f" for {listed(waits_for)}."
    )


def paused_sentence(step: Pause) -> str:
    return f"For {step.microseconds / 1_000_000:g} s nobody sends anything."


def setup_sentence(tables: Mapping[str, Sequence[Sequence[Value]]]) -> str:
    if not tables:
        return "Nothing is set up: there are no tables."
    told = [f"{name} holds {rows(held) or 'no rows'}" for name, held in tables.items()]
    return f"Before anything starts, {', and '.join(told)}."


def verdict_sentence(
    verdict: Verdict, waiting: Collection[str], deferred: Collection[object]
) -> str:
    told = verdict.sentence
    if waiting:
        verb = "waits" if len(waiting) == 1 else "wait"
        told += f" At the end of the script {listed(sorted(waiting))} still {verb}"
        told += f", and {many(len(deferred), 'statement')} were never sent." if deferred else "."
    return told


def quoted(step: Line) -> str:
    """The statement, on one line and not too long."""
    return shorten(step.sql, LONGEST, placeholder=" …")


def rows(shown: Sequence[Sequence[Value]]) -> str:
    told = [f"({', '.join(map(written, row))})" for row in shown[:SHOWN]]
    if len(shown) > SHOWN:
        told.append(f"and {len(shown) - SHOWN} more")
    return ", ".join(told)


def written(value: Value) -> str:
    """The value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else str(value)


def listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def joined(told: str, why: str) -> str:
    told = told.rstrip(".")
    return f"{told}. {why}" if why else f"{told}."
