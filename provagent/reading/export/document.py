"""Convert provenance to a W3C PROV document with the terms of the IVOA data model.

A bundle contains one run. A lineage across runs is not in a bundle. IVOA classes that PROV does not
have are written as typed plain PROV (``prov:type voprov:Parameter``), so that any PROV tool can
read the document. Attributes with the prefix ``provagent:`` are attributes of provagent's events.
Sources: https://www.w3.org/TR/prov-dm/, https://www.ivoa.net/documents/ProvenanceDM/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract.errors import ExportError
from provagent.contract.vocabulary import FILE, FILE_COLLECTION, PERHAPS, RECORDED
from provagent.reading.export.definition_agents import People
from provagent.reading.export.descriptions import Described, array_of, is_value
from provagent.reading.export.forms import FORMS
from provagent.reading.export.identifiers import Names
from provagent.reading.export.jobs import Jobs
from provagent.reading.export.prov_literals import as_json, moment
from provagent.reading.export.run_agents import Responsible
from provagent.reading.export.run_context import Surroundings, base_name, write_content
from provagent.reading.export.statements import Statements
from provagent.reading.record.labels import lines_text
from provagent.reading.record.linking import run_of
from provagent.reading.record.model import Lineage

if TYPE_CHECKING:
    from typing import Any

    from prov.model import ProvDocument

    from provagent.reading.export.identifiers import Name
    from provagent.reading.export.statements import Sink
    from provagent.reading.record.model import (
        Activity,
        Alternate,
        Derivation,
        Entity,
        Generation,
        Process,
        Provenance,
        Relation,
        Session,
        Usage,
    )

_OF_CONTENT = (None, "file")  # digests of the whole content of an entity


def _is_content(entity: Entity) -> bool:
    """Return whether equal digests mean one content.

    Small equal numbers are too common for this.
    """
    is_whole = entity.identified in _OF_CONTENT or entity.distinctive
    return is_whole and not entity.sampled


def to_document(
    provenance: Provenance | Lineage,
    *,
    namespace: str | None = None,
    form: str = "bundle",
    for_rdf: bool = False,
) -> ProvDocument:
    """Return the PROV document of a run or of a lineage. Equal input gives an equal document.

    ``namespace`` is described in ``Names``, ``form`` in ``state``, ``for_rdf`` in ``InDocument``.
    Raises ExportError if ``namespace`` is not an absolute IRI, or if ``form`` is unknown.

    The run is the outermost activity, ``run:program``. Each activity is related to the activity
    that encloses it by ``wasStartedBy``, which means a call with its time. ``wasInformedBy`` would
    mean that the inner activity used an entity that the outer activity generated. A session is an
    entity with the shared configuration of its activities. The program generated the session, and
    the activities used it.
    """
    from provagent.reading.export.prov_library import InDocument

    sink = InDocument(for_rdf=for_rdf)
    state(provenance, sink, namespace=namespace, form=form)
    return sink.document


def state(
    provenance: Provenance | Lineage,
    sink: Sink,
    *,
    namespace: str | None = None,
    form: str = "bundle",
) -> None:
    """Write all statements about a run or a lineage into ``sink``, one after another.

    With the form ``bundle``, the run is a bundle, which its jobs generated. With the form
    ``activities``, the run is outside any bundle, next to the statements of its jobs. A lineage is
    outside any bundle in both forms.
    """
    if form not in FORMS:
        raise ExportError(f"form {form!r}: unknown form; known forms: {', '.join(FORMS)}")
    if isinstance(provenance, Lineage):
        _state_lineage(provenance, sink, namespace)
        return
    names = Names(provenance.run.id, namespace)
    jobs = Jobs(provenance.run, names)
    statements = Statements(sink, names)
    sink.begin(names.namespaces)
    if form == "bundle":
        jobs.write_account(statements)
        sink.bundle(names.bundle)
    _Writer(provenance, names, statements, jobs).write()
    sink.end()


def _state_lineage(lineage: Lineage, sink: Sink, namespace: str | None) -> None:
    names = Names(lineage.what, namespace, kind="lineage")
    statements = Statements(sink, names)
    writers = []
    for part in lineage.parts:
        own = Names(part.run.id, namespace, inside=names)
        writers.append(_Writer(part, own, statements, Jobs(part.run, own)))
    sink.begin(names.namespaces)
    for each in writers:
        each.write()
    entities = {
        entity: each.entity_name(entity)
        for each in writers
        for entity in each.provenance.entities.values()
    }
    for one in lineage.alternates:
        _write_alternate(statements, one, entities[one.entity], entities[one.origin])
    sink.end()


def _write_alternate(
    statements: Statements, alternate: Alternate, entity: Name, origin: Name
) -> None:
    """State equal content. If there are several possible origins, each is only an influence."""
    if alternate.evidence == PERHAPS:
        statements.influenced(entity, origin, _evidence(alternate))
    else:
        statements.alternate(entity, origin)


def _evidence(relation: Relation) -> dict[str, Any]:
    """Return the attributes of an inferred relation; none for a recorded relation."""
    if relation.evidence == RECORDED:
        return {}
    return {
        "provagent:evidence": relation.evidence,
        "provagent:inferred": True,
        "provagent:lines": lines_text(relation.lines) or None,
    }


def _used_at(usage: Usage, activity: Activity) -> str | None:
    """Return the time of a usage. For arguments of the call, this is the start of the activity."""
    is_own = any(one.activity.id == activity.id for one in usage.entity.generated_by)
    return usage.time or (None if is_own else activity.start)


def _made_at(made: Generation, activity: Activity) -> str | None:
    """Return the time of a generation. The clock of a file system may lag by milliseconds."""
    return activity.end if made.time is None else max(made.time, activity.start or "")


class _Writer:
    def __init__(
        self, provenance: Provenance, names: Names, statements: Statements, jobs: Jobs
    ) -> None:
        self.provenance = provenance
        self.names = names
        self.statements = statements
        self.jobs = jobs
        self.described = Described(provenance, names, statements)
        self.responsible = Responsible(provenance, names, statements)
        self.people = People(provenance, names, statements)
        self.surroundings = Surroundings(provenance, names, statements, self.people)

    def write(self) -> None:
        provenance = self.provenance
        for process in provenance.processes.values() or [provenance.run.process]:
            self.write_process(process)
        for session in provenance.sessions.values():
            self.write_session(session)
        for entity in provenance.entities.values():
            self.write_entity(entity)
        for activity in provenance.activities.values():
            self.write_activity(activity)
        for process in provenance.processes.values():
            self.write_relations(process.program, self.process_name(process.id))
        for derivation in provenance.derivations:
            self.write_derivation(derivation)
        for one in provenance.alternates:
            names = self.entity_name(one.entity), self.entity_name(one.origin)
            _write_alternate(self.statements, one, *names)

    def write_process(self, process: Process) -> None:
        run = self.provenance.run
        name, start = self.process_name(process.id), moment(process.start)
        is_first = process is run.process
        attributes = {
            "prov:type": [self.names.ivoa("Activity"), self.names.term("Process")],
            "prov:label": " ".join(map(str, process.command)) or f"run {run.id}",
            "voprov:name": process.module or _script_name(process),
            "provagent:run_id": run.id,
            "provagent:command": as_json(process.command) if process.command else None,
            "provagent:cwd": process.cwd,
            "provagent:host": process.host,
            "provagent:pid": process.pid,
            "provagent:status": process.status,
            "provagent:exit_code": process.exit_code,
            "provagent:error_type": process.error and process.error.type,
            "provagent:error_message": process.error and process.error.message,
            "provagent:left_out": _skipped_calls(process.program),
        }
        self.statements.activity(name, start, moment(process.end), attributes)
        if process.parent_id is not None:
            self.statements.started(name, self.process_name(process.parent_id), start)
        elif is_first and run.parent_run:
            self.statements.started(
                name, self.names.outer(run.parent_run, run.parent_activity), start
            )
        if is_first:
            self.jobs.write_informants(name, self.statements)
        plan = self.surroundings.write(process, name)
        self.responsible.write_process(process, name, plan)

    def write_session(self, session: Session) -> None:
        name = self.names.of("session", session.id)
        attributes = {
            "prov:type": [self.names.ivoa("Entity"), self.names.term("Session")],
            "prov:label": session.class_name,
            "voprov:name": session.class_name,
            "provagent:module": session.module,
            "provagent:class": session.class_name,
            "provagent:configuration": as_json(session.configuration),
            "provagent:file": session.site and session.site.file,
            "provagent:line": session.site and session.site.line,
            "provagent:mismatch": [str(each) for each in session.mismatches],
        }
        self.statements.entity(name, attributes)
        self.statements.generated(
            name, self.names.program, moment(session.start), {"prov:role": "session"}
        )

    def write_entity(self, entity: Entity) -> None:
        name = self.entity_name(entity)
        attributes = {
            "prov:type": self.entity_types(entity),
            "prov:label": entity.name or base_name(entity.location) or entity.entity_description,
            "prov:location": entity.location,
            f"{'prov' if is_value(entity) else 'provagent'}:value": [entity.value],
            "voprov:name": entity.name,
            "provagent:unit": entity.unit,
            "provagent:contentType": entity.content_type,
            "provagent:entity_description": entity.entity_description,
            "provagent:namespace": entity.namespace,
            "provagent:class": entity.class_name,
            "provagent:digest": entity.digest,
            "provagent:identified": entity.identified,
            "provagent:size": entity.size,
            "provagent:missing": entity.missing or None,
            "provagent:sampled": entity.sampled and str(entity.sampled),
            **array_of(entity),
        }
        self.statements.entity(name, attributes)
        for member in entity.members:
            self.statements.member(name, self.entity_name(member))
        if entity.digest and _is_content(entity):
            write_content(self.names, self.statements, name, entity.digest)
        self.described.write_entity(entity, name)
        self.people.write_entity(entity, name)

    def entity_types(self, entity: Entity) -> list[Name]:
        if entity.members or entity.type == FILE_COLLECTION:
            return [self.names.prov("Collection"), self.names.ivoa("Collection")]
        if entity.type == FILE:
            return [self.names.ivoa("DatasetEntity")]
        return [self.names.ivoa("ValueEntity" if is_value(entity) else "Entity")]

    def write_activity(self, activity: Activity) -> None:
        name = self.names.of("activity", activity.id)
        start, end = moment(activity.start), moment(activity.end)
        attributes = {
            "prov:type": self.names.ivoa("Activity"),
            "prov:label": activity.name,
            "voprov:name": activity.name,
            "provagent:target": activity.target,
            "provagent:class": activity.class_name,
            "provagent:status": activity.status,
            "provagent:error_type": activity.error and activity.error.type,
            "provagent:error_message": activity.error and activity.error.message,
            "provagent:file": activity.site and activity.site.file,
            "provagent:line": activity.site and activity.site.line,
            "provagent:thread": activity.thread,
            "provagent:mismatch": [str(each) for each in activity.mismatches],
            "provagent:left_out": _skipped_calls(activity),
        }
        self.statements.activity(name, start, end, attributes)
        self.statements.started(name, self.starter(activity), start)
        self.described.write_activity(activity, name)
        self.responsible.write_activity(activity, name)
        self.people.write_activity(activity, name)
        if activity.session is not None:
            session = self.names.of("session", activity.session.id)
            self.statements.used(
                name, session, start, {"prov:role": "session", "prov:type": "Setup"}
            )
        self.write_relations(activity, name)

    def starter(self, activity: Activity) -> Name:
        """Return the activity that encloses an activity, in this run or another, or its process."""
        if activity.parent is not None:
            return self.names.of("activity", activity.parent.id)
        if activity.outer_id is not None:
            return self.names.outer(run_of(activity.outer_id), activity.outer_id)
        return self.process_name(activity.process_id)

    def write_relations(self, activity: Activity, name: Name) -> None:
        for usage in activity.used:
            entity, attributes = self.entity_name(usage.entity), _evidence(usage)
            if usage.evidence == PERHAPS:
                self.statements.influenced(name, entity, attributes)
                continue
            time = None if attributes else moment(_used_at(usage, activity))
            attributes |= self.described.attributes(activity, "usage", usage.role)
            self.statements.used(name, entity, time, attributes)
        for made in activity.generated:
            entity, attributes = self.entity_name(made.entity), _evidence(made)
            if made.evidence == PERHAPS:
                self.statements.influenced(entity, name, attributes)
                continue
            time = None if attributes else moment(_made_at(made, activity))
            attributes |= self.described.attributes(activity, "generation", made.role)
            self.statements.generated(entity, name, time, attributes)
        for communication in activity.informed_by:
            relate = (
                self.statements.influenced
                if communication.evidence == PERHAPS
                else self.statements.informed
            )
            relate(name, self.activity_name(communication.informant), _evidence(communication))

    def write_derivation(self, derivation: Derivation) -> None:
        entity = self.entity_name(derivation.entity)
        progenitor = self.entity_name(derivation.progenitor)
        within = derivation.activity
        activity = None if within is None else self.activity_name(within)
        code = derivation.code
        attributes = {
            **_evidence(derivation),
            "provagent:how": derivation.how,
            "provagent:between": [
                self.names.of("activity", activity.id) for activity in derivation.between
            ],
            "provagent:file": code and code.file,
            "provagent:first_line": code and code.first_line,
            "provagent:last_line": code and code.last_line,
            "provagent:code": code and code.text,
        }
        if derivation.evidence == PERHAPS:
            self.statements.influenced(
                entity, progenitor, {**attributes, "provagent:activity": activity}
            )
        else:
            self.statements.derived(entity, progenitor, attributes, activity)

    def entity_name(self, entity: Entity) -> Name:
        return self.names.of("entity", entity.id)

    def activity_name(self, activity: Activity) -> Name:
        if activity.id in self.provenance.processes:
            return self.process_name(activity.id)
        return self.names.of("activity", activity.id)

    def process_name(self, process_id: str) -> Name:
        first = self.provenance.run.process.id
        known = process_id in self.provenance.processes
        if process_id == first or not known:
            return self.names.program
        return self.names.of("process", process_id)


def _script_name(process: Process) -> str | None:
    return base_name(process.script.location) if process.script else None


def _skipped_calls(activity: Activity) -> list[str]:
    keys = ("target", "reason", "count", "errors", "seconds", "start", "end")
    return [as_json({key: getattr(each, key) for key in keys}) for each in activity.skipped_calls]
