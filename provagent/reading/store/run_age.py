"""The age of a run, from its end, its start, or the last change of its shards."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from provagent.reading.store.run_summary import RunSummary
from provagent.reading.store.shards import shards_of


def is_older(run: RunSummary, age: timedelta) -> bool:
    """Return whether a run ended at least this time ago."""
    return datetime.now(UTC) - last_of(run) >= age


def last_of(run: RunSummary) -> datetime:
    """Return when a run ended; if unknown, when its shards were last changed."""
    try:
        end = datetime.fromisoformat(run.end or "")
        return end if end.tzinfo else end.replace(tzinfo=UTC)  # of a foreign log
    except ValueError:
        times = [os.lstat(path).st_mtime for path in shards_of(run.folder)]
        newest = max(times, default=0.0)
        return datetime.fromtimestamp(newest, UTC)
