"""Reading one event from its shard, by its place in the index."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any

import orjson

from provagent.contract.errors import RecordError
from provagent.contract.layout import is_within
from provagent.reading.record.event_shapes import SHAPES, mend
from provagent.reading.record.shard import line_at

Execute = Callable[..., sqlite3.Cursor]


def event_at(store: str, execute: Execute, shard: int | None, at: int | None) -> dict[str, Any]:
    """Return the event at a line of a shard; empty if the line does not exist any more."""
    row = execute("SELECT path FROM shard WHERE number = ?", (shard,)).fetchone()
    if row is None or at is None or not is_within(row[0]):
        return {}
    try:
        found: Any = orjson.loads(line_at(os.path.join(store, row[0]), at))
    except (OSError, ValueError, RecordError):  # ValueError: no JSON, or no offset in the file
        return {}
    event: dict[str, Any] = found if isinstance(found, dict) else {}
    shape = SHAPES.get(str(event.get("event")))
    if shape is None:
        return {}
    mend(event, shape)  # the reader of the shard has reported malformed values
    return event
