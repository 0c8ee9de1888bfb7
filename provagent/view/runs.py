"""The runs of a store, as a table."""

from __future__ import annotations

import os.path
import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from provagent.record.wording import duration_text, status_text
from provagent.terms import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from provagent.store.runs import RunSummary

_HEAD = ("run", "started", "duration", "status", "user", "processes", "command")
_STATUS = _HEAD.index("status")


def render_runs(summaries: Sequence[RunSummary], console: Console) -> None:
    """Print one line for each run; columns are as wide as they must be, whatever the terminal."""
    rows = [_HEAD, *map(_row, summaries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = Text(style="bold" if number == 0 else "")
        for column, (words, width) in enumerate(zip(row, widths, strict=True)):
            style = "red" if number and column == _STATUS and words != OK else ""
            line.append(words.ljust(width), style)
            line.append("  ")
        line.rstrip()
        console.print(line, soft_wrap=True)


def _row(summary: RunSummary) -> tuple[str, ...]:
    started = (summary.start or "").partition(".")[0].replace("T", " ")
    command = [
        os.path.basename(str(word)) if n == 0 else str(word)
        for n, word in enumerate(summary.command)
    ]
    return (
        summary.id,
        started,
        duration_text(summary.duration),
        status_text(summary.status, summary.exit_code) or "-",
        summary.user or "-",
        str(summary.processes),
        " ".join(shlex.join(command).split()),
    )
