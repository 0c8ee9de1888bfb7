"""The walk through the index: what a thing came from, and what came of it, across runs.

Within a run the steps are those of ``record.lineage``. From one run to another they go by
content: a file that nothing in its run made was made by whoever last wrote the same bytes
before it was used, wherever those lay. The work follows the answer, not the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from provagent.store.index import Index
from provagent.store.rows import packed
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

    def rows(self, statement: str, keys: Iterable[int]) -> Iterator[Any]:
        every = list(keys)
        for first in range(0, len(every), _CHUNK):
            some = every[first : first + _CHUNK]
            yield from self.index.execute(statement.format(",".join("?" * len(some))), some)

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

    def made_elsewhere(self, orphans: list[int]) -> dict[int, int]:
        """Return, by file that nothing made, the last file of its content that was made before."""
        found: dict[int, int] = {}
        used_at = dict(self.rows(_FIRST_USE, orphans))
        best: dict[int, tuple[bool, int]] = {}
        for entity, other, time, is_same_place, digest in self.rows(_SAME_CONTENT_MADE, orphans):
            if digest in _EMPTY or time is None or time > used_at.get(entity, time):
                continue
            rank = time, bool(is_same_place)
            if entity not in best or rank > best[entity]:
                best[entity] = rank
                found[entity] = other
        return found


class _Forth(_Walker):
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
        others = [(one, other) for one, other in self.rows(_SAME_CONTENT_NOT_MADE, new)]
        if others:
            back = _Back(self.index, ())
            made = back.made_elsewhere([other for _, other in others])
            for one, other in others:
                if made.get(other) == one:
                    yield one, other


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
_FIRST_USE = f"""
SELECT u.entity, min(coalesce(a.start, p.start)) AS time FROM used AS u
LEFT JOIN activity AS a ON a.id = u.activity
LEFT JOIN process AS p ON p.number = u.activity >> {SHIFT}
WHERE u.entity IN ({{}}) GROUP BY u.entity HAVING time IS NOT NULL"""
_IS_FILE = "(SELECT text FROM word WHERE number = {0}.type) IN ('File', 'FileCollection')"
_SAME_CONTENT_MADE = f"""
SELECT e.id, o.id, coalesce(a.end, a.start, p.end, p.start), e.place IS o.place, e.digest
FROM entity AS e JOIN entity AS o ON o.digest = e.digest AND o.id != e.id
JOIN generated AS g ON g.entity = o.id
LEFT JOIN activity AS a ON a.id = g.activity
LEFT JOIN process AS p ON p.number = g.activity >> {SHIFT}
WHERE e.id IN ({{}}) AND {_IS_FILE.format("e")} AND {_IS_FILE.format("o")}"""
_SAME_CONTENT_NOT_MADE = f"""
SELECT e.id, o.id FROM entity AS e JOIN entity AS o ON o.digest = e.digest AND o.id != e.id
WHERE e.id IN ({{}}) AND {_IS_FILE.format("e")} AND {_IS_FILE.format("o")}
AND EXISTS (SELECT 1 FROM generated WHERE entity = e.id)
AND NOT EXISTS (SELECT 1 FROM generated WHERE entity = o.id)
AND NOT EXISTS (SELECT 1 FROM derived WHERE entity = o.id)"""
