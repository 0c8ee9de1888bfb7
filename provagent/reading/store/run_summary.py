"""The summary of a run in one line, read from the first and last events of its shards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from provagent.contract import vocabulary
from provagent.contract.errors import RecordError
from provagent.contract.store_files import Skipped, read_file
from provagent.reading.record.event_shapes import SHAPES, mend
from provagent.reading.record.facts import outer_command
from provagent.reading.record.model import seconds_between
from provagent.reading.record.shard import SHARD_MARK, read_events
from provagent.reading.store.shards import is_of_process, shards_of

_TAIL = 1 << 16  # bytes at the end of a shard that contain its run_end


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in one line.

    ``id`` is the identifier and ``folder`` the folder of its records. ``start`` and ``end`` are
    ISO 8601 texts in UTC. ``status`` is ok, error, cancelled or exit, as in the event ``run_end``.
    ``end`` and ``status`` are ``None`` if the run is still running or was killed. ``script`` is the
    path of the script, or the name of the module. ``processes`` is the number of shards.
    """

    id: str
    folder: str
    start: str | None = None
    end: str | None = None
    status: str | None = None
    exit_code: int | None = None
    command: list[str] = field(default_factory=list)
    script: str | None = None
    user: str | None = None
    processes: int = 0

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, if both are known."""
        return seconds_between(self.start, self.end)


def age_of(summary: RunSummary) -> tuple[str, str, str]:
    """Return a sort key: runs from the oldest to the newest."""
    return second_of(summary.id), summary.start or "", summary.id


def second_of(run_id: str) -> str:
    """Return the start time of a run from its identifier, without its shards."""
    return run_id.partition("-")[0]


def summary_of(folder: str, skipped: Skipped | None = None) -> RunSummary:
    """Read the first and last events of one shard of a run; ``skipped`` is as in ``shards_of``."""
    shards = list(filter(is_of_process, shards_of(folder, skipped)))
    begun, shard = _beginning(shards)
    ended = _end(shard, begun) if shard else {}
    script = begun.get("script") or {}
    return RunSummary(
        id=os.path.basename(folder),
        folder=folder,
        start=begun.get("startTime"),
        end=ended.get("endTime"),
        status=ended.get("status"),
        exit_code=ended.get("exit_code"),
        command=outer_command(begun.get("started_by")) or begun.get("command", []),
        script=script.get("location") or begun.get("module"),
        user=begun.get("user"),
        processes=len(shards),
    )


def unended(folder: str) -> Iterator[dict[str, Any]]:
    """Yield the ``run`` events of processes of a run without an end; none of them is packed."""
    for shard in filter(is_of_process, shards_of(folder)):
        if shard.endswith(SHARD_MARK):
            begun = _first_of_kind(vocabulary.RUN, shard)
            if begun and not _end(shard, begun):
                yield begun


def _beginning(shards: list[str]) -> tuple[dict[str, Any], str | None]:
    """Return the ``run`` event of the process that began the run, and its shard.

    If a command started several processes, the first process counts. The same is true if the
    process that began the run wrote no events.
    """
    begun: list[tuple[dict[str, Any], str | None]] = []
    others: list[tuple[dict[str, Any], str | None]] = []
    for shard in shards:
        event = _first_of_kind(vocabulary.RUN, shard)
        if event and "parent_process_id" not in event:
            begun.append((event, shard))
            if not outer_command(event.get("started_by")):
                break
        elif event:
            others.append((event, shard))
    return min(begun or others, key=_started, default=({}, None))


def _started(begun: tuple[dict[str, Any], str | None]) -> tuple[str, str]:
    event, _ = begun
    return event.get("startTime", ""), event.get("process_id", "")


def _first_of_kind(kind: str, shard: str) -> dict[str, Any]:
    try:
        return next((event for event, _ in read_events(shard, []) if event["event"] == kind), {})
    except RecordError:
        return {}


def _end(shard: str, begun: dict[str, Any]) -> dict[str, Any]:
    """Return the ``run_end`` event of the process of ``begun``; empty if there is none."""
    for event in _last_events(shard):
        if (
            event.get("event") == vocabulary.RUN_END
            and event.get("process_id") == begun["process_id"]
        ):
            return event
    return {}


def _last_events(shard: str) -> Iterator[dict[str, Any]]:
    """Yield the events at the end of a shard, last first; for a packed shard, all events."""
    if not shard.endswith(SHARD_MARK):
        yield from reversed([event for event, _ in read_events(shard, [])])
        return
    try:
        with read_file(shard) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return  # the shard was just packed or removed; or its reader reports an error
    for line in reversed(lines):
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict) and event.get("event") == vocabulary.RUN_END:
            mend(event, SHAPES[vocabulary.RUN_END])  # the shard's reader reports malformed values
            yield event
