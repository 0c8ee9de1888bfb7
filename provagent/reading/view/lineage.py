"""Show lineage as trees: how something was made, and what was made from it."""

from __future__ import annotations

import os.path
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from provagent.contract.printable import visible
from provagent.contract.vocabulary import COPIED, MODIFIED, PERHAPS, REPLACED, SAME, STARTED
from provagent.reading.record.labels import (
    ago,
    code_name,
    digest_text,
    duration_text,
    lines_text,
    parameter_text,
)
from provagent.reading.record.model import seconds_between
from provagent.reading.store.details import ActivityDetails, EntityDetails
from provagent.reading.view.text_tree import Branch, print_branch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.store.find import Matches
    from provagent.reading.store.lineage import Answer, Step
    from provagent.reading.view.console import Console

STEPS_SHOWN = 300
CANDIDATES_SHOWN = 5


def render_answer(answer: Answer, console: Console) -> None:
    """Print a lineage: each element once with its relations, and later by its name only."""
    tree = Branch(Text())
    found = answer.found
    above = tree
    if found.is_copy:  # the requested file is above the entity with the same content
        above = tree.add(Text(found.path or "", style="bold"))
    for root in answer.roots:
        _fill(above, replace(root, kind=SAME) if found.is_copy else root, set())
    top = tree.children[0]
    if found.is_unchanged is False:
        top.line.append("  different on disk", style="bold red")
    elif found.is_unchanged:
        top.line.append("  unchanged on disk", style="green")
    elif found.path is not None:
        top.line.append("  not comparable with the disk", style="yellow")
    for branch in tree.children:
        print_branch(branch, console)
        console.print()
    counts = (
        counted(answer.activities, "activity", "activities"),
        counted(answer.entities, "entity", "entities"),
    )
    console.print(
        f"{' and '.join(counts)} in {counted(len(answer.runs), 'run', 'runs')}", style="dim"
    )


def counted(number: int, one: str, many: str) -> str:
    """Return a number with the word in singular or plural."""
    return f"{number} {one if number == 1 else many}"


def render_matches(matches: Matches, console: Console) -> None:
    """Print activities, one below the other, with their parameters."""
    for activity in matches.activities:
        line = _activity_line(activity)
        line.append(f"  {activity.id}", style="dim")
        branch = Branch(line)
        for name, value in activity.parameters.items():
            branch.add(Text(f"{name} = {parameter_text(value, activity.units.get(name))}"))
        print_branch(branch, console)
    shown = len(matches.activities)
    more = matches.count - shown
    word = "activity" if matches.count == 1 else "activities"
    if matches.is_more:
        left = f", {shown} shown (--limit, --json)"
        console.print(f"more than {matches.count} {word}{left}", style="dim")
        return
    left = f", {more} not shown (--limit, --json)" if more else ""
    console.print(f"{matches.count} {word}{left}", style="dim")


def _fill(tree: Branch, root: Step, listed_runs: set[str]) -> None:
    waiting = [(root, tree)]
    while waiting:
        step, above = waiting.pop()
        branch = above.add(_line(step))
        if isinstance(step.thing, ActivityDetails) and not step.is_above:
            _facts(branch, step.thing, listed_runs)
        if step.is_cut:
            branch.add(Text("and more (--json shows all)", style="dim"))
        waiting += [(below, branch) for below in reversed(step.steps)]


# Beginnings of lines, for relations that the place in the tree does not show
_LEADS = {
    (SAME, False): "same content as ",
    (SAME, True): "same content in ",
    (STARTED, False): "in ",
}
# By the recorded kind of derivation: the words for upstream and for downstream
_HOW = {
    MODIFIED: ("modified from ", "modified to "),
    COPIED: ("copied from ", "copied to "),
    REPLACED: ("in place of ", "replaced by "),
}
_MARKS = {PERHAPS: "perhaps "}


def _line(step: Step) -> Text:
    line = Text(_MARKS.get(step.evidence, ""), style="dim")
    line.append(_LEADS.get((step.kind or "", step.is_later), ""))
    line.append(_HOW.get(step.how or "", ("", ""))[step.is_later])
    thing = step.thing
    if step.is_above:
        name = thing.name if isinstance(thing, ActivityDetails) else _name(thing)
        return line.append(f"{name} (above)", style="not dim")
    if isinstance(thing, ActivityDetails):
        return line.append_text(_activity_line(thing))
    line.append_text(_entity_line(thing))
    if step.kind == SAME:
        line.append(f"  of run {thing.run}", style="cyan")
    if step.lines:
        line.append(f"  computed in {lines_text(step.lines)}", style="dim")
    if step.end is not None:
        line.append(f"  {step.end}{_known_of(step)}", style="yellow")
    elif step.candidates:
        some = _known_of(step)
        line.append(f"  the code does not show all of its origins{some}", style="yellow")
    return line


def _known_of(step: Step) -> str:
    """Return why an origin is unknown, and the first of the possible files."""
    reason = f": {step.reason}" if step.reason else ""
    if not step.candidates:
        return reason
    names = [os.path.basename(_name(one)) for one in step.candidates[:CANDIDATES_SHOWN]]
    left = len(step.candidates) - len(names)
    more = f", {left} more" if left else ""
    return f"{reason}; read before: {', '.join(names)}{more}"


def _name(entity: EntityDetails) -> str:
    """Return a readable name of an entity: its place, its name, or its kind."""
    kind = entity.entity_description or (entity.class_name or "").rpartition(":")[2] or entity.type
    return entity.location or entity.name or kind or entity.id


def _entity_line(entity: EntityDetails) -> Text:
    line = Text(_name(entity), style="bold")
    if entity.digest:
        line.append(f"  {digest_text(entity.digest)}", style="dim")
    if entity.removed:
        line.append("  removed by its run", style="dim")
    return line


def _activity_line(activity: ActivityDetails) -> Text:
    line = Text(activity.name, style="bold blue")
    took = duration_text(seconds_between(activity.start, activity.end))
    style = "green" if activity.status == "ok" else "red"
    line.append(f"  {activity.status or 'no end'}", style=style)
    line.append(f"  {took}, {ago(activity.start)}", style="dim")
    if activity.site:
        name = code_name(activity.site["file"], activity.site.get("cell"))
        line.append(f"  {name}:{activity.site['line']}", style="dim")
    return line


def _facts(branch: Branch, activity: ActivityDetails, listed_runs: set[str]) -> None:
    run = activity.run
    if run.id not in listed_runs:  # once, at its first activity
        listed_runs.add(run.id)
        who = "@".join(one for one in (run.user, run.host) if one)
        line = "  ".join(one for one in (f"run {run.id}", who, run.cwd) if one)
        branch.add(Text(line, style="dim"))
        if run.script:
            branch.add(Text(f"script {run.script}  {digest_text(run.script_digest)}", style="dim"))
    for name, value in activity.parameters.items():
        branch.add(Text(f"{name} = {parameter_text(value, activity.units.get(name))}"))


def render_rows(names: list[str], rows: Iterable[tuple[Any, ...]], console: Console) -> None:
    """Print rows of any kind: as a table on a terminal, otherwise in columns separated by tabs."""
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
