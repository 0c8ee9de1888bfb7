"""Logs in, shards of runs in the store out."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from provagent import terms
from provagent.errors import StoreError
from provagent.foreign.sessions import Sessions
from provagent.foreign.shards import Shard
from provagent.record.detail import Gap
from provagent.record.shard import SHARD_MARK, read_events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from provagent.foreign.sessions import Event

PREFIX = "imported-"  # how the names of shards begin that were not recorded

_OWN_ID = re.compile(r"(\d{8}T\d{6}-[a-z0-9]{6})\.([a-z0-9]{6})(?:\.|$)")
_SUBJECTS = ("activity_id", "entity_id", "session_id")
_OF_OTHERS_TOO = (
    terms.SESSION,
    terms.ACTIVITY,
    terms.ACTIVITY_END,
    terms.ENTITY,
    terms.DERIVATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRun:
    """A run that is in the store now; ``added`` are the events that it did not have before."""

    id: str
    activities: int
    entities: int
    events: int
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did. ``gaps`` are what could not be read, with their places."""

    runs: tuple[ImportedRun, ...]
    gaps: tuple[Gap, ...]
    clashes: int

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "runs": [
                {key: getattr(run, key) for key in ImportedRun.__slots__} for run in self.runs
            ],
            "unread": [str(gap) for gap in self.gaps],
            "clashes": self.clashes,
        }


def import_logs(files: Iterable[str], store: str, *, zone: tzinfo | None = None) -> Imported:
    """Take what logs hold of provenance into ``store``, which is made where it is not there.

    ``files`` are read as one log, in their order: rotated parts of it, the oldest first.
    They may be logs of logprov, of the branch of gammapy, of lstosa, and logs or shards that
    provagent wrote. Each session becomes a run, and each run of provagent's stays that run.
    What the store has already is not added again. ``zone`` is that of times that name none,
    as a rule those of logs of others: this machine's unless given.

    Raises RecordError where a file cannot be opened, StoreError where the store cannot be
    written.
    """
    gaps: list[Gap] = []
    sessions, own, told = Sessions(), _OwnRuns(), 0
    for file in files:
        for event, _ in read_events(file, gaps):
            if not own.takes(event):
                sessions.add(event)
            if len(gaps) > told and sessions.current is not None:
                sessions.current.gaps += gaps[told:]
                told = len(gaps)
    shards = [Shard(session, zone) for session in sessions.close()]
    if shards and gaps[told:]:
        shards[-1].session.gaps += gaps[told:]
    try:
        runs = [*(_write_session(store, shard) for shard in shards), *own.write(store)]
    except OSError as error:
        raise StoreError(f"{store}: cannot be written: {error.strerror or error}") from error
    gaps += [Gap(place=None, what=what) for shard in shards for what in shard.wrong]
    return Imported(runs=tuple(runs), gaps=tuple(gaps), clashes=sessions.clashes)


class _OwnRuns:
    """Events that provagent itself wrote, into a log or a shard, by run and shard."""

    def __init__(self) -> None:
        self.shards: dict[tuple[str, str], list[Event]] = {}
        self.environments: dict[str, Event] = {}
        self.early: list[Event] = []  # of a run that is not known yet
        self.current: tuple[str, str] | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is provagent's own; then it is kept."""
        kind = event["event"]
        if kind == terms.ENVIRONMENT:
            self.environments[event["environment_id"]] = event
            return True
        if kind in (terms.RUN, terms.RUN_END):
            self.current = event["run_id"], event["process_id"]
        elif kind in _OF_OTHERS_TOO:
            match = next((_OWN_ID.match(event[key]) for key in _SUBJECTS if key in event), None)
            if match is None:
                return False
            self.current = match[1], match[2]
        if self.current is None:
            self.early.append(event)
        else:
            events = self.shards.setdefault(self.current, [])
            events += [*self.early, event]
            self.early.clear()
        return True

    def write(self, store: str) -> Iterable[ImportedRun]:
        """Write them; a shard that was recorded into the store has it all already."""
        by_run: dict[str, dict[str, list[Event]]] = {}
        for (run_id, process_id), events in self.shards.items():
            by_run.setdefault(run_id, {})[process_id] = events
        for run_id, shards in by_run.items():
            added, all_events = 0, []
            for process_id, events in shards.items():
                found = [self.environments.get(event.get("environment_id", "")) for event in events]
                told = [*filter(None, found), *events]
                all_events += told
                if not os.path.exists(_path(store, run_id, process_id)):
                    added += _append(store, run_id, f"{PREFIX}{process_id}", told)
            yield _summary(run_id, all_events, added)


def _write_session(store: str, shard: Shard) -> ImportedRun:
    name = f"{PREFIX}{shard.process_id}"
    known = os.listdir(store) if os.path.isdir(store) else ()
    for run_id in known:  # also where another part of the log has told another start
        if run_id.endswith(f"-{shard.tail}") and os.path.exists(_path(store, run_id, name)):
            shard.run_id = run_id
    events = list(shard.events())
    return _summary(shard.run_id, events, _append(store, shard.run_id, name, events))


def _summary(run_id: str, events: list[Event], added: int) -> ImportedRun:
    activities = {event["activity_id"] for event in events if event["event"] == terms.ACTIVITY}
    entities = {event["entity_id"] for event in events if event["event"] == terms.ENTITY}
    return ImportedRun(
        id=run_id,
        activities=len(activities),
        entities=len(entities),
        events=len(events),
        added=added,
    )


def _append(store: str, run_id: str, name: str, events: list[Event]) -> int:
    """Add the events that a shard has not yet, all or none; return how many they were."""
    path = _path(store, run_id, name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        with open(path, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = b""
    known = set(before.splitlines())
    new = []
    for event in events:
        line = orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS)
        if line not in known:
            known.add(line)
            new.append(line + b"\n")
    if new:
        descriptor, half = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".import-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(before + b"".join(new))
        os.replace(half, path)
    return len(new)


def _path(store: str, run_id: str, name: str) -> str:
    return os.path.join(store, run_id, f"{name}{SHARD_MARK}")
