"""The doctor's report, for people: problems first, then one line for each definition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provagent.reading.view.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LINES_SHOWN = 5  # maximum number of lines for one kind of note about a run
_BAD_STATES = ("missing", "failed")
_BY_VALUE = "calls in workers that receive the function by value (dask, ray) are not recorded"


def render_report(report: Any, *, is_verbose: bool = False) -> None:
    """Print a ``doctor.Report``. ``is_verbose``: with a line for each target and each note."""
    problems = list(_problems(report))
    if problems:
        echo(f"{_counted(len(problems), 'problem')}", fg="red", bold=True)
        _list(problems, is_verbose=is_verbose, fg="red")
    else:
        echo("no problems found", fg="green", bold=True)
    _heading("installation")
    for check in report.checks:
        if check.works:
            echo(f"  {check.name}: {check.text}")
    _heading("definitions")
    for definition in report.definitions:
        echo(f"  {_definition_text(definition, report.targets)}")
    given = [target for target in report.targets if target.definition == "settings"]
    if given:
        echo(f"  settings: {_counted(len(given), 'target')}")
    if is_verbose:
        _heading("targets")
        _targets(report.targets)
    if report.run is not None:
        _heading(f"run {report.run.run_id}")
        _render_run(report.run, is_verbose=is_verbose)
    if not is_verbose:
        echo()
        echo("Run 'provagent doctor -v' to list each target.", dim=True)


def _problems(report: Any) -> Iterable[str]:
    for check in report.checks:
        if not check.works:
            yield f"{check.name}: {check.text}"
    yield from report.problems
    yield from _bad_targets(report.targets)
    run = report.run
    if run is not None:
        yield from (f"run {run.run_id}: {text}" for text in _bad_targets(run.targets))
        bad = tuple(f"{one.target}: weaving: " for one in run.targets if one.state in _BAD_STATES)
        lacks = (text for text in run.lacks() if not text.startswith(bad))
        yield from (f"run {run.run_id}: {text}" for text in lacks)


def _bad_targets(targets: Sequence[Any]) -> Iterable[str]:
    for target in targets:
        if target.state in _BAD_STATES:
            reason = target.reason.removeprefix(f"{target.target}: ")
            yield f"target {target.target} [{target.definition}] {target.state}: {reason}"


def _definition_text(definition: Any, targets: Sequence[Any]) -> str:
    """Return a line such as ``gammapy 2.1: 47 targets`` or ``pandas: not installed``."""
    if definition.unusable == f"{definition.name} is not installed":
        return f"{definition.name}: not installed"
    if definition.unusable:
        return f"{definition.name}: {definition.unusable}"
    name = f"{definition.name} {definition.version}".rstrip()
    own = [one for one in targets if one.definition == definition.name]
    bad = sum(one.state in _BAD_STATES for one in own)
    missing = f", {bad} missing" if bad else ""
    return f"{name}: {_counted(definition.targets, 'target')}{missing}"


def _render_run(run: Any, *, is_verbose: bool) -> None:
    if is_verbose:
        _targets(run.targets)
    else:
        echo(f"  {_woven_text(run.targets)}")
    skipped = [f"skipped by a sampling rule: {text}" for text in run.skipped_calls]
    _list(skipped, is_verbose=is_verbose)
    unfinished = [
        f"process {process}: unfinished (still running or killed)" for process in run.unended
    ]
    _list(unfinished, is_verbose=is_verbose)
    for name in run.overtaken_by:
        echo(f"  modules loaded by the import hook {name} were woven after their import")
    _list(
        [f"not identified by content: {text}" for text in run.not_identified_by_content],
        is_verbose=is_verbose,
    )
    mismatches = [f"differs from its description: {text}" for text in run.mismatches]
    _list(mismatches, is_verbose=is_verbose, fg="yellow")
    uncalled = [f"no call of {target} was recorded; {_BY_VALUE}" for target in run.uncalled]
    _list(uncalled, is_verbose=is_verbose, fg="yellow")
    if not (run.lacks() or run.skipped_calls or run.unended or run.uncalled):
        echo("  all calls of the targets were recorded")


def _woven_text(targets: Sequence[Any]) -> str:
    """Return a line such as ``targets woven: 3 of numpy, 2 of pandas``."""
    woven = Counter(target.definition for target in targets if target.state == "woven")
    found = ", ".join(f"{count} of {name}" for name, count in woven.items())
    return f"targets woven: {found or 'none'}"


def _list(lines: list[str], *, is_verbose: bool, fg: str | None = None) -> None:
    shown = lines if is_verbose else lines[:_LINES_SHOWN]
    for line in shown:
        echo(f"  {line}", fg=fg)
    if len(lines) > len(shown):
        echo(f"  and {len(lines) - len(shown)} more", fg=fg)


def _heading(text: str) -> None:
    echo()
    echo(text, bold=True)


def _targets(targets: Sequence[Any]) -> None:
    for target in targets:
        reason = f" ({target.reason})" if target.reason else ""
        line = f"{target.state:8} {target.target}  [{target.definition}]{reason}"
        echo("  " + line, fg="red" if target.state in _BAD_STATES else None)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
