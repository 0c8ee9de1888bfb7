"""The walk through the index: what a thing came from, and what came of it, across runs.

Within a run the steps are those of ``record.lineage``. From one run to another they go by
content: a file that nothing in its run made was made by whoever last wrote the same bytes
at its path before it was used, else by whoever last wrote them anywhere. The work follows
the answer, not the store.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from provagent.store.coded import packed
from provagent.store.index import Index
from provagent.store.schema import NUMBERS, SHIFT

_CHUNK = 900  # variables of one statement
# Files that are empty are equal, and that tells nothing.
_EMPTY = {
    packed(f"{name}:{hashlib.new(name, b'', usedforsecurity=False).hexdigest()}")
    for name in ("sha256", "sha1", "md5", "sha224", "sha384", "sha512", "blake2b")
}


@dataclass(slots=True)
class Walk:
    """What was met, by number, in the order in which it was met.

    ``entities`` maps each to what it was met from: an activity, or an entity, or ``None``
    for those that the walk began at. ``activities`` maps each to an entity. ``same`` holds
    the pairs of entities of one content by which the walk went from run to run.
    """

    entities: dict[int, int | None]
    activities: dict[int, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)


def ancestors(index: Index, start: Iterable[int]) -> Walk:
    """Return all that entities came from."""
    return _Back(index, start).walk()


def descendants(index: Index, start: Iterable[int]) -> Walk:
    """Return all that came of entities."""
    return _Forth(index, start).walk()


class _Walker:
    def __init__(self, index: Index, start: Iterable[int]) -> None:
        self.index = index
        self.met = Walk(entities=dict.fromkeys(start))
        self.files = ",".join(str(number) for (number,) in index.execute(_TYPES_OF_FILES))
        self.opened: set[int] = set()  # activities whose inside was looked at

    def walk(self) -> Walk:
        new = list(self.met.entities)
        while new:
            found = self.step(new)
            new = [entity for entity in found if entity not in self.met.entities]
            self.met.entities.update((entity, found[entity]) for entity in new)
        return self.met

    def step(self, new: list[int]) -> dict[int, int]:
        raise NotImplementedError

    def group(self, statement: str, keys: Iterable[int]) -> dict[int, list[int]]:
        """Return by key what a statement, which selects pairs for keys, finds."""
        found: dict[int, list[int]] = {}
        for key, value in self.rows(statement, keys):
            found.setdefault(key, []).append(value)
        return found

    def rows(self, statement: str, keys: Iterable[Any]) -> list[Any]:
        every: list[Any] = list(keys)
        found: list[Any] = []
        for first in range(0, len(every), _CHUNK):
            some = every[first : first + _CHUNK]
            found += self.index.execute(
                statement.format(",".join("?" * len(some)), self.files), some
            )
        return found

    def at_work(self, begun: dict[int, int]) -> list[int]:
        """Add activities, those inside and those around them; return those that are new.

        ``begun`` maps each to the entity that it was met from. A process is around all of
        its activities, but they have nothing to do with each other by that.
        """
        fresh = []
        inside = {one: entity for one, entity in begun.items() if one not in self.opened}
        around = dict(inside)
        while inside:
            self.opened.update(inside)
            fresh += [one for one in inside if one not in self.met.activities]
            self.met.activities.update(
                (one, entity) for one, entity in inside.items() if one not in self.met.activities
            )
            children = self.group(_CHILDREN, inside)
            inside = {
                child: inside[parent]
                for parent, group in children.items()
                for child in group
                if child not in self.opened
            }
        while around:
            parents = self.group(_PARENT, around)
            around = {
                parent: around[child]
                for child, group in parents.items()
                for parent in group
                if parent & _OWN and parent not in self.met.activities
            }
            fresh += around
            self.met.activities.update(around)
        return fresh


class _Back(_Walker):
    def __init__(self, index: Index, start: Iterable[int]) -> None:
        super().__init__(index, start)
        self.made: dict[bytes, list[Any]] = {}  # by content: time, file, the oldest first
        self.made_at: dict[tuple[bytes, int | None], list[Any]] = {}  # and by place

    def step(self, new: list[int]) -> dict[int, int]:
        makers = self.group(_MAKERS, new)
        found: dict[int, int] = {}
        derived = self.group(_PROGENITORS, new)
        for steps in (derived, self.group(_MEMBERS, new)):
            found.update((other, entity) for entity, group in steps.items() for other in group)
        lost = [entity for entity in new if entity not in makers and entity not in derived]
        of_collection = self.group(_MAKERS_OF_COLLECTION, lost)
        makers |= of_collection
        for entity, other in self.made_elsewhere(
            [entity for entity in lost if entity not in of_collection]
        ).items():
            self.met.same[entity] = other
            found[other] = entity
        fresh = self.at_work({one: entity for entity, group in makers.items() for one in group})
        for activity, used in self.group(_USED, fresh).items():
            found.update((entity, activity) for entity in used)
        return found

    def made_elsewhere(self, orphans: Iterable[int]) -> dict[int, int]:
        """Return, by file that nothing made, the file of its content that it came from.

        That is what was last written at its place before it was used, else anywhere before
        it was there: where another process of its run used it sooner, before that.
        """
        files = self.rows(_FILES, orphans)
        self._learn({digest for _, digest, *_ in files} - self.made.keys() - _EMPTY)
        likely = [one for one in files if self.made.get(one[1])]
        seen = dict(self.rows(_USED_BY_ANOTHER_PROCESS, [entity for entity, *_ in likely]))
        found: dict[int, int] = {}
        for entity, digest, place, used_at in likely:
            times = [time for time in (used_at, seen.get(entity)) if time is not None]
            here = _last(self.made_at.get((digest, place), []), times[0] if times else None)
            origin = here or _last(self.made[digest], min(times, default=None))
            if origin is not None:
                found[entity] = origin
        return found

    def _learn(self, digests: set[bytes]) -> None:
        """Look up once what was made of a content: files may be very many that share it."""
        self.made.update((digest, []) for digest in digests)
        for digest, place, *made in sorted(self.rows(_MADE_OF_CONTENT, digests), key=itemgetter(2)):
            self.made[digest].append(made)
            self.made_at.setdefault((digest, place), []).append(made)


def _last(made: list[Any], limit: int | None) -> int | None:
    """Return the file that was made last of some, no later than that."""
    end = len(made) if limit is None else bisect_right(made, limit, key=itemgetter(0))
    return made[end - 1][1] if end else None


class _Forth(_Walker):
    def __init__(self, index: Index, start: Iterable[int]) -> None:
        super().__init__(index, start)
        self.back = _Back(index, ())
        self.used: dict[int, list[int]] = {}  # by file that was made: those that stand for it
        self.known: set[bytes] = set()  # contents whose files are in ``used``

    def step(self, new: list[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for steps in (self.group(_DERIVED, new), self.group(_COLLECTIONS, new)):
            found.update((other, entity) for entity, group in steps.items() for other in group)
        for entity, other in self.used_elsewhere(new):
            self.met.same.setdefault(other, entity)
            found[other] = entity
        users = self.group(_USERS, new)
        fresh = self.at_work({one: entity for entity, group in users.items() for one in group})
        made = self.group(_MADE, fresh)
        for activity, group in made.items():
            found.update((entity, activity) for entity in group)
        products = {entity: one for one, group in made.items() for entity in group}
        for collection, group in self.group(_MEMBERS_NOT_MADE, products).items():
            found.update((member, products[collection]) for member in group)
        return found

    def used_elsewhere(self, new: list[int]) -> Iterator[tuple[int, int]]:
        """Yield pairs of a file and one of its content for which it is what was made before."""
        digests = {digest for _, digest, *_ in self.rows(_FILES, new)} - self.known - _EMPTY
        self.known |= digests
        orphans = [one for (one,) in self.rows(_NOT_MADE_OF_CONTENT, digests)]
        for other, one in self.back.made_elsewhere(orphans).items():
            self.used.setdefault(one, []).append(other)
        for entity in new:
            for other in self.used.get(entity, ()):
                yield entity, other


_OWN = NUMBERS - 1
_CHILDREN = "SELECT parent, id FROM activity WHERE parent IN ({})"
_PARENT = "SELECT id, parent FROM activity WHERE parent IS NOT NULL AND id IN ({})"
_MAKERS = "SELECT entity, activity FROM generated WHERE entity IN ({})"
_PROGENITORS = "SELECT entity, progenitor FROM derived WHERE entity IN ({})"
_MEMBERS = "SELECT collection, entity FROM member WHERE collection IN ({})"
_MAKERS_OF_COLLECTION = """
SELECT m.entity, g.activity FROM member AS m
JOIN generated AS g ON g.entity = m.collection WHERE m.entity IN ({})"""
_USED = "SELECT activity, entity FROM used WHERE activity IN ({})"
_USERS = "SELECT entity, activity FROM used WHERE entity IN ({})"
_MADE = "SELECT activity, entity FROM generated WHERE activity IN ({})"
_DERIVED = "SELECT progenitor, entity FROM derived WHERE progenitor IN ({})"
_COLLECTIONS = "SELECT entity, collection FROM member WHERE entity IN ({})"
_MEMBERS_NOT_MADE = """
SELECT m.collection, m.entity FROM member AS m WHERE m.collection IN ({})
AND NOT EXISTS (SELECT 1 FROM generated WHERE entity = m.entity)
AND NOT EXISTS (SELECT 1 FROM derived WHERE entity = m.entity)"""
_TYPES_OF_FILES = "SELECT number FROM word WHERE text IN ('File', 'FileCollection')"


# Who uses a collection uses what is in it. SQLite looks up what is asked for of an entity that
# is known; of a view that says the same it would make all rows first.
def _first_use(entity: str) -> str:
    return f"""
  (SELECT min(coalesce(a.start, p.start)) FROM (
    SELECT activity FROM used WHERE entity = {entity} UNION ALL
    SELECT activity FROM member AS m JOIN used ON used.entity = m.collection
    WHERE m.entity = {entity}) AS u
  LEFT JOIN activity AS a ON a.id = u.activity
  LEFT JOIN process AS p ON p.number = u.activity >> {SHIFT})"""


_FILES = f"""
SELECT id, digest, place, {_first_use("e.id")}
FROM entity AS e WHERE id IN ({{0}}) AND type IN ({{1}})
AND EXISTS (SELECT 1 FROM entity AS o WHERE o.digest = e.digest AND o.id != e.id)"""
_USED_BY_ANOTHER_PROCESS = f"""
SELECT id, min(time) FROM (
  SELECT e.id AS id, {_first_use("o.id")} AS time FROM entity AS e
  JOIN process AS q ON q.number = e.id >> {SHIFT}
  JOIN process AS p ON p.run = q.run AND p.number != q.number
  JOIN entity AS o ON o.digest = e.digest AND o.id > p.number << {SHIFT}
    AND o.id < (p.number + 1) << {SHIFT} AND o.place = e.place
  WHERE e.id IN ({{0}})) WHERE time IS NOT NULL GROUP BY id"""
_MADE_OF_CONTENT = f"""
SELECT e.digest, e.place, coalesce(a.end, a.start, p.end, p.start) AS time, e.id
FROM entity AS e JOIN generated AS g ON g.entity = e.id
LEFT JOIN activity AS a ON a.id = g.activity
LEFT JOIN process AS p ON p.number = g.activity >> {SHIFT}
WHERE e.digest IN ({{0}}) AND e.is_made AND time IS NOT NULL AND e.type IN ({{1}})"""
_NOT_MADE_OF_CONTENT = """
SELECT id FROM entity AS e WHERE digest IN ({0}) AND type IN ({1})
AND NOT EXISTS (SELECT 1 FROM generated WHERE entity = e.id)
AND NOT EXISTS (SELECT 1 FROM derived WHERE entity = e.id)"""
