"""How old a run is: by its end, its beginning, or when its shards were last written."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from provagent.reading.store.run_summary import RunSummary
from provagent.reading.store.shards import shards_of


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
