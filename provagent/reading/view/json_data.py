"""Runs as plain data for programs: the output of ``--json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from provagent.reading.record.model import Process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.reading.record.model import Activity, Derivation, Entity, Provenance, Session
    from provagent.reading.store.run_summary import RunSummary


def runs_data(summaries: Iterable[RunSummary]) -> list[dict[str, Any]]:
    """Return a list of objects, one for each run, the newest last."""
    return [asdict(summary) for summary in summaries]


def run_data(provenance: Provenance) -> dict[str, Any]:
    """Return all data of a run as one object. Elements refer to each other by id.

    Values are encoded as in events. Keys without a value are left out.
    """
    run = provenance.run
    return _without_empty(
        run_id=run.id,
        process_id=run.process.id,
        start=run.start,
        end=run.end,
        status=run.status,
        exit_code=run.exit_code,
        parent_run=run.parent_run,
        parent_activity=run.parent_activity,
        jobs=run.jobs,
        processes=[_process(process) for process in provenance.processes.values()],
        environments=[_plain(environment) for environment in provenance.environments.values()],
        sessions=[_session(session) for session in provenance.sessions.values()],
        activities=[_activity(activity) for activity in provenance.activities.values()],
        entities=[_entity(entity) for entity in provenance.entities.values()],
        derivations=[_derivation(derivation) for derivation in provenance.derivations],
        aliases=provenance.aliases,
        skipped_calls=[_plain(each) for each in provenance.skipped_calls],
        redactions=provenance.redactions,
        complaints=[_plain(complaint) for complaint in provenance.complaints],
        gaps=[str(gap) for gap in provenance.gaps],
    )


def _process(process: Process) -> dict[str, Any]:
    fields = {name: getattr(process, name) for name in Process.__slots__ if name != "program"}
    for name in ("error", "script"):
        fields[name] = _plain(fields[name])
    for name in ("definitions", "code"):
        fields[name] = [_plain(each) for each in fields[name]]
    return _without_empty(**fields, **_relations(process.program))


def _relations(activity: Activity) -> dict[str, Any]:
    return {
        "used": [_without_empty(entity=each.entity.id, role=each.role) for each in activity.used],
        "generated": [
            _without_empty(entity=each.entity.id, role=each.role) for each in activity.generated
        ],
    }


def _session(session: Session) -> dict[str, Any]:
    return _without_empty(
        id=session.id,
        module=session.module,
        class_name=session.class_name,
        start=session.start,
        site=_plain(session.site),
        callers=[_plain(each) for each in session.callers],
        inner_site=_plain(session.inner_site),
        configuration=session.configuration,
        mismatches=[_plain(each) for each in session.mismatches],
    )


def _activity(activity: Activity) -> dict[str, Any]:
    return _without_empty(
        id=activity.id,
        name=activity.name,
        target=activity.target,
        class_name=activity.class_name,
        start=activity.start,
        end=activity.end,
        status=activity.status,
        error=_plain(activity.error),
        definition=activity.definition,
        site=_plain(activity.site),
        callers=[_plain(each) for each in activity.callers],
        inner_site=_plain(activity.inner_site),
        thread=activity.thread,
        session=activity.session and activity.session.id,
        parent=activity.parent.id if activity.parent else activity.outer_id,
        parameters=activity.parameters,
        units=activity.units,
        mismatches=[_plain(each) for each in activity.mismatches],
        **_relations(activity),
    )


_OF_ENTITY = (
    "id",
    "type",
    "name",
    "namespace",
    "entity_description",
    "definition",
    "class_name",
    "location",
    "dtype",
    "shape",
    "unit",
    "value",
    "digest",
    "identified",
    "size",
    "content_type",
    "missing",
    "changing",
    "modifier",
    "distinctive",
    "members_cut",
)


def _entity(entity: Entity) -> dict[str, Any]:
    fields = {name: getattr(entity, name) for name in _OF_ENTITY}
    return _without_empty(
        **fields, sampled=_plain(entity.sampled), members=[member.id for member in entity.members]
    )


def _derivation(derivation: Derivation) -> dict[str, Any]:
    return _without_empty(
        entity=derivation.entity.id,
        progenitor=derivation.progenitor.id,
        how=derivation.how,
        between=[activity.id for activity in derivation.between],
        code=_plain(derivation.code),
    )


def _plain(thing: Any) -> dict[str, Any] | None:
    """Return a dataclass without references to other elements of the run as plain data."""
    return None if thing is None else _without_empty(**asdict(thing))


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not False and value not in ({}, [])
    }
