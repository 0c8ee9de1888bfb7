"""Unification of files: a file with one id in each of several processes becomes one entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from provagent.contract.vocabulary import LESS_THAN_CONTENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provagent.reading.record.model import Activity, Entity

# activity id -> (entity id, role) of each relation
Relations: TypeAlias = "Mapping[str, Iterable[tuple[str, str | None]]]"


def aliases_of_files(
    entities: Mapping[str, Entity],
    activities: Mapping[str, Activity],
    used: Relations,
    generated: Relations,
    members: Mapping[str, Iterable[str]],
    rank: Callable[[str], int],
    read_at: Mapping[tuple[str, str], str],
) -> dict[str, str]:
    """Return, by id of each entity that is the same file as another entity, the id of that entity.

    Entities with equal location and digest are one entity if each is from a different process and
    at most one was generated. The generated entity's id is used, else the id of the first process.
    Two entities of one process are two states with another state between them; so are two
    generations. An entity that was used before the generation began, itself or as a member, is an
    earlier state and remains. ``read_at`` is a more precise time when an activity, or a process,
    used an entity, if known.
    """
    groups = _groups_across_processes(entities)
    if not groups:
        return {}
    made = _first_start(generated, activities, {})
    first_use = _first_start(used, activities, read_at)
    _use_members(first_use, members)
    aliases: dict[str, str] = {}
    for group in groups:
        generations = [entity for entity in group if entity.id in made]
        if len(generations) > 1:
            continue
        winner = generations[0] if generations else min(group, key=lambda e: rank(e.process_id))
        began = made.get(winner.id, "")
        for entity in group:
            if entity is not winner and first_use.get(entity.id, began) >= began:
                aliases[entity.id] = winner.id
    return aliases


def _use_members(first_use: dict[str, str], members: Mapping[str, Iterable[str]]) -> None:
    """Add members: a use of a collection is a use of its members."""
    waiting = list(first_use)
    while waiting:
        collection = waiting.pop()
        used = first_use[collection]
        for member in members.get(collection, ()):
            if member not in first_use or used < first_use[member]:
                first_use[member] = used
                waiting.append(member)


def merge(entity: Entity, *, into: Entity) -> None:
    """Complete ``into`` with facts that only ``entity`` contains."""
    for name in _DATA:
        if getattr(into, name) is None:
            setattr(into, name, getattr(entity, name))


_DATA = (
    "type",
    "entity_description",
    "definition",
    "name",
    "namespace",
    "dtype",
    "shape",
    "own_unit",
    "identified",
    "size",
    "content_type",
)


def _groups_across_processes(entities: Mapping[str, Entity]) -> list[list[Entity]]:
    groups: dict[tuple[str, str], list[Entity]] = {}
    for entity in entities.values():
        if (
            entity.location
            and entity.digest
            and (entity.type or "").startswith("File")
            and entity.identified not in LESS_THAN_CONTENT
        ):
            groups.setdefault((entity.location, entity.digest), []).append(entity)
    return [
        group
        for group in groups.values()
        if len(group) > 1 and len({entity.process_id for entity in group}) == len(group)
    ]


def _first_start(
    relations: Relations,
    activities: Mapping[str, Activity],
    times: Mapping[tuple[str, str], str],
) -> dict[str, str]:
    """Return, by id of each entity in ``relations``, the start of the first activity with it."""
    first: dict[str, str] = {}
    for activity_id, items in relations.items():
        start = activities[activity_id].start or ""
        for entity_id, _ in items:
            time = times.get((activity_id, entity_id), start)
            first[entity_id] = min(first.get(entity_id, time), time)
    return first
