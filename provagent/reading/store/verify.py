"""Comparing files with their recorded state: existing, unchanged, or found in another place."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from provagent.contract.file_names import name_to_text, text_to_name
from provagent.isolation.audit_hook import unheard
from provagent.reading.store.encoding import packed, unpacked
from provagent.reading.store.entity_lookup import digest_of, find_entities, has_content
from provagent.reading.store.events import event_at
from provagent.reading.store.index import Index
from provagent.reading.store.name_prefixes import runs_meant
from provagent.reading.store.run_lookup import LAST
from provagent.reading.store.schema import SHIFT
from provagent.redaction.secrets import MASK

UNCHANGED, CHANGED, MOVED, MISSING, MASKED, NOT_KNOWN, REMOVED = (
    "unchanged", "changed", "moved", "missing", "location redacted", "not comparable",
    "removed by its run",
)  # fmt: skip
STATES = (CHANGED, MISSING, MOVED, MASKED, NOT_KNOWN, REMOVED, UNCHANGED)


_State = tuple[str, str | None, bool]

# Places of files that did not exist when the process that made them ended, with the run.
_REMOVED = f"""
SELECT e.place, p.run FROM removed AS r JOIN entity AS e ON e.id = r.entity
JOIN process AS p ON p.number = e.id >> {SHIFT} WHERE p.run IN (
  SELECT o.run FROM entity AS m JOIN process AS o ON o.number = m.id >> {SHIFT}
  WHERE m.place = e.place AND m.is_made)"""


# The times when a state of a file was seen: when the file was closed, and when it was opened. They
# are not the times of activities, which may see several states. Imported logs may lack them.
_TIME_OF_GENERATION = """
(SELECT max(coalesce(g.time, a.end, a.start)) FROM generated AS g
JOIN activity AS a ON a.id = g.activity WHERE g.entity = e.id)"""
_TIME_OF_USE = """
(SELECT max(coalesce(u.time, a.start)) FROM used AS u
JOIN activity AS a ON a.id = u.activity WHERE u.entity = e.id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file and its state on disk.

    ``state`` is unchanged, changed, missing, moved, removed by its run, location redacted or not
    comparable. ``digest`` is the recorded digest and ``now`` the current one, as
    ``algorithm:hex``. ``at`` is the path where a moved file was found.
    """

    path: str
    state: str
    digest: str | None = None
    now: str | None = None
    at: str | None = None


def verify(
    index: Index, what: str | None = None, *, progress: Callable[[int, int], None] | None = None
) -> list[Verified]:
    """Compare files with the last recorded state of each file, in threads.

    ``what`` is a run (identifier, or its first or last characters), or a file, as in ``why``; the
    default is all files of the store. A file that is not at its path is searched by content, at the
    paths where the records contain this content. Raises StoreError if ``what`` is unknown.
    """
    files = _files(index, what)
    found: list[Verified] = []
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2)) as threads:
        for one in threads.map(unheard(_verified), files):
            found.append(one)
            if progress is not None:
                progress(len(found), len(files))
    return [_looked_for(index, one) if one.state == MISSING else one for one in found]


def _files(index: Index, what: str | None) -> list[_State]:
    """Return paths, each with the digest of the last state, and whether the run removed it."""
    if what is None:
        return _last_states(index, "1")
    run = _run(index, what)
    if run is not None:
        return _last_states(index, "p.run = ?", run)
    places = {
        index.execute("SELECT place FROM entity WHERE id = ?", (number,)).fetchone()[0]
        for number in find_entities(index, what).entities
    }
    return [row for place in places if place for row in _last_states(index, "e.place = ?", place)]


def _run(index: Index, what: str) -> int | None:
    """Return the number of the run that is meant, or None."""
    if what == LAST:
        found = index.execute("SELECT number, id FROM run ORDER BY id DESC LIMIT 1").fetchall()
    else:
        found = runs_meant(index, name_to_text(what))
    return int(found[0][0]) if len(found) == 1 else None


def _last_states(index: Index, condition: str, *values: int) -> list[_State]:
    gone = set(index.execute(_REMOVED))
    rows = index.execute(
        "SELECT l.path, e.digest, e.shard, e.at, e.place, p.run, e.id, "
        f"coalesce(max({_TIME_OF_GENERATION}, {_TIME_OF_USE}), {_TIME_OF_GENERATION}, "
        f"{_TIME_OF_USE}, p.start, 0) AS time "
        "FROM entity AS e JOIN place AS l ON l.number = e.place "
        f"JOIN process AS p ON p.number = e.id >> {SHIFT} "
        f"WHERE {condition} AND instr(l.path, '://') = 0 ORDER BY time, e.id",
        values,
    )
    return list(
        {
            path: (path, None if digest is None else unpacked(digest), (place, run) in gone)
            for path, digest, shard, at, place, run, *_ in rows
            if digest is not None or not _was_missing(index, shard, at)
        }.values()
    )


def _was_missing(index: Index, shard: int, at: int) -> bool:
    """Return whether a program looked for a file that did not exist: there is no state."""
    return bool(event_at(index.store, index.execute, shard, at).get("missing"))


def _verified(file: _State) -> Verified:
    path, digest, is_removed = file
    found = verified(path, digest)
    return replace(found, state=REMOVED) if is_removed and found.state == MISSING else found


def verified(path: str, digest: str | None) -> Verified:
    """Compare one file, by its path in an event, with a digest."""
    file = text_to_name(path)
    if not _is_there(file):
        # A masked location does not show which file it is.
        return Verified(path=path, state=MASKED if MASK in path else MISSING, digest=digest)
    if digest is None or not os.path.isfile(file):  # a pipe or a device has no end
        return Verified(path=path, state=NOT_KNOWN, digest=digest)
    now = digest_of(file, digest.partition(":")[0])
    if now is None:
        return Verified(path=path, state=NOT_KNOWN, digest=digest)
    state = UNCHANGED if now == digest or has_content(file, digest) else CHANGED
    return Verified(path=path, state=state, digest=digest, now=now)


def _is_there(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:  # the path contains a NUL
        return False


def _looked_for(index: Index, one: Verified) -> Verified:
    at = where_else(index, one.digest, one.path)
    if at is None:
        return one
    return Verified(path=one.path, state=MOVED, digest=one.digest, now=one.digest, at=at)


def where_else(index: Index, digest: str | None, path: str) -> str | None:
    """Return another path, known from the records, where a file with this content exists now."""
    if digest is None:
        return None
    places = index.execute(
        "SELECT DISTINCT l.path FROM entity AS e JOIN place AS l ON l.number = e.place "
        "WHERE e.digest = ? AND l.path != ?",
        (packed(digest), path),
    )
    algorithm = digest.partition(":")[0]
    for (other,) in places:
        file = text_to_name(other)
        if os.path.isfile(file) and digest_of(file, algorithm) == digest:
            return str(other)
    return None
