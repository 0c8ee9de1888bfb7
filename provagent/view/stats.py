"""A run in numbers, and in time: what took how long, how often, how many bytes, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from provagent.record.model import seconds_between
from provagent.record.wording import duration_text, entity_text
from provagent.terms import FILE, OK

if TYPE_CHECKING:
    from rich.console import Console

    from provagent.record.model import Activity, Provenance

FILES_SHOWN, LINES_SHOWN = 20, 200
_BAR = 40  # characters
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@dataclass(slots=True, kw_only=True)
class Calls:
    """The calls of one name: ``seconds`` together, ``own`` without those inside them."""

    name: str
    count: int = 0
    failures: int = 0
    left_out: int = 0
    seconds: float = 0.0
    own: float = 0.0
    longest: float = 0.0


def calls_of(provenance: Provenance) -> list[Calls]:
    """Return the calls of a run by name, those that took most of its time first."""
    found: dict[str, Calls] = {}
    for activity in provenance.activities.values():
        calls = found.setdefault(activity.name or "?", Calls(name=activity.name or "?"))
        calls.count += 1
        calls.failures += activity.status not in (OK, None)
        seconds = activity.duration or 0.0
        calls.seconds += seconds
        calls.own += max(0.0, seconds - sum(child.duration or 0.0 for child in activity.children))
        calls.longest = max(calls.longest, seconds)
    for left in provenance.left_out:
        name = left.name or left.target
        calls = found.setdefault(name, Calls(name=name))
        calls.left_out += left.count
        calls.failures += left.errors
        calls.seconds += left.seconds
        calls.own += left.seconds
    return sorted(found.values(), key=lambda calls: -calls.own)


def files_of(provenance: Provenance) -> list[dict[str, Any]]:
    """Return the files of a run, the largest first: path, bytes, and how often used and made."""
    return sorted(
        (
            {
                "path": entity.location,
                "size": entity.size,
                "used": len(entity.used_by),
                "made": len(entity.generated_by),
            }
            for entity in provenance.entities.values()
            if entity.type == FILE and entity.location
        ),
        key=lambda file: -(file["size"] or 0),
    )


def stats_data(provenance: Provenance) -> dict[str, Any]:
    """Return the numbers of a run as plain data."""
    return {
        "run": provenance.run.id,
        "seconds": provenance.run.duration,
        "processes": len(provenance.processes),
        "calls": [asdict(calls) for calls in calls_of(provenance)],
        "files": files_of(provenance),
    }


def render_stats(provenance: Provenance, console: Console) -> None:
    """Print what took how long, and the largest files."""
    rows = [("activity", "calls", "own time", "in all", "longest", "failures", "not recorded")]
    rows += [
        (
            calls.name, f"{calls.count:,}", duration_text(calls.own), duration_text(calls.seconds),
            duration_text(calls.longest), f"{calls.failures:,}" if calls.failures else "",
            f"{calls.left_out:,}" if calls.left_out else "",
        )
        for calls in calls_of(provenance)
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for position, row in enumerate(rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])  # whatever the terminal's width: no name is cut
        console.print(Text("  ".join(cells).rstrip(), "" if position else "dim"), soft_wrap=True)
    files = files_of(provenance)
    used = sum(file["size"] or 0 for file in files if file["used"])
    made = sum(file["size"] or 0 for file in files if file["made"])
    console.print(
        f"{len(files)} files: {size_text(used)} used, {size_text(made)} made", style="dim"
    )
    for file in files[:FILES_SHOWN]:
        word = "made" if file["made"] else "used"
        console.print(
            Text(f"{size_text(file['size']):>10}  {word}  {file['path']}"), soft_wrap=True
        )
    if len(files) > FILES_SHOWN:
        console.print(f"and {len(files) - FILES_SHOWN} smaller ones: --json", style="dim")


def timeline(provenance: Provenance) -> list[dict[str, Any]]:
    """Return activities in order of start: seconds since the run's start, and how deep inside."""
    begin = provenance.run.start or min(
        (one.start for one in provenance.activities.values() if one.start), default=None
    )
    return [
        {
            "id": activity.id,
            "name": activity.name,
            "depth": len(list(_around(activity))),
            "process": activity.process_id,
            "status": activity.status,
            "start": seconds_between(begin, activity.start),
            "seconds": activity.duration,
            "made": [entity_text(one.entity) for one in activity.generated],
        }
        for activity in provenance.activities.values()
    ]


def render_timeline(provenance: Provenance, console: Console) -> None:
    """Print each activity with a bar of when it ran, in the time of the run."""
    lines = timeline(provenance)
    ends = [(line["start"] or 0.0) + (line["seconds"] or 0.0) for line in lines]
    total = max([provenance.run.duration or 0.0, *ends], default=0.0) or 1.0
    start = provenance.run.start
    if start:
        local = datetime.fromisoformat(start).astimezone()
        console.print(f"{local:%Y-%m-%d %H:%M:%S %Z}, {duration_text(total)}", style="dim")
    for line in lines[:LINES_SHOWN]:
        style = "green" if line["status"] == OK else "red"
        text = Text(f"{line['start'] or 0:9.3f} s  ")
        text.append(_bar(line["start"] or 0.0, line["seconds"], total), style=style)
        text.append(f"  {'  ' * line['depth']}{line['name']}", style="bold")
        text.append(f"  {duration_text(line['seconds'])}", style="dim")
        console.print(text, soft_wrap=True)
    if len(lines) > LINES_SHOWN:
        console.print(f"and {len(lines) - LINES_SHOWN} more: --json", style="dim")


def _bar(start: float, seconds: float | None, total: float) -> str:
    """Return a bar of blanks and marks; one that has no end goes on to the right."""
    first = min(_BAR - 1, int(start / total * _BAR))
    last = _BAR if seconds is None else max(first + 1, round((start + seconds) / total * _BAR))
    return (" " * first + "=" * (min(last, _BAR) - first)).ljust(_BAR)


def _around(activity: Activity) -> Iterable[Activity]:
    above = activity.parent
    while above is not None:
        yield above
        above = above.parent


def size_text(size: int | None) -> str:
    """``512 B``, ``1.2 MB``; empty for ``None``."""
    if size is None:
        return ""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < _THOUSAND:
            return f"{value:.3g} {unit}" if unit != "B" else f"{size} B"
        value /= _THOUSAND
    return f"{value:.3g} {_UNITS[-1]}"
