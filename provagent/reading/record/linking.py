"""Linking collected statements to a Provenance.

The statements are ordered, unified across processes, and linked in both directions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provagent.reading.record.facts import Code, CountedClasses, CountedMismatches, Gap
from provagent.reading.record.file_unification import aliases_of_files, merge
from provagent.reading.record.labels import program_text
from provagent.reading.record.model import (
    Activity,
    Derivation,
    Entity,
    Generation,
    Process,
    Provenance,
    Run,
    Session,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.record.collected import Collected
    from provagent.reading.record.facts import Child, SkippedCalls, WeakIdentity


def linked(collected: Collected, gaps: list[Gap]) -> Provenance:
    """Return the Provenance from ``collected``; its objects and ``gaps`` become parts of it."""
    return _Linker(collected, gaps).provenance()


class _Linker:
    def __init__(self, collected: Collected, gaps: list[Gap]) -> None:
        self.collected = collected
        self.gaps = gaps
        self.processes = _in_order_of_start(collected.processes.values())
        self.ranks = {process_id: rank for rank, process_id in enumerate(self.processes)}

    def rank(self, process_id: str) -> int:
        """Return the position of a process by start; processes without a ``run`` event are last."""
        return self.ranks.get(process_id, len(self.ranks))

    def provenance(self) -> Provenance:
        collected = self.collected
        self._add_files()
        self._add_texts()
        self.activities = self._ordered_activities()
        self.programs = {each.id: _program(each) for each in self.processes.values()}
        self.aliases = aliases_of_files(
            collected.entities,
            {**self.programs, **self.activities},
            collected.used,
            collected.generated,
            collected.members,
            self.rank,
            collected.read_at,
        )
        self.entities = self._ordered_entities()
        self.sessions = self._ordered_sessions()
        self._link_activities()
        self._mark_removed()
        self._link_members()
        derivations = self._linked_derivations()
        return Provenance(
            run=self._run(),
            processes=self.processes,
            environments=dict(sorted(collected.environments.items())),
            sessions=self.sessions,
            activities=self.activities,
            entities=self.entities,
            aliases=self.aliases,
            derivations=derivations,
            activity_descriptions=dict(sorted(collected.activity_descriptions.items())),
            entity_descriptions=dict(sorted(collected.entity_descriptions.items())),
            agent_descriptions=dict(sorted(collected.agent_descriptions.items())),
            mismatches=_mismatches(collected),
            not_identified_by_content=_weak_identities(collected),
            complaints=sorted(
                collected.complaints.values(), key=lambda each: (each.time or "", each.what)
            ),
            gaps=self._with_lost(self.gaps),
            redactions=collected.redactions,
            unrecorded=self._unrecorded(),
            skipped_calls=self._skipped_calls(),
        )

    def _run(self) -> Run:
        begun = [process for process in self.processes.values() if process.parent_id is None]
        first = next(iter(begun or self.processes.values()), None)
        if first is None:
            starts = [each.start for each in self.activities.values() if each.start]
            first = Process(id="", start=min(starts, default=None))
        return Run(id=self.collected.run_id, process=first, **self.collected.of_run)

    def _add_files(self) -> None:
        """Relate opened files like declared entities, each in one role.

        A file that an activity has written and read again is only a product of the activity.
        """
        for seen, relations in (
            (self.collected.written, self.collected.generated),
            (self.collected.read, self.collected.used),
        ):
            for owner, items in seen.items():
                if owner not in self.processes and owner not in self.collected.activities:
                    continue  # its event was lost
                related = {*relations.get(owner, ()), *self.collected.generated.get(owner, ())}
                declared = {entity_id for entity_id, _ in related}
                relations.setdefault(owner, []).extend(
                    item for item in dict.fromkeys(items) if item[0] not in declared
                )

    def _add_texts(self) -> None:
        for process in self.processes.values():
            for one in process.code:
                if one.text is None and one.digest is not None:
                    one.text = self.collected.sources.get(one.digest)

    def _ordered_activities(self) -> dict[str, Activity]:
        """Return activities by start, then process; within a process in the order of its shard."""
        activities = sorted(
            self.collected.activities.values(),
            key=lambda each: (each.start or "", self.rank(each.process_id)),
        )
        return {activity.id: activity for activity in activities}

    def _ordered_entities(self) -> dict[str, Entity]:
        entities = self.collected.entities
        for alias, entity_id in self.aliases.items():
            merge(entities.pop(alias), into=entities[entity_id])
        for entity_id in self._named_entities():
            if entity_id not in entities:
                entities[entity_id] = Entity(id=entity_id, known=False)
        for entity in entities.values():
            key = entity.definition or "", entity.entity_description or ""
            entity.description = self.collected.entity_descriptions.get(key)
        # The entities of a process are in the order of its shard; lost entities are last, by id.
        ordered = sorted(
            entities.values(),
            key=lambda each: (not each.known, self.rank(each.process_id), each.known or each.id),
        )
        return {entity.id: entity for entity in ordered}

    def _named_entities(self) -> Iterable[str]:
        collected = self.collected
        for relations in (*collected.used.values(), *collected.generated.values()):
            for entity_id, _ in relations:
                yield self._canonical(entity_id)
        for collection, members in collected.members.items():
            yield self._canonical(collection)
            yield from map(self._canonical, members)
        for event in collected.derivations:
            yield self._canonical(event["entity_id"])
            yield self._canonical(event["progenitor_id"])

    def _ordered_sessions(self) -> dict[str, Session]:
        sessions = self.collected.sessions
        for session_id in self.collected.in_session.values():
            sessions.setdefault(session_id, Session(id=session_id))
        ordered = sorted(sessions.values(), key=lambda each: (each.start or "", each.id))
        return {session.id: session for session in ordered}

    def _link_activities(self) -> None:
        collected = self.collected
        for activity in self.activities.values():
            key = activity.definition or "", activity.name or ""
            activity.description = collected.activity_descriptions.get(key)
            if activity.id in collected.in_session:
                activity.session = self.sessions[collected.in_session[activity.id]]
                activity.session.activities.append(activity)
            parent_id = collected.parents.get(activity.id, "")
            activity.parent = self.activities.get(parent_id)
            if activity.parent is None and run_of(parent_id) not in ("", run_of(activity.id)):
                activity.outer_id = parent_id
        for activity in (*self.programs.values(), *self.activities.values()):
            for entity_id, role in _once(collected.used.get(activity.id, ())):
                usage = Usage(
                    activity=activity,
                    entity=self._entity(entity_id),
                    role=role,
                    time=collected.read_at.get((activity.id, entity_id)),
                )
                activity.used.append(usage)
                usage.entity.used_by.append(usage)
            for entity_id, role in _once(collected.generated.get(activity.id, ())):
                made = Generation(
                    activity=activity,
                    entity=self._entity(entity_id),
                    role=role,
                    time=collected.written_at.get((activity.id, entity_id)),
                )
                activity.generated.append(made)
                made.entity.generated_by.append(made)
        self._break_cycles()
        for activity in self.activities.values():
            if activity.parent is not None:
                activity.parent.children.append(activity)

    def _mark_removed(self) -> None:
        """Mark the files that the run made and removed, in all their states."""
        made = {one.location for one in self.entities.values() if one.generated_by} - {None}
        gone = made & {self._entity(entity_id).location for entity_id in self.collected.removed}
        for entity in self.entities.values():
            entity.removed = entity.location in gone

    def _break_cycles(self) -> None:
        """Make the nesting a forest: a damaged parent id can name a descendant."""
        safe: set[str] = set()
        for activity in self.activities.values():
            path: dict[str, Activity] = {}
            node: Activity | None = activity
            while node is not None and node.id not in safe:
                path[node.id] = node
                if node.parent is not None and node.parent.id in path:
                    node.parent = None
                node = node.parent
            safe.update(path)

    def _link_members(self) -> None:
        """Link collections with their members, as each process recorded them."""
        seen_as: dict[str, list[str]] = {}
        for other, collection_id in self.aliases.items():
            seen_as.setdefault(collection_id, []).append(other)
        for collection_id, collection in self.entities.items():
            members = {
                self._canonical(member_id): None
                for one in (collection_id, *seen_as.get(collection_id, ()))
                for member_id in self.collected.members.get(one, ())
            }
            for member_id in members:
                member = self.entities[member_id]
                collection.members.append(member)
                member.member_of.append(collection)

    def _linked_derivations(self) -> list[Derivation]:
        events = sorted(
            self.collected.derivations,
            key=lambda event: self.rank(self._entity(event["entity_id"]).process_id),
        )
        return [self._linked_derivation(event) for event in events]

    def _linked_derivation(self, event: dict[str, Any]) -> Derivation:
        code = event.get("code")
        derivation = Derivation(
            entity=self._entity(event["entity_id"]),
            progenitor=self._entity(event["progenitor_id"]),
            how=event.get("how"),
            between=tuple(
                self.activities[activity_id]
                for activity_id in event.get("between", ())
                if activity_id in self.activities
            ),
            code=Code(**{name: code[name] for name in Code.__slots__}) if code else None,
        )
        derivation.entity.derivations.append(derivation)
        derivation.progenitor.derived.append(derivation)
        return derivation

    def _entity(self, entity_id: str) -> Entity:
        return self.entities[self._canonical(entity_id)]

    def _canonical(self, entity_id: str) -> str:
        return self.aliases.get(entity_id, entity_id)

    def _unrecorded(self) -> list[Child]:
        """Return children that were expected not to record, without those that did record."""
        recorded = list(self.processes.values())
        children = sorted(self.collected.children, key=lambda each: each.time or "")
        unrecorded = self._silent_workers([one for one in children if one.workers is not None])
        for child in children:
            if child.workers is not None:
                continue
            for process in recorded:
                if process.parent_id == child.process_id and child.is_seen_as(process.command):
                    recorded.remove(process)
                    break
            else:
                unrecorded.append(child)
        return unrecorded

    def _silent_workers(self, children: list[Child]) -> list[Child]:
        """Return the workers of clusters that did not record, by their last count."""
        last = {(child.process_id, *child.command): child for child in children}
        silent = []
        for child in last.values():
            did = sum(
                one.is_worker and one.parent_id == child.process_id
                for one in self.processes.values()
            )
            workers = child.workers or 0
            if max(workers, 1) > did:  # further workers may have started later
                silent.append(replace(child, workers=workers - did or None))
        return silent

    def _skipped_calls(self) -> list[SkippedCalls]:
        """Return the skipped calls, and add each to the enclosing activity or process."""
        ordered = sorted(self.collected.skipped_calls.values(), key=lambda each: each.start or "")
        for each in ordered:
            parent = self.activities.get(each.parent_id or "", self.programs.get(each.process_id))
            if parent is not None:
                parent.skipped_calls.append(each)
        return ordered

    def _with_lost(self, gaps: list[Gap]) -> list[Gap]:
        unknown = sum(not entity.known for entity in self.entities.values())
        nameless = sum(activity.name is None for activity in self.activities.values())
        gaps.extend(lost(unknown, nameless))
        return gaps


def lost(entities: int, activities: int) -> list[Gap]:
    """Return the gaps that are visible only at the end: named, but missing, events."""
    gaps = []
    if entities:
        gaps.append(Gap(place=None, what=f"{entities} entities are referenced but not recorded"))
    if activities:
        what = f"{activities} activities end but have no start in the record"
        gaps.append(Gap(place=None, what=what))
    return gaps


def run_of(identifier: str) -> str:
    """Return the run in an identifier ``<run>.<process>.<number>``; else an empty text."""
    run, _, own = identifier.rpartition(".")[0].rpartition(".")
    return run if own else ""


def _in_order_of_start(processes: Iterable[Process]) -> dict[str, Process]:
    ordered = sorted(processes, key=lambda each: (each.start or "", each.id))
    return {process.id: process for process in ordered}


def _program(process: Process) -> Activity:
    """Return the process as an activity: it opens files while no other activity is open."""
    activity = process.program
    activity.id = activity.process_id = process.id
    script = process.script.location if process.script else None
    activity.name = program_text(process.command, script, process.module, process.notebook)
    activity.start, activity.end, activity.status = process.start, process.end, process.status
    return activity


def _once(relations: Iterable[tuple[str, str | None]]) -> Iterable[tuple[str, str | None]]:
    return dict.fromkeys(relations)


def _weak_identities(collected: Collected) -> dict[WeakIdentity, int]:
    counted = CountedClasses()
    for one in collected.entities.values():
        is_part = one.sampled is not None and one.sampled.unread is not None
        counted.add(one.class_name, one.identified, one.entity_description, is_part=is_part)
    return counted.counts


def _mismatches(collected: Collected) -> dict[str, int]:
    counted = CountedMismatches()
    for session in collected.sessions.values():
        counted.add(session.class_name, *session.mismatches)
    for activity in collected.activities.values():
        counted.add(activity.name, *activity.mismatches)
    return counted.by_text()
