"""The runs of a store, as a table."""

from __future__ import annotations

import os.path
import shlex
from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from provagent.contract.printable import visible
from provagent.contract.vocabulary import OK
from provagent.reading.record.labels import ago, duration_text, status_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provagent.reading.store.run_summary import RunSummary
    from provagent.reading.view.console import Console

_HEAD = ("run", "started", "duration", "status", "user", "processes", "command")
_STATUS = _HEAD.index("status")


def render_runs(summaries: Sequence[RunSummary], console: Console) -> None:
    """Print one line for each run. The width of a column depends on its content only.

    A terminal shows the distinguishing end of each identifier, and the age of each run. Other
    outputs show complete identifiers and times.
    """
    names = short_names([one.id for one in summaries]) if console.is_terminal else {}
    rows = [_HEAD, *(_row(one, names.get(one.id)) for one in summaries)]
    widths = [max(len(visible(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = Text(style="bold" if number == 0 else "")
        for column, (words, width) in enumerate(zip(row, widths, strict=True)):
            style = "red" if number and column == _STATUS and words != OK else ""
            line.append(words + " " * (width - len(visible(words))), style)
            line.append("  ")
        line.rstrip()
        console.print(line, soft_wrap=True)


def short_names(run_ids: Sequence[str]) -> dict[str, str]:
    """Return the shortest unique end of each identifier: at least its last part."""
    found = {one: len(one.rpartition("-")[2]) for one in run_ids}
    waiting = set(run_ids)
    while waiting:
        ends = Counter(one[-length:] for length in {*found.values()} for one in run_ids)
        waiting = {one for one in waiting if ends[one[-found[one] :]] > 1 and found[one] < len(one)}
        for one in waiting:
            found[one] += 1
    return {one: one[-length:] for one, length in found.items()}


def _row(summary: RunSummary, name: str | None) -> tuple[str, ...]:
    started = (summary.start or "").partition(".")[0].replace("T", " ")
    started = ago(summary.start) if name is not None and summary.start else started
    command = [
        os.path.basename(str(word)) if n == 0 else str(word)
        for n, word in enumerate(summary.command)
    ]
    return (
        name or summary.id,
        started,
        duration_text(summary.duration),
        status_text(summary.status, summary.exit_code) or "-",
        summary.user or "-",
        str(summary.processes),
        " ".join(shlex.join(command).split()),
    )
