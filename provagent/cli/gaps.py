"""Print the unreadable parts of a store on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.reading.record.facts import Gap

_SHOWN = 5


def print_gaps(gaps: list[Gap]) -> None:
    """Print the first gaps, one line each, and the number of further gaps."""
    for gap in gaps[:_SHOWN]:
        warn(str(gap))
    if len(gaps) > _SHOWN:
        warn(f"and {len(gaps) - _SHOWN} more unreadable parts")
