"""Select a part of a run: a session, an activity, or chosen activities and entities."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from provagent.contract.errors import RecordError
from provagent.contract.file_names import name_to_text
from provagent.contract.vocabulary import DERIVED, GENERATED, INFORMED, MEMBER, SAME, USED

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from provagent.reading.record.inferred import Edge
    from provagent.reading.record.model import Activity, Entity, Process, Provenance


def within(provenance: Provenance, what: str) -> tuple[set[str], set[str]] | None:
    """Return the activities and entities inside a session, an activity or a process.

    ``what`` is an identifier, the end of one, or the name of an activity; otherwise the result is
    ``None``. The part of a process contains only what the process did outside of any activity.

    Raises RecordError if several activities have the name.
    """
    if what in provenance.processes:
        return {what}, set(_entities_of([provenance.processes[what].program]))
    session = _named(provenance.sessions, what)
    activity = _named(provenance.activities, what)
    if session is not None:
        return _within(provenance.sessions[session].activities)
    if activity is not None:
        return _within([provenance.activities[activity]])
    named = [one for one in provenance.activities.values() if one.name == what]
    if len(named) > 1:
        several = ", ".join(one.id for one in named)
        raise RecordError(f"{what}: several activities have this name; give one of {several}")
    return _within(named) if named else None


def cut(
    provenance: Provenance,
    activities: Iterable[str],
    entities: Container[str],
    edges: Container[Edge] | None = None,
) -> Provenance:
    """Return a Provenance of only these activities and entities, and the relations between them.

    ``activities`` and ``entities`` are identifiers; a process counts as an activity. The result
    also contains the run, the enclosing activities, and the processes with their parents.
    ``edges`` restricts the relations further.
    """
    chosen = set(activities)
    for each in [provenance.activities[key] for key in chosen & provenance.activities.keys()]:
        chosen.update(above.id for above in _enclosing(each))
    found = [one for key, one in provenance.activities.items() if key in chosen]
    left = {key: one for key, one in provenance.entities.items() if key in entities}
    processes = _processes(provenance, chosen, [*found, *left.values()])
    chosen.update(processes)

    def has(kind: str, later: Activity | Entity, earlier: Activity | Entity) -> bool:
        is_there = all(one.id in chosen or one.id in left for one in (later, earlier))
        return is_there and (edges is None or (kind, later.id, earlier.id) in edges)

    def of(activity: Activity) -> Activity:
        return replace(
            activity,
            used=[one for one in activity.used if has(USED, activity, one.entity)],
            generated=[one for one in activity.generated if has(GENERATED, one.entity, activity)],
            informed_by=[
                one for one in activity.informed_by if has(INFORMED, activity, one.informant)
            ],
        )

    cut_processes = {key: replace(one, program=of(one.program)) for key, one in processes.items()}
    run, first = provenance.run, provenance.run.process
    sessions = {one.session.id for one in found if one.session is not None}
    return replace(
        provenance,
        run=replace(run, process=cut_processes.get(first.id, first)),
        processes=cut_processes,
        activities={one.id: of(one) for one in found},
        sessions={key: one for key, one in provenance.sessions.items() if key in sessions},
        entities={
            key: replace(one, members=[each for each in one.members if has(MEMBER, one, each)])
            for key, one in left.items()
        },
        derivations=[
            replace(one, activity=one.activity if _is_of(one.activity, chosen) else None)
            for one in provenance.derivations
            if has(DERIVED, one.entity, one.progenitor)
        ],
        alternates=[one for one in provenance.alternates if has(SAME, one.entity, one.origin)],
    )


def _is_of(activity: Activity | None, chosen: set[str]) -> bool:
    return activity is not None and activity.id in chosen


def _processes(
    provenance: Provenance, chosen: set[str], things: Iterable[Activity | Entity]
) -> dict[str, Process]:
    """Return the processes of activities and entities, with parents, and of the run."""
    waiting = {one.process_id for one in things} | chosen | {provenance.run.process.id}
    kept: set[str] = set()
    while waiting := (waiting & provenance.processes.keys()) - kept:
        kept |= waiting
        waiting = {provenance.processes[key].parent_id or "" for key in waiting}
    return {key: one for key, one in provenance.processes.items() if key in kept}


def _within(begun: list[Activity]) -> tuple[set[str], set[str]]:
    chosen = {one.id: one for each in begun for one in _inside(each)}
    return set(chosen), set(_entities_of(chosen.values()))


def _named(things: Iterable[str], what: str) -> str | None:
    """Return the identifier that is equal to ``what``, or ends with it."""
    found = [key for key in things if key == what or key.endswith(f".{what}")]
    return found[0] if len(found) == 1 else None


def entity_of(provenance: Provenance, what: str) -> Entity:
    """Return the entity that ``what`` means: an identifier, a name, a digest, a path, or its end.

    Raises RecordError if no entity matches, or the last states of several entities match.
    """
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
        raise RecordError(f"{what}: several entities have this name: {several}; give an identifier")
    names = {name for one in provenance.entities.values() for name in (one.name, one.location)}
    names |= {activity.name for activity in provenance.activities.values()}
    close = difflib.get_close_matches(what, [name for name in names if name], n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise RecordError(f"{what}: not found in run {provenance.run.id}{hint}")


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
    """Return the entities that activities used and generated, with members and progenitors."""
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
