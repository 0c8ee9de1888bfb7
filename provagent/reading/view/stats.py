"""A run in numbers and in time: durations, counts, bytes, and a timeline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from provagent.contract.printable import visible
from provagent.contract.vocabulary import OK
from provagent.reading.record.labels import duration_text
from provagent.reading.store.run_statistics import stats_of, timeline_of

if TYPE_CHECKING:
    from provagent.reading.record.model import Provenance
    from provagent.reading.store.run_statistics import Calls
    from provagent.reading.view.console import Console

FILES_SHOWN, LINES_SHOWN = 20, 200
_BAR = 40  # width in characters
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


def render_stats(provenance: Provenance, console: Console) -> None:
    """Print the durations of activities, and the largest files."""
    stats = stats_of(provenance)
    rows = [("activity", "calls", "own time", "total", "longest", "failures", "skipped")]
    rows += [
        (
            calls.name, f"{calls.count:,}", duration_text(calls.own), _in_all(calls),
            duration_text(calls.longest), f"{calls.failures:,}" if calls.failures else "",
            f"{calls.skipped:,}" if calls.skipped else "",
        )
        for calls in stats.calls
    ]  # fmt: skip
    widths = [max(len(visible(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for position, row in enumerate(rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        # The width of the terminal does not count: no name is cut.
        cells[0] = row[0] + " " * (widths[0] - len(visible(row[0])))
        console.print(Text("  ".join(cells).rstrip(), "" if position else "dim"), soft_wrap=True)
    files = stats.files
    used = sum(file.size or 0 for file in files if file.used)
    made = sum(file.size or 0 for file in files if file.made)
    console.print(
        f"{len(files)} files: {size_text(used)} used, {size_text(made)} made", style="dim"
    )
    for file in files[:FILES_SHOWN]:
        word = "made" if file.made else "used"
        console.print(Text(f"{size_text(file.size):>10}  {word}  {file.path}"), soft_wrap=True)
    if len(files) > FILES_SHOWN:
        console.print(
            f"and {len(files) - FILES_SHOWN} smaller files (--json lists all)", style="dim"
        )


def _in_all(calls: Calls) -> str:
    """Return the total duration of calls, without calls with an unknown duration."""
    if calls.set_back == calls.count:
        return "clock set back"
    took = duration_text(calls.seconds)
    return f"{took}, {calls.set_back:,} clock set back" if calls.set_back else took


def render_timeline(provenance: Provenance, console: Console) -> None:
    """Print each activity with a bar that shows when it ran during the run."""
    lines = timeline_of(provenance)
    ends = [(line.start or 0.0) + (line.seconds or 0.0) for line in lines]
    total = max([provenance.run.duration or 0.0, *ends], default=0.0) or 1.0
    start = provenance.run.start
    if start:
        local = datetime.fromisoformat(start).astimezone()
        took = "clock set back" if (provenance.run.duration or 0) < 0 else duration_text(total)
        console.print(f"{local:%Y-%m-%d %H:%M:%S %Z}, {took}", style="dim")
    for line in lines[:LINES_SHOWN]:
        style = "green" if line.status == OK else "red"
        is_before = (line.start or 0.0) < 0
        text = Text(f"{'before run' if is_before else f'{line.start or 0:9.3f} s':>11}  ")
        text.append(_bar(line.start or 0.0, line.seconds, total), style=style)
        text.append(f"  {'  ' * line.depth}{line.name}", style="bold")
        took = "clock set back" if line.is_set_back else duration_text(line.seconds)
        text.append(f"  {took}", style="dim")
        console.print(text, soft_wrap=True)
    if len(lines) > LINES_SHOWN:
        console.print(f"and {len(lines) - LINES_SHOWN} more (--json lists all)", style="dim")


def _bar(start: float, seconds: float | None, total: float) -> str:
    """Return a bar of blanks and marks. A bar without an end continues to the right edge.

    If a clock was set back, an activity may be before the run or after its end. Its bar is at the
    edge.
    """
    first = max(0, min(_BAR - 1, int(start / total * _BAR)))
    last = _BAR if seconds is None else max(first + 1, round((start + seconds) / total * _BAR))
    return (" " * first + "=" * (min(last, _BAR) - first)).ljust(_BAR)


def size_text(size: int | None) -> str:
    """Return a size such as ``512 B`` or ``1.2 MB``; empty for ``None``."""
    if size is None:
        return ""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < _THOUSAND:
            return f"{value:.3g} {unit}" if unit != "B" else f"{size} B"
        value /= _THOUSAND
    return f"{value:.3g} {_UNITS[-1]}"
