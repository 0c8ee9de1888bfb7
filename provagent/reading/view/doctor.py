"""The doctor's report, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.reading.view.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence


_BY_VALUE = "calls in workers that got it by value (cloudpickle: dask, ray) are not"


def render_report(report: Any) -> None:
    """Print a ``doctor.Report``: what works, every target, and what the run lacks."""
    for check in report.checks:
        _mark(check.works, f"{check.name}: {check.text}")
    for problem in report.problems:
        _mark(False, problem)
    _heading("targets, as they stand here")
    _targets(report.targets)
    if report.run is not None:
        _heading(f"run {report.run.run_id}")
        _render_run(report.run)


def _render_run(run: Any) -> None:
    _targets(run.targets)
    for text in run.lacks():
        _mark(False, text)
    for text in run.left_out:
        echo(f"  not recorded, as asked: {text}")
    for process in run.unended:
        echo(f"  process {process} has no end: it is still running, or was killed")
    for name in run.overtaken_by:
        echo(f"  the import finder {name} got in front; what it loaded was woven afterwards")
    for text in run.less_known:
        echo(f"  less than content: {text}")
    for text in run.mismatches:
        echo(f"  not as described: {text}", fg="yellow")
    for target in run.uncalled:
        echo(f"  no call of {target} was recorded; {_BY_VALUE}", fg="yellow")
    if not (run.lacks() or run.left_out or run.unended or run.uncalled):
        _mark(True, "nothing was left out")


def _heading(text: str) -> None:
    echo()
    echo(text, bold=True)


def _targets(targets: Sequence[Any]) -> None:
    for target in targets:
        reason = f" ({target.reason})" if target.reason else ""
        line = f"{target.state:8} {target.target}  [{target.definition}]{reason}"
        echo("  " + line, fg="red" if target.state in ("missing", "failed") else None)


def _mark(works: bool, text: str) -> None:
    echo(f"  {'ok ' if works else 'NO '} {text}", fg=None if works else "red")
