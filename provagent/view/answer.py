"""Answers as trees that a person reads: "how was this made?", "what came of it?"."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from provagent.record.model import seconds_between
from provagent.record.wording import ago, digest_text, duration_text, value_text
from provagent.store.told import ActivityTold, EntityTold
from provagent.view.branch import Branch, print_branch
from provagent.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.store.answer import Answer, Step
    from provagent.store.find import Matches
    from provagent.view.console import Console

STEPS_SHOWN = 300


def render_answer(answer: Answer, console: Console) -> None:
    """Print an answer; each thing once, below what it was met from."""
    found = answer.found
    tree = Branch(Text())
    _fill(tree, answer.root, set())
    top = tree.children[0]
    if found.is_unchanged is False:
        top.line.append("  its content is another now", style="bold red")
    elif found.is_unchanged:
        top.line.append("  as it lies there now", style="green")
    print_branch(top, console)
    console.print()
    runs = "1 run" if len(answer.runs) == 1 else f"{len(answer.runs)} runs"
    console.print(
        f"{answer.activities} activities and {answer.entities} things in {runs}", style="dim"
    )


def render_matches(matches: Matches, console: Console) -> None:
    """Print activities, one below the other, with their parameters."""
    for activity in matches.activities:
        line = _activity_line(activity)
        line.append(f"  {activity.id}", style="dim")
        branch = Branch(line)
        for name, value in activity.parameters.items():
            branch.add(Text(f"{name} = {value_text(value)}"))
        print_branch(branch, console)
    shown = len(matches.activities)
    more = matches.count - shown
    word = "activity" if matches.count == 1 else "activities"
    if matches.is_more:
        left = f", {shown} of them shown: --limit, --json"
        console.print(f"more than {matches.count} {word}{left}", style="dim")
        return
    left = f", {more} of them not shown: --limit, --json" if more else ""
    console.print(f"{matches.count} {word}{left}", style="dim")


def _fill(tree: Branch, root: Step, told_runs: set[str]) -> None:
    waiting = [(root, tree)]
    while waiting:
        step, above = waiting.pop()
        branch = above.add(_line(step))
        if isinstance(step.thing, ActivityTold):
            _facts(branch, step.thing, told_runs)
        if step.is_cut:
            branch.add(Text("and more: --json has all of it", style="dim"))
        waiting += [(below, branch) for below in reversed(step.steps)]


def _line(step: Step) -> Text:
    if isinstance(step.thing, ActivityTold):
        return _activity_line(step.thing)
    line = _entity_line(step.thing)
    if step.same_as is not None:
        same = step.same_as
        elsewhere = f" {same.location}" if same.location != step.thing.location else ""
        line.append(
            f"  the content of{elsewhere or ' the same file'} in run {same.run}", style="cyan"
        )
    if step.end is not None:
        line.append(f"  {step.end}", style="yellow")
    return line


def _entity_line(entity: EntityTold) -> Text:
    line = Text(entity.location or entity.name or entity.type or entity.id, style="bold")
    if entity.digest:
        line.append(f"  {digest_text(entity.digest)}", style="dim")
    return line


def _activity_line(activity: ActivityTold) -> Text:
    line = Text(activity.name, style="bold blue")
    took = duration_text(seconds_between(activity.start, activity.end))
    style = "green" if activity.status == "ok" else "red"
    line.append(f"  {activity.status or 'no end'}", style=style)
    line.append(f"  {took}, {ago(activity.start)}", style="dim")
    if activity.site:
        line.append(
            f"  {os.path.basename(activity.site['file'])}:{activity.site['line']}", style="dim"
        )
    return line


def _facts(branch: Branch, activity: ActivityTold, told_runs: set[str]) -> None:
    run = activity.run
    if run.id not in told_runs:  # once, where it is met first
        told_runs.add(run.id)
        who = f"{run.user or '?'}@{run.host or '?'}"
        branch.add(Text(f"run {run.id}  {who}  {run.cwd or ''}", style="dim"))
        if run.script:
            branch.add(Text(f"script {run.script}  {digest_text(run.script_digest)}", style="dim"))
    for name, value in activity.parameters.items():
        branch.add(Text(f"{name} = {value_text(value)}"))


def render_rows(names: list[str], rows: Iterable[tuple[Any, ...]], console: Console) -> None:
    """Print rows of any kind: for a person as a table, else in columns parted by tabs."""
    if not console.is_terminal:
        for row in (names, *rows):
            console.file.write("\t".join(map(_cell, row)) + "\n")
        return
    table = Table(box=None)
    for name in names:
        table.add_column(Text(visible(name)))
    for row in rows:
        table.add_row(*(Text(_cell(one)) for one in row))
    console.print(table)


def _cell(one: Any) -> str:
    return "" if one is None else visible(str(one))
