"""Read logs, and write them as shards of runs in the store."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections import deque
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from provagent.contract import vocabulary
from provagent.contract.errors import StoreError
from provagent.contract.file_errors import cause_and_remedy
from provagent.contract.layout import folder_of, make_run_folder, run_folders, touch_day
from provagent.integrations.foreign.sessions import Sessions, packed
from provagent.integrations.foreign.shards import Shard
from provagent.reading.record.compression import PACKED
from provagent.reading.record.facts import Gap, RecordLine
from provagent.reading.record.shard import SHARD_MARK, is_there, opened, read_events
from provagent.recording.emit.processors import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from provagent.integrations.foreign.sessions import Event

PREFIX = "imported-"  # prefix of the names of shards that were imported, not recorded

_OWN_PROCESS = re.compile(r"(\d{8}T\d{6}-[a-z0-9]{6})\.([a-z0-9]{6})")
_OWN_ID = re.compile(rf"{_OWN_PROCESS.pattern}\.")
_SUBJECTS = ("activity_id", "entity_id", "session_id")
_OF_OTHERS_TOO = (
    vocabulary.SESSION,
    vocabulary.ACTIVITY,
    vocabulary.ACTIVITY_END,
    vocabulary.ENTITY,
    vocabulary.DERIVATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRun:
    """A run that is now in the store.

    ``added`` is the number of events that are new in the store.
    """

    id: str
    activities: int
    entities: int
    events: int
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The result of an import. ``gaps`` are unreadable parts of the logs, with their places."""

    runs: tuple[ImportedRun, ...]
    gaps: tuple[Gap, ...]
    clashes: int

    def data(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "runs": [
                {key: getattr(run, key) for key in ImportedRun.__slots__} for run in self.runs
            ],
            "unread": [str(gap) for gap in self.gaps],
            "clashes": self.clashes,
        }


def import_logs(files: Iterable[str], store: str, *, zone: tzinfo | None = None) -> Imported:
    """Import the provenance in logs into ``store``, which is created if necessary.

    ``files`` are read as one log, in their order: for example the rotated parts of a log, the
    oldest first. Accepted are logs of logprov, of the branch of gammapy, of lstosa, and logs or
    shards of provagent. Each session becomes a run. Each run of provagent keeps its identifier.
    Events that are already in the store are not added again. ``zone`` is the time zone of times
    without a zone, which are usual in logs of other tools (default: the zone of this machine).

    Raises RecordError if a file cannot be opened, and StoreError if the store cannot be written.
    """
    gaps: list[Gap] = []
    sessions, own, done = Sessions(), _OwnRuns(gaps), 0
    for file in files:
        for event, place in read_events(file, gaps):
            if not own.takes(event, place):
                sessions.add(event)
            if len(gaps) > done and sessions.current is not None:
                sessions.current.gaps += gaps[done:]
                done = len(gaps)
    shards = [Shard(session, zone) for session in sessions.close()]
    if shards:
        shards[-1].session.gaps += gaps[done:]
    try:
        runs = [*(_write_session(store, shard) for shard in shards), *own.write(store)]
    except OSError as error:
        raise StoreError(f"{store}: cannot be written: {cause_and_remedy(error)}") from error
    gaps += [Gap(place=None, what=what) for shard in shards for what in shard.wrong]
    return Imported(runs=tuple(runs), gaps=tuple(gaps), clashes=sessions.clashes)


class _OwnRuns:
    """Events of provagent in a log or a shard, by run and process."""

    def __init__(self, gaps: list[Gap]) -> None:
        self.gaps = gaps
        self.shards: dict[str, dict[str, list[bytes]]] = {}
        self.environments: dict[str, Event] = {}
        self.early: list[Event] = []  # events before the run is known
        self.current: list[bytes] | None = None  # the shard of the last event

    def takes(self, event: Event, place: RecordLine) -> bool:
        """Return whether an event is provagent's own. If so, store it."""
        kind = event["event"]
        if kind == vocabulary.ENVIRONMENT:
            self.environments[event["environment_id"]] = event
            return True
        if kind in (vocabulary.RUN, vocabulary.RUN_END):
            identifier = f"{event['run_id']}.{event['process_id']}"
            if not self._turn_to(_OWN_PROCESS.fullmatch(identifier)):
                what = (
                    f"{kind}: {identifier!r:.60} is not a process of a run; the event was skipped"
                )
                self.gaps.append(Gap(place=place, what=what))
                return True
        elif kind in _OF_OTHERS_TOO:
            subject = next(event[key] for key in _SUBJECTS if key in event)
            if not self._turn_to(_OWN_ID.match(subject)):
                return False
        if self.current is None:
            self.early.append(event)
            return True
        self.current += map(packed, (*self.early, event))
        self.early.clear()
        return True

    def _environments_of(self, shards: dict[str, list[bytes]]) -> Iterator[tuple[str, Event]]:
        """Yield the environments of a run, and the names of their files."""
        for lines in shards.values():
            for event in (orjson.loads(each) for each in lines if b'"environment_id"' in each):
                environment = self.environments.get(event.get("environment_id", ""))
                if environment is not None:
                    short = event["environment_id"].rpartition(":")[2][:12]
                    if not short.isalnum():  # not a name of the recorder, possibly a path
                        short = _mark(short.encode()).hex()[:12]
                    yield f"environment-{short}", environment

    def _turn_to(self, match: re.Match[str] | None) -> bool:
        if match is not None:
            self.current = self.shards.setdefault(match[1], {}).setdefault(match[2], [])
        return match is not None

    def write(self, store: str) -> Iterator[ImportedRun]:
        """Write the events. A shard that was recorded into this store is complete already."""
        for run_id, shards in self.shards.items():
            tally, added = _Tally(), 0
            recorded = [each for each in shards if is_there(_path(store, run_id, each))]
            for process_id, lines in shards.items():
                counted = tally.counted(map(orjson.loads, lines))
                if process_id in recorded:
                    deque(counted, 0)
                else:
                    added += _append(_path(store, run_id, f"{PREFIX}{process_id}"), counted)
            if len(recorded) < len(shards):
                for name, environment in self._environments_of(shards):
                    events = [*tally.counted([environment])]
                    added += _append(_path(store, run_id, name), events)
            yield tally.run(run_id, added)


class _Tally:
    """Counts the content of a run."""

    def __init__(self) -> None:
        self.activities: set[str] = set()
        self.entities: set[str] = set()
        self.events = 0

    def counted(self, events: Iterable[Event]) -> Iterator[bytes]:
        """Yield the lines of events."""
        for event in events:
            self.events += 1
            if event["event"] == vocabulary.ACTIVITY:
                self.activities.add(event["activity_id"])
            elif event["event"] == vocabulary.ENTITY:
                self.entities.add(event["entity_id"])
            yield packed(event)

    def run(self, run_id: str, added: int) -> ImportedRun:
        return ImportedRun(
            id=run_id,
            activities=len(self.activities),
            entities=len(self.entities),
            events=self.events,
            added=added,
        )


def _write_session(store: str, shard: Shard) -> ImportedRun:
    name = f"{PREFIX}{shard.process_id}"
    known = run_folders(store) if os.path.isdir(store) else ()
    for run in known:  # even if another part of the log had another start time
        if run.name.endswith(f"-{shard.tail}") and is_there(_path(store, run.name, name)):
            shard.run_id = run.name
    tally = _Tally()
    # Other tools do not redact secrets. Events of provagent are already redacted.
    events = (dict(redact(None, "", event)) for event in shard.events())
    added = _append(_path(store, shard.run_id, name), tally.counted(events))
    return tally.run(shard.run_id, added)


def _append(path: str, lines: Iterable[bytes]) -> int:
    """Add the new lines to a shard, all or none. Return their number."""
    folder, added = os.path.dirname(path), 0
    try:
        make_run_folder(folder)
        descriptor, half = tempfile.mkstemp(dir=folder, prefix=".import-")
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {cause_and_remedy(error)}") from error
    try:
        known: set[bytes] = set()
        with os.fdopen(descriptor, "wb") as file:
            for line in _lines_of(path):
                known.add(_mark(line))
                file.write(line)
            for line in lines:
                whole = line + b"\n"
                if (mark := _mark(whole)) not in known:
                    known.add(mark)
                    file.write(whole)
                    added += 1
        if added:
            os.replace(half, path)
            touch_day(path)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path + PACKED)  # the uncompressed file contains all lines now
    finally:
        if os.path.exists(half):
            os.unlink(half)
    return added


def _lines_of(path: str) -> Iterator[bytes]:
    try:
        with opened(path) as file:
            yield from file
    except FileNotFoundError:
        return


def _mark(line: bytes) -> bytes:
    return blake2b(line, digest_size=16).digest()


def _path(store: str, run_id: str, name: str) -> str:
    return os.path.join(folder_of(store, run_id), f"{name}{SHARD_MARK}")
