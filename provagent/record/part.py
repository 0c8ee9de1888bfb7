"""A part of a run as a Provenance of its own: a session, an activity, or how a thing was made."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from provagent.errors import RecordError
from provagent.file_names import name_to_text
from provagent.record.lineage import ancestors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provagent.record.model import Activity, Entity, Provenance


def part_of(provenance: Provenance, what: str) -> Provenance:
    """Return what concerns ``what``; the run and its processes stay, for their context.

    ``what`` is the identifier of a session, an activity or an entity, or its end; an
    activity's or an entity's name; a digest; a path, or the end of one. Of a session and an
    activity its part holds what happened in it; of an entity, all that it came from. What
    encloses a chosen activity is there too, with those of its entities that are.

    Raises RecordError where nothing, or more than one thing in its last state, is meant.
    """
    chosen, entities = _chosen(provenance, what)
    around = {above.id: above for one in chosen.values() for above in _enclosing(one)}
    activities = {
        key: _cut(activity, entities, whole=key in chosen)
        for key, activity in provenance.activities.items()
        if key in chosen or key in around
    }
    processes = {
        key: replace(process, program=_cut(process.program, entities))
        for key, process in provenance.processes.items()
    }
    run = provenance.run
    sessions = {one.session.id for one in activities.values() if one.session is not None}
    return replace(
        provenance,
        run=replace(run, process=processes.get(run.process.id, run.process)),
        processes=processes,
        activities=activities,
        sessions={key: one for key, one in provenance.sessions.items() if key in sessions},
        entities={
            key: replace(one, members=[each for each in one.members if each.id in entities])
            for key, one in provenance.entities.items()
            if key in entities
        },
        derivations=[
            one
            for one in provenance.derivations
            if one.entity.id in entities and one.progenitor.id in entities
        ],
    )


def _chosen(provenance: Provenance, what: str) -> tuple[dict[str, Activity], dict[str, Entity]]:
    session = _named(provenance.sessions, what)
    activity = _named(provenance.activities, what)
    if session is not None:
        return _within(provenance.sessions[session].activities)
    if activity is not None:
        return _within([provenance.activities[activity]])
    named = [one for one in provenance.activities.values() if one.name == what]
    if len(named) == 1:
        return _within(named)
    if named:
        several = ", ".join(one.id for one in named)
        raise RecordError(f"{what}: is the name of several activities; give one of {several}")
    entity = entity_of(provenance, what)
    found = ancestors(provenance, entity.id)
    return found.activities, found.entities | {entity.id: entity}


def _within(begun: list[Activity]) -> tuple[dict[str, Activity], dict[str, Entity]]:
    chosen = {one.id: one for each in begun for one in _inside(each)}
    return chosen, _entities_of(chosen.values())


def _named(things: Iterable[str], what: str) -> str | None:
    """Return the identifier that ``what`` is, or is the end of."""
    found = [key for key in things if key == what or key.endswith(f".{what}")]
    return found[0] if len(found) == 1 else None


def entity_of(provenance: Provenance, what: str) -> Entity:
    """Return the entity that ``what`` names, as in ``part_of``."""
    known = provenance.aliases.get(what) or _named(provenance.entities, what)
    if known is not None:
        return provenance.entities[known]
    what, path = name_to_text(what), name_to_text(os.path.abspath(what))
    found: dict[str | None, Entity] = {}
    for entity in provenance.entities.values():
        location = entity.location or ""
        if what in (entity.digest, entity.name, location) or location == path:
            found[entity.location or entity.id] = entity  # of one place, the last state
        elif location.endswith(f"/{what}"):
            found[entity.location] = entity
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        several = ", ".join(f"{one.location or one.name} ({one.id})" for one in found.values())
        raise RecordError(f"{what}: is the name of several things: {several}; give an identifier")
    names = {name for one in provenance.entities.values() for name in (one.name, one.location)}
    names |= {activity.name for activity in provenance.activities.values()}
    close = difflib.get_close_matches(what, [name for name in names if name], n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise RecordError(f"{what}: no session, activity or entity of run {provenance.run.id}{hint}")


def _inside(activity: Activity) -> Iterator[Activity]:
    waiting = [activity]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.children


def _enclosing(activity: Activity) -> Iterator[Activity]:
    above = activity.parent
    while above is not None:
        yield above
        above = above.parent


def _entities_of(activities: Iterable[Activity]) -> dict[str, Entity]:
    """Return what they used and generated, with its members and progenitors."""
    entities: dict[str, Entity] = {}
    for activity in activities:
        waiting = [one.entity for one in activity.used]
        waiting += [one.entity for one in activity.generated]
        while waiting:
            entity = waiting.pop()
            if entity.id not in entities:
                entities[entity.id] = entity
                waiting += entity.members
                waiting += [one.progenitor for one in entity.derivations]
    return entities


def _cut(activity: Activity, entities: dict[str, Entity], *, whole: bool = False) -> Activity:
    return replace(
        activity,
        used=[one for one in activity.used if whole or one.entity.id in entities],
        generated=[one for one in activity.generated if one.entity.id in entities],
    )
