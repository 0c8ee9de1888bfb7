"""Removing secrets from the records of a store.

A shard is rewritten atomically (see ``atomic_rewrite``): there is always the complete old shard or
the complete new shard. The index is removed before the rewrite, and built again afterwards.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import orjson

from provagent.contract import vocabulary
from provagent.contract.errors import RecordError, StoreError
from provagent.contract.file_names import name_to_text
from provagent.contract.layout import run_folders
from provagent.contract.store_files import Skipped, file_status
from provagent.reading.record.compression import UnpackError
from provagent.reading.record.shard import MAX_BAD, MAX_LINE, opened, read_events
from provagent.reading.record.zstd_frames import is_whole
from provagent.reading.store.atomic_rewrite import announced, remove_unfinished, rewritten
from provagent.reading.store.index import open_index
from provagent.reading.store.line_redaction import Line, redacted_line
from provagent.reading.store.liveness import still_written
from provagent.reading.store.location import remove_all
from provagent.reading.store.redaction_search import SearchedSecrets
from provagent.reading.store.shards import shards_of

Progress = Callable[[int, int], None]
_SHORTEST_VALUE = 6  # minimum length of a parameter value that is searched in other places


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLocation:
    """The place of a secret: ``of`` is the activity or entity, ``field`` the key in its event."""

    run: str
    shard: str
    of: str
    field: str
    count: int


@dataclass(slots=True, kw_only=True)
class Redaction:
    """The result of a search or redaction; ``refused``: what was not removed and why.

    ``refused`` is by run or shard. ``kept`` counts matches in identifiers, digests or times, which
    are not changed. ``left`` counts the matches that remain afterwards: zero if nothing was
    refused.
    """

    places: list[SecretLocation] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    shards: int = 0
    left: int = 0

    @property
    def count(self) -> int:
        return sum(place.count for place in self.places)


def find_secrets(
    store: str, sought: SearchedSecrets, progress: Progress | None = None
) -> Redaction:
    """Return the places of secrets in the records of a store, and the runs still written."""
    found, _ = _found(store, _with_values(store, sought), progress)
    return found


def redact(
    store: str,
    sought: SearchedSecrets,
    how: str,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> Redaction:
    """Remove secrets from all records, except runs that are still written, and from the index.

    ``how`` is ``text``, ``pattern`` or ``parameter``: each rewritten shard gets a mark with this
    word, the time and the number of matches. ``force``: also rewrite runs for which it is unknown
    whether they are still written.
    """
    sought = _with_values(store, sought)
    found, by_shard = _found(store, sought, progress, force=force)
    remove_unfinished(store)
    wanted = [path for path in by_shard if _run_of(path) not in found.refused]
    if wanted:
        with announced(store):
            remove_all(store)  # removed before: after an interruption, no index contains it
            for path in wanted:
                _rewrite_or_report(store, path, sought, how, found)
            remove_all(store)  # removed again: another process may have built an index in between
        with open_index(store) as index:
            index.update(progress)
    found.left = sum(_found(store, sought, None)[1].values())
    return found


def _rewrite_or_report(
    store: str, path: str, sought: SearchedSecrets, how: str, found: Redaction
) -> None:
    try:
        with rewritten(os.path.join(store, path)) as target:
            _write(os.path.join(store, path), target, sought, how)
        found.shards += 1
    except (OSError, StoreError, RecordError) as error:
        found.refused[path] = str(error)


def _with_values(store: str, sought: SearchedSecrets) -> SearchedSecrets:
    """Add the values of parameters given by name: the values are as secret in other places."""
    if not sought.parameters:
        return sought
    values: set[str] = set()
    for path, _ in _shards(store, {}):
        with contextlib.suppress(*_UNREADABLE):
            for line in _lines(os.path.join(store, path), sought):
                if isinstance(line, Line):
                    values.update(line.values)
    texts = sorted(value for value in values if len(value) >= _SHORTEST_VALUE)
    return SearchedSecrets(
        texts=[*sought.texts, *texts], patterns=sought.patterns, parameters=sought.parameters
    )


_UNREADABLE = (OSError, RecordError, StoreError)


def _found(
    store: str, sought: SearchedSecrets, progress: Progress | None, *, force: bool = False
) -> tuple[Redaction, dict[str, int]]:
    """Return the matches, and the number of matches by shard."""
    found, by_shard = Redaction(), {}
    shards = list(_shards(store, found.refused))
    total, done = sum(size for _, size in shards), 0
    for path, size in shards:
        try:
            places, kept = _places(store, path, sought)
        except _UNREADABLE as error:
            found.refused[path] = str(error)
            places, kept = [], 0
        found.places += places
        found.kept += kept
        if places:
            by_shard[path] = sum(place.count for place in places)
            run = _run_of(path)
            folder = os.path.dirname(os.path.join(store, path))
            why = None if run in found.refused else still_written(folder)
            if why is not None and (why.is_sure or not force):
                found.refused[run] = why.what
        done += size
        if progress is not None:
            progress(done, total)
    return found, by_shard


def _shards(store: str, refused: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Yield shards and their sizes; ``refused`` gets the runs that cannot be read."""
    skipped: Skipped = []
    for run in run_folders(store, skipped):
        try:
            for path in shards_of(run.path, skipped):
                yield os.path.relpath(path, store), file_status(path).st_size
        except FileNotFoundError:
            pass  # the run was removed
        except OSError as error:  # belongs to another user
            refused[run.name] = str(error)
    for one in skipped:
        refused[name_to_text(os.path.relpath(one.filename, store))] = one.strerror or ""


def _run_of(path: str) -> str:
    return os.path.basename(os.path.dirname(path))


def _places(store: str, path: str, sought: SearchedSecrets) -> tuple[list[SecretLocation], int]:
    counts: dict[tuple[str, str], int] = {}
    kept = 0
    for line in _lines(os.path.join(store, path), sought):
        if not isinstance(line, Line):
            continue
        kept += line.kept
        for name, count in line.fields.items():
            key = _subject(line.text), name
            counts[key] = counts.get(key, 0) + count
    names = _names(os.path.join(store, path)) if counts else {}
    merged: dict[tuple[str, str], int] = {}
    for (of, name), count in counts.items():
        key = names.get(of, of), name
        merged[key] = merged.get(key, 0) + count
    return [
        SecretLocation(
            run=_run_of(path),
            shard=os.path.basename(path),
            of=_hidden(of, sought),
            field=name,
            count=count,
        )
        for (of, name), count in merged.items()
    ], kept


def _hidden(text: str, sought: SearchedSecrets) -> str:
    for start, end, mask in reversed(sought.spans(text)):
        text = text[:start] + mask + text[end:]
    return text


def _subject(line: str) -> str:
    """Return the identifier of the activity of an event, or another name from the event."""
    try:
        event = orjson.loads(line.encode("utf-8", "surrogateescape"))
        kind = str(event.get("event"))
    except (orjson.JSONDecodeError, AttributeError):
        return "no event"
    names = (event.get(key) for key in ("activity_id", "name", "entity_description", "class"))
    return next((str(name) for name in names if name), kind)


def _names(path: str) -> dict[str, str]:
    return {
        event["activity_id"]: event["activity_name"]
        for event, _ in read_events(path, [])
        if event["event"] == vocabulary.ACTIVITY and "activity_name" in event
    }


def _lines(path: str, sought: SearchedSecrets) -> Iterator[Line | bytes]:
    """Yield the lines of a shard: bytes for lines that do not change."""
    if path.endswith(".zst") and not is_whole(path):
        raise StoreError(f"{path}: the compressed file is truncated and cannot be rewritten")
    good = bad = 0
    with opened(path) as file:
        try:
            for raw in iter(partial(file.readline, MAX_LINE), b""):
                bad += not raw.startswith(b"{")
                good += raw.startswith(b"{")
                if bad > max(MAX_BAD, good):
                    raise StoreError(f"{path}: {bad} of its lines are not events; remove the file")
                if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                    raise StoreError(f"{path}: a line has more than {MAX_LINE} bytes")
                if not sought.may_be_in(raw):
                    yield raw
                    continue
                line = redacted_line(raw.decode("utf-8", "surrogateescape"), sought)
                yield line if line.fields or line.kept else raw
        except UnpackError as error:
            raise StoreError(f"{path}: the compressed file is damaged: {error}") from error


def _write(path: str, target: BinaryIO, sought: SearchedSecrets, how: str) -> None:
    count, is_ended = 0, True
    for line in _lines(path, sought):
        raw = line if isinstance(line, bytes) else line.text.encode("utf-8", "surrogateescape")
        count += 0 if isinstance(line, bytes) else sum(line.fields.values())
        target.write(raw)
        is_ended = raw.endswith(b"\n")
    mark = {
        "v": vocabulary.LOG_FORMAT, "event": vocabulary.REDACTION, "how": how,
        "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "count": count,
    }  # fmt: skip
    target.write((b"" if is_ended else b"\n") + orjson.dumps(mark) + b"\n")
