"""A plan as text that a shell takes: what ``--yes`` does, for people to read or to paste."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from provagent.record.wording import digest_text
from provagent.rerun.plan import Part, Plan
from provagent.settings import PREFIX

_SHOWN = 40  # packages


def plan_text(plan: Plan, *, is_forced: bool = False) -> str:
    """Return lines for a shell; what stands against the run is said in comments."""
    return "".join(f"{line}\n" for line in _lines(plan, is_forced=is_forced))


def _lines(plan: Plan, *, is_forced: bool) -> Iterator[str]:
    yield _comment(f"repeats run {plan.run} of {plan.cwd}")
    yield from (_comment(line) for line in _about_interpreter(plan))
    for part in plan.parts:
        yield _comment(_about(part))
    yield from (_comment(note) for note in plan.notes)
    yield from (_comment(f"against it: {what}") for what in plan.against)
    if plan.against and not is_forced:
        yield _comment("'provagent rerun --yes' does it all the same with --anyway")
    yield f"mkdir -p {' '.join(map(shlex.quote, [plan.folder, *plan.folders]))}"
    yield from _copies(plan)
    yield f"cd {shlex.quote(plan.folder)}"
    if plan.unset:
        yield f"unset {' '.join(plan.unset)}"
    variables = plan.variables | {
        f"{PREFIX}{name.upper()}": value for name, value in plan.settings.items()
    }
    for name, value in variables.items():
        yield f"export {name}={shlex.quote(value)}"
    for number, command in enumerate(plan.commands):
        flags = [] if plan.is_command else plan.flags[number]
        program = ["--", *command] if plan.is_command else command
        words = [plan.interpreter.executable, *flags, "-m", "provagent", "run"]
        yield shlex.join([*words, "--store", plan.store, *program])


def _copies(plan: Plan) -> Iterator[str]:
    made = {plan.folder, *plan.folders}
    for part in plan.parts:
        if part.target is None or part.source is None:
            continue
        folder = os.path.dirname(part.target)
        if folder not in made:
            made.add(folder)
            yield f"mkdir -p {shlex.quote(folder)}"
        how = "-Rp" if os.path.isdir(part.source) else "-p"
        yield f"cp {how} {shlex.quote(part.source)} {shlex.quote(part.target)}"


def _about_interpreter(plan: Plan) -> Iterator[str]:
    one = plan.interpreter
    as_then = "as it was" if one.version == one.was_version else f"it was {one.was_version or '?'}"
    yield f"Python {one.version}, {as_then}"
    if one.was and one.was != one.executable:
        yield f"{one.was} is gone, or has no provagent: {one.executable} takes its place"
    if not one.packages:
        yield "packages: as they were"
    for name, (then, now) in list(one.packages.items())[:_SHOWN]:
        yield f"package {name} was {then or 'not there'}, is {now or 'not there'}"
    if len(one.packages) > _SHOWN:
        yield f"and {len(one.packages) - _SHOWN} more packages differ: --json"


def _about(part: Part) -> str:
    where = f", taken from {part.source}" if part.source not in (None, part.path) else ""
    digest = f"  {digest_text(part.digest)}" if part.digest else ""
    return f"{part.kind} {part.path}{digest}  {part.state}{where}"


def _comment(text: str) -> str:
    return "# " + "".join(each if each.isprintable() else " " for each in text)
