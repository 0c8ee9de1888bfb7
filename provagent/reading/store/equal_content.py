"""Entities with the same content as an entity without an origin: the links between runs.

A file without an origin in its run was made by the last write of the same bytes at its path before
the file was used, or else by the last write of the same bytes at any path. An object without an
origin in its process is the object that another activity of its run made before with the same
content: a workflow engine has sent it from one process to another. If several activities made such
an object, each of them may be the origin. If the code shows the inputs of the object, the code
counts instead.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from provagent.reading.store.encoding import FILES, OBJECTS
from provagent.reading.store.flow_relations import DERIVED
from provagent.reading.store.index import Index
from provagent.reading.store.schema import SHIFT

MOST = 10  # maximum number of possible origins of an object; with more, none is returned
_CHUNK = 900  # maximum number of variables in one statement
# File times are rounded down to ticks of the kernel clock: a time may be one tick too early.
TICK = 10_000  # microseconds; at 100 Hz

Made = tuple[int, int]  # time, entity


def rows(index: Index, statement: str, keys: Iterable[Any], *more: Any) -> list[Any]:
    """Return the rows that a statement selects for ``keys``; ``more`` are its first values."""
    every: list[Any] = list(keys)
    found: list[Any] = []
    for first in range(0, len(every), _CHUNK):
        some = every[first : first + _CHUNK]
        found += index.execute(statement.format(",".join("?" * len(some))), [*more, *some])
    return found


class Origins(NamedTuple):
    """The origins of an entity; not certain: the entity is one of them."""

    entities: list[int]
    is_certain: bool


class _Written(NamedTuple):
    time: int
    entity: int
    place: int | None
    changed: int | None  # the last change, by the file system


class SameContent:
    """Finds the origins of entities by content, and remembers the results."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._files: dict[bytes, list[_Written]] = {}  # by content, oldest first
        self._files_at: dict[tuple[bytes, int | None], list[_Written]] = {}  # by content and place
        self._objects: dict[tuple[int, bytes], list[Made]] = {}  # by run and content
        self._used: dict[int, list[tuple[int, bool]]] = {}  # by origin: the same content elsewhere
        self._known: set[Any] = set()  # contents whose entities are in ``_used``

    def origins(self, entities: Iterable[int]) -> dict[int, Origins]:
        """Return the origins of entities without a recorded origin, by entity."""
        found = rows(self._index, _WITHOUT_ORIGIN, entities)
        files = [one for one in found if one[3] == FILES and one[6] is None]
        objects = [one for one in found if one[3] == OBJECTS]
        return self._files_of(files) | self._objects_of(objects)

    def used_elsewhere(self, entities: list[int]) -> Iterator[tuple[int, int, bool]]:
        """Yield an entity, an entity with its content elsewhere, and whether this is certain."""
        contents = rows(self._index, _CONTENTS, entities)
        files = {one[1] for one in contents if one[2] == FILES} - self._known
        objects = {(one[3], one[1]) for one in contents if one[2] == OBJECTS} - self._known
        self._known |= files | objects
        orphans = {one for (one,) in rows(self._index, _FILES_OF_CONTENT, files)}
        for run, digests in _by_run(objects).items():
            orphans |= {one for (one,) in rows(self._index, _OBJECTS_OF_CONTENT, digests, run)}
        for orphan, origins in self.origins(orphans).items():
            for origin in origins.entities:
                self._used.setdefault(origin, []).append((orphan, origins.is_certain))
        for entity in entities:
            for orphan, is_certain in self._used.get(entity, ()):
                yield entity, orphan, is_certain

    def _files_of(self, files: list[Any]) -> dict[int, Origins]:
        """Find the origin of files: at the same place before the use, else at any place before.

        If another process of the run used the file earlier, the origin is before that use.
        """
        self._learn_files({digest for _, digest, *_ in files} - self._files.keys())
        likely = [one for one in files if self._files.get(one[1])]
        seen = dict(rows(self._index, _USED_BY_ANOTHER_PROCESS, [one[0] for one in likely]))
        found: dict[int, Origins] = {}
        for entity, digest, place, _, _, used_at, _, changed in likely:
            times = [time for time in (used_at, seen.get(entity)) if time is not None]
            if changed is not None:  # the file existed at this time
                times = [min(one, changed + TICK) for one in times] or [changed + TICK]
            here = _last(self._files_at.get((digest, place), []), times[0] if times else None)
            origins = here or _last(self._files[digest], min(times, default=None))
            if origins:
                found[entity] = Origins(origins, is_certain=True)
        return found

    def _learn_files(self, digests: set[bytes]) -> None:
        """Look up once the files made with a content: very many files may share one content."""
        self._files.update((digest, []) for digest in digests)
        made = rows(self._index, _FILES_MADE, digests)
        for digest, *details in sorted(made, key=itemgetter(1)):
            one = _Written(*details)
            self._files[digest].append(one)
            self._files_at.setdefault((digest, one.place), []).append(one)

    def _objects_of(self, objects: list[Any]) -> dict[int, Origins]:
        """Find the origin of objects: made before the use, or before being in a collection."""
        self._learn_objects({(run, digest) for _, digest, _, _, run, *_ in objects})
        computed = {one for (one,) in rows(self._index, _COMPUTED, [one[0] for one in objects])}
        found: dict[int, Origins] = {}
        for entity, digest, _, _, run, used_at, collected_at, _ in objects:
            until = min(
                (time for time in (used_at, collected_at) if time is not None), default=None
            )
            if until is None:
                continue
            made = [
                one
                for one in self._objects[run, digest]
                if one[0] <= until
                and one[1] != entity
                # A collection of the process contains objects made in this process, unless they
                # came from another process. If the code shows that an object was computed from
                # other objects, an equal object in the same process is equal by chance.
                and (
                    one[1] >> SHIFT != entity >> SHIFT
                    or (collected_at is None and entity not in computed)
                )
            ]
            origins = [one for _, one in self._nearest(made)]
            if 0 < len(origins) <= MOST:
                found[entity] = Origins(origins, is_certain=len(origins) == 1)
        return found

    def _learn_objects(self, contents: set[tuple[int, bytes]]) -> None:
        new = {one for one in contents - self._objects.keys() if one[0] is not None}
        self._objects.update((one, []) for one in contents - self._objects.keys())
        for run, digests in _by_run(new).items():
            for digest, *made in rows(self._index, _OBJECTS_MADE, digests, run):
                self._objects[run, digest].append(tuple(made))

    def _nearest(self, made: list[Made]) -> list[Made]:
        """Remove objects that passed through another one, or were made inside another's maker."""
        if not 1 < len(made) <= _CHUNK:
            return made
        some = [entity for _, entity in made]
        passed = max((time for _, time in rows(self._index, _PASSED_ON, some)), default=-1)
        left = [one for one in made if one[0] > passed]
        makers: dict[int, set[int]] = {}
        for entity, activity in rows(self._index, _MADE_IN, [entity for _, entity in left]):
            makers.setdefault(entity, set()).add(activity)
        around = {entity: self._around(inner) for entity, inner in makers.items()}
        return [
            one
            for one in left
            if not any(
                around.get(one[1], set()) & outer
                for entity, outer in makers.items()
                if entity != one[1]
            )
        ]

    def _around(self, activities: set[int]) -> set[int]:
        """Return the activities that enclose the given activities."""
        found: set[int] = set()
        waiting = activities
        while waiting:
            waiting = {one for (one,) in rows(self._index, _ENCLOSING, waiting)} - found
            found |= waiting
        return found


def _by_run(contents: set[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for run, digest in contents:
        found.setdefault(run, []).append(digest)
    return found


def _last(written: list[_Written], limit: int | None) -> list[int]:
    """Return the file that was written last, at the latest at ``limit``.

    If several processes wrote the file together, each process recorded it, with the times of the
    file system.
    """
    end = len(written) if limit is None else bisect_right(written, limit, key=itemgetter(0))
    if not end:
        return []
    last = written[end - 1]
    first = bisect_left(written, last.time - TICK, hi=end, key=itemgetter(0))
    state = last.place, last.changed or last.time
    return [
        one.entity for one in written[first:end] if (one.place, one.changed or one.time) == state
    ]


MADE_AT = f"coalesce(max(g.time) + {TICK}, a.end, p.end)"  # NULL: any time is possible
MADE_BY = f"""generated AS g LEFT JOIN activity AS a ON a.id = g.activity
LEFT JOIN process AS p ON p.number = g.activity >> {SHIFT}"""
HAS_ORIGIN = """(EXISTS (SELECT 1 FROM generated WHERE entity = {0})
  OR EXISTS (SELECT 1 FROM derived WHERE entity = {0}))"""

# A "modified" derivation does not show which process changed the file, if no process recorded the
# change. A process of another program may have rewritten the file.
_FILE_HAS_ORIGIN = """(EXISTS (SELECT 1 FROM generated WHERE entity = {0})
  OR EXISTS (SELECT 1 FROM derived WHERE entity = {0}
    AND how NOT IN (SELECT number FROM word WHERE text = 'modified')))"""


# A use of a collection is a use of its members. The SQL is repeated and not a view: SQLite looks up
# rows for a known entity, but would first make all rows of a view.
def _first_use(entity: str) -> str:
    return f"""
  (SELECT min(coalesce(u.time, b.start, q.start)) FROM (
    SELECT activity, min(time) AS time FROM used WHERE entity = {entity} GROUP BY activity
    UNION ALL
    SELECT activity, min(time) AS time FROM member AS n JOIN used ON used.entity = n.collection
    WHERE n.entity = {entity} GROUP BY activity) AS u
  LEFT JOIN activity AS b ON b.id = u.activity
  LEFT JOIN process AS q ON q.number = u.activity >> {SHIFT})"""


# For a member ``m`` and the maker of its collection: the member did not exist before. A file that
# was selected and not written did exist before.
FIRST_SEEN = f"""
coalesce({_first_use("m.entity")} >= coalesce(g.time, a.end, p.end), 1)
AND NOT EXISTS (SELECT 1 FROM entity AS f WHERE f.id = m.entity AND f.joins = {FILES}
  AND f.changed < coalesce(a.start, p.start) - {TICK})"""
_COLLECTED = f"""
  (SELECT min(coalesce(g.time, a.end, p.end, a.start, p.start)) FROM member AS m
  CROSS JOIN {MADE_BY} WHERE m.entity = {{0}} AND g.entity = m.collection AND {FIRST_SEEN})"""
_CONTENTS = f"""
SELECT e.id, e.digest, e.joins, p.run
FROM entity AS e LEFT JOIN process AS p ON p.number = e.id >> {SHIFT}
WHERE e.id IN ({{}}) AND e.joins IS NOT NULL"""
_WITHOUT_ORIGIN = f"""
SELECT e.id, e.digest, e.place, e.joins, r.run, {_first_use("e.id")}, {_COLLECTED.format("e.id")},
  e.changed
FROM entity AS e LEFT JOIN process AS r ON r.number = e.id >> {SHIFT}
WHERE e.id IN ({{}}) AND e.joins IS NOT NULL
AND NOT iif(e.joins = {FILES}, {_FILE_HAS_ORIGIN.format("e.id")}, {HAS_ORIGIN.format("e.id")})
AND EXISTS (SELECT 1 FROM entity AS o WHERE o.digest = e.digest AND o.id != e.id)"""
_USED_BY_ANOTHER_PROCESS = f"""
SELECT id, min(time) FROM (
  SELECT e.id AS id, {_first_use("o.id")} AS time FROM entity AS e
  JOIN process AS r ON r.number = e.id >> {SHIFT}
  JOIN process AS p ON p.run = r.run AND p.number != r.number
  JOIN entity AS o ON o.digest = e.digest AND o.id > p.number << {SHIFT}
    AND o.id < (p.number + 1) << {SHIFT} AND o.place = e.place
  WHERE e.id IN ({{}})) WHERE time IS NOT NULL GROUP BY id"""
_FILES_MADE = f"""
SELECT e.digest, coalesce(max(g.time), a.end, a.start, p.end, p.start) AS made, e.id, e.place,
  e.changed
FROM entity AS e JOIN generated AS g ON g.entity = e.id
LEFT JOIN activity AS a ON a.id = g.activity
LEFT JOIN process AS p ON p.number = g.activity >> {SHIFT}
WHERE e.digest IN ({{}}) AND e.is_made AND e.joins = {FILES}
GROUP BY e.id, g.activity HAVING made IS NOT NULL"""
_FILES_OF_CONTENT = f"""
SELECT id FROM entity AS e WHERE digest IN ({{}}) AND joins = {FILES}
AND NOT {_FILE_HAS_ORIGIN.format("e.id")}"""
_OF_RUN = f"""
process AS r CROSS JOIN entity AS e ON e.id > r.number << {SHIFT}
AND e.id < (r.number + 1) << {SHIFT}
WHERE r.run = ? AND e.digest IN ({{}}) AND e.joins = {OBJECTS}"""
_OBJECTS_OF_CONTENT = f"SELECT e.id FROM {_OF_RUN} AND NOT {HAS_ORIGIN.format('e.id')}"
_COMPUTED = f"""
SELECT later FROM flow WHERE later IN ({{}}) AND is_certain AND kind = {DERIVED}
AND NOT EXISTS (SELECT 1 FROM flow AS f JOIN entity AS a ON a.id = f.later
  JOIN entity AS b ON b.id = f.earlier AND b.digest = a.digest WHERE f.later = flow.later)"""
# An object that untraced code changed counts as made at its first use.
_OBJECTS_MADE = f"""
SELECT * FROM (SELECT e.digest, coalesce(
  (SELECT min(a.end) FROM generated AS g JOIN activity AS a ON a.id = g.activity
   WHERE g.entity = e.id),
  CASE WHEN EXISTS (SELECT 1 FROM derived WHERE entity = e.id) THEN {_first_use("e.id")} END,
  {_COLLECTED.format("e.id")}) AS made, e.id
FROM {_OF_RUN}) WHERE made IS NOT NULL"""
# For an activity that returns its input: the last time that it did so.
_PASSED_ON = """
SELECT g.entity, max(coalesce(u.time, a.start)) AS passed FROM generated AS g
JOIN entity AS e ON e.id = g.entity JOIN used AS u ON u.activity = g.activity
JOIN entity AS o ON o.id = u.entity AND o.digest = e.digest
JOIN activity AS a ON a.id = g.activity
WHERE g.entity IN ({}) GROUP BY g.entity HAVING passed IS NOT NULL"""
_MADE_IN = "SELECT entity, activity FROM generated WHERE entity IN ({})"
_ENCLOSING = "SELECT parent FROM activity WHERE parent IS NOT NULL AND id IN ({})"
