"""How old a run is: by its end, its beginning, or when its shards were last written."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta

from provagent.reading.store.run_summary import RunSummary
from provagent.reading.store.shards import shards_of

_LENGTH = re.compile(r"(\d+)\s*(s|m|h|d|w|second|minute|hour|day|week)s?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def length_of_time(text: str) -> timedelta:
    """Read ``30d``, ``12 hours``. Raises ValueError for another text."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write 30d, 12h or '2 weeks'")
    try:
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2][0]])
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def is_older(run: RunSummary, age: timedelta) -> bool:
    """Whether a run ended at least so long ago."""
    return datetime.now(UTC) - last_of(run) >= age


def last_of(run: RunSummary) -> datetime:
    """Return when a run ended; where that is not known, when it was last written to."""
    try:
        end = datetime.fromisoformat(run.end or "")
        return end if end.tzinfo else end.replace(tzinfo=UTC)  # of a log that others wrote
    except ValueError:
        times = [os.lstat(path).st_mtime for path in shards_of(run.folder)]
        newest = max(times, default=0.0)
        return datetime.fromtimestamp(newest, UTC)
