"""A plan as shell commands: the actions of ``--yes``, for reading or pasting."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator

from provagent.contract.printable import harmless
from provagent.reading.record.labels import digest_text
from provagent.settings.table import PREFIX
from provagent.tools.rerun.plan import Part, Plan

_SHOWN = 40  # maximum number of packages


def plan_text(plan: Plan, *, is_forced: bool = False) -> str:
    """Return lines for a shell. Problems are in comments."""
    return "".join(f"{line}\n" for line in _lines(plan, is_forced=is_forced))


def _lines(plan: Plan, *, is_forced: bool) -> Iterator[str]:
    yield _comment(f"repeats run {plan.run} of {plan.cwd}")
    yield from (_comment(line) for line in _about_interpreter(plan))
    for part in plan.parts:
        yield _comment(_about(part))
    yield from (_comment(note) for note in plan.notes)
    yield from (_comment(f"problem: {what}") for what in plan.against)
    if plan.against and not is_forced:
        yield _comment("use 'provagent rerun --yes --force' to repeat the run nevertheless")
    yield f"mkdir -p {shell_words([plan.folder, *plan.folders])}"
    yield from _copies(plan)
    yield f"cd {shell_words([plan.folder])}"
    if plan.unset:
        yield f"unset {' '.join(plan.unset)}"
    for name, value in _variables(plan).items():
        yield f"export {name}={shell_words([value])}"
    yield from _commands(plan)


def _variables(plan: Plan) -> dict[str, str]:
    return plan.variables | {
        f"{PREFIX}{name.upper()}": value for name, value in plan.settings.items()
    }


def _commands(plan: Plan) -> Iterator[str]:
    for number, command in enumerate(plan.commands):
        flags = [] if plan.is_command else plan.flags[number]
        program = ["--", *command] if plan.is_command else command
        words = [plan.interpreter.executable, *flags, "-m", "provagent", "run"]
        yield shell_words([*words, "--store", plan.store, *program])


def execution_text(plan: Plan) -> list[str]:
    """Return lines that show what ``--yes`` will execute, and with which variables."""
    given = [f"{name}={shell_words([value])}" for name, value in _variables(plan).items()]
    return [f"rerun in {plan.folder}", *([f"sets {' '.join(given)}"] if given else []),
            *(f"executes {command}" for command in _commands(plan))]  # fmt: skip


def shell_words(words: Iterable[str]) -> str:
    """Return words for a shell in visible characters. Other characters are bytes in ``$'...'``."""
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if harmless(word, kept="") == word:
        return shlex.quote(word)
    parts = [
        f"\\{one}" if one in "\\'" else one if harmless(one, kept="") == one else _octal(one)
        for one in word
    ]
    return f"$'{''.join(parts)}'"


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))


def _copies(plan: Plan) -> Iterator[str]:
    made = {plan.folder, *plan.folders}
    for part in plan.parts:
        if part.target is None or part.source is None:
            continue
        folder = os.path.dirname(part.target)
        if folder not in made:
            made.add(folder)
            yield f"mkdir -p {shell_words([folder])}"
        how = "-RLp" if os.path.isdir(part.source) else "-p"  # copied links would lead outside
        yield f"cp {how} {shell_words([part.source, part.target])}"


def _about_interpreter(plan: Plan) -> Iterator[str]:
    one = plan.interpreter
    as_then = "as in the run" if one.has_same_version else f"in the run: {one.was_version or '?'}"
    yield f"Python {one.version}, {as_then}"
    if one.was and one.was != one.executable:
        yield f"{one.was} does not exist or has no provagent; {one.executable} is used instead"
    if not one.packages:
        yield "packages: as in the run"
    for name, (then, now) in list(one.packages.items())[:_SHOWN]:
        yield f"package {name}: in the run {then or 'not installed'}, now {now or 'not installed'}"
    if len(one.packages) > _SHOWN:
        yield f"and {len(one.packages) - _SHOWN} more packages differ: --json"


def _about(part: Part) -> str:
    where = f", from {part.source}" if part.source not in (None, part.path) else ""
    digest = f"  {digest_text(part.digest)}" if part.digest else ""
    return f"{part.kind} {part.path}{digest}  {part.state}{where}"


def _comment(text: str) -> str:
    return f"# {harmless(text, kept='')}"
