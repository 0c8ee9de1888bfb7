"""The statements of events, by id, before linking.

One event may contain a part of the facts about its subject, and may repeat facts. The parts are
combined.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from provagent.contract import vocabulary
from provagent.reading.record.event_shapes import digest_in
from provagent.reading.record.facts import (
    Child,
    CodeRan,
    Complaint,
    DefinitionUsed,
    Description,
    Error,
    FileState,
    Sample,
    Site,
    SkippedCalls,
    mismatches_in,
)
from provagent.reading.record.model import Activity, Entity, Environment, Process, Session

Event: TypeAlias = dict[str, Any]


class Collected:
    """The statements of events, by id, before linking."""

    def __init__(self, name: str) -> None:
        self.run_id = name
        self.of_run: Event = {}
        self.process: Process | None = None  # the process of the events being read
        self.ended: set[str] = set()  # activities that their own process ended
        self.processes: dict[str, Process] = {}
        self.environments: dict[str, Environment] = {}
        self.sessions: dict[str, Session] = {}
        self.activities: dict[str, Activity] = {}
        self.entities: dict[str, Entity] = {}
        self.activity_descriptions: dict[tuple[str, str], Description] = {}
        self.entity_descriptions: dict[tuple[str, str], Description] = {}
        self.agent_descriptions: dict[tuple[str, str], Description] = {}
        self.complaints: dict[tuple[object, ...], Complaint] = {}
        self.parents: dict[str, str] = {}  # activity id -> id of the enclosing activity
        self.in_session: dict[str, str] = {}  # activity id -> session id
        self.used: dict[str, list[tuple[str, str | None]]] = {}  # activity -> (entity, role)
        self.generated: dict[str, list[tuple[str, str | None]]] = {}
        self.members: dict[str, list[str]] = {}
        self.derivations: list[Event] = []
        self.redactions: list[Event] = []
        self.sources: dict[str, str] = {}  # texts of code files, by digest
        self.children: list[Child] = []
        self.skipped_calls: dict[tuple[str, str, str, str], SkippedCalls] = {}
        # For an activity, or a process, by its id: the files that it read and wrote.
        self.read: dict[str, list[tuple[str, str | None]]] = {}
        self.written: dict[str, list[tuple[str, str | None]]] = {}
        self.removed: set[str] = set()  # entities: files that were gone when their process ended
        # When an activity, or a process, by its id, first read an entity, and last wrote it.
        self.read_at: dict[tuple[str, str], str] = {}
        self.written_at: dict[tuple[str, str], str] = {}

    def handlers(self) -> dict[str, Any]:
        return {
            vocabulary.RUN: self.add_run,
            vocabulary.ENVIRONMENT: self.add_environment,
            vocabulary.SESSION: self.add_session,
            vocabulary.DESCRIPTION: self.add_description,
            vocabulary.ACTIVITY: self.add_activity,
            vocabulary.ENTITY: self.add_entity,
            vocabulary.DERIVATION: self.derivations.append,
            vocabulary.ACTIVITY_END: self.add_activity_end,
            vocabulary.COMPLAINT: self.add_complaint,
            vocabulary.CHILD: self.add_child,
            vocabulary.LEFT_OUT: self.add_left_out,
            vocabulary.FILE_EVENT: self.add_file,
            vocabulary.RUN_END: self.add_run_end,
            vocabulary.REDACTION: self.redactions.append,
            vocabulary.CODE: self.add_code,
            vocabulary.SOURCE: self.add_source,
        }

    def add_run(self, event: Event) -> None:
        self.run_id = event["run_id"]
        self.process = process = self._process(event["process_id"])
        _set(process, event, _PROCESS_FIELDS)
        if "script" in event:
            process.script = FileState(**_only(event["script"], "location", "digest"))
        process.definitions = [
            DefinitionUsed(**_only(item, "name", "location", "digest"))
            for item in event.get("definitions", ())
        ]
        if process.parent_id is None:
            self.of_run = _only(event, "parent_run", "parent_activity", "jobs")

    def add_code(self, event: Event) -> None:
        if self.process is not None:
            fields = _only(event, "file", "digest", "cell", "text")
            self.process.code.append(CodeRan(**fields, not_kept=event.get("left_out")))

    def add_source(self, event: Event) -> None:
        self.sources[event["digest"]] = event["text"]

    def add_run_end(self, event: Event) -> None:
        process = self._process(event["process_id"])
        _set(process, event, _END_FIELDS)
        process.error = _error(event)
        process.targets = event.get("targets", [])
        process.overtaken_by = event.get("overtaken_by", [])

    def add_environment(self, event: Event) -> None:
        environment = Environment(id=event["environment_id"])
        _set(environment, event, _ENVIRONMENT_FIELDS)
        self.environments[environment.id] = environment

    def add_session(self, event: Event) -> None:
        session = self.sessions.setdefault(event["session_id"], Session(id=event["session_id"]))
        _set(session, event, _SESSION_FIELDS)
        _set_sites(session, event)
        session.mismatches += mismatches_in(event)

    def add_description(self, event: Event) -> None:
        for group, kind in (
            (self.activity_descriptions, vocabulary.ACTIVITY),
            (self.entity_descriptions, vocabulary.ENTITY),
            (self.agent_descriptions, vocabulary.AGENT),
        ):
            fields = event.get(kind)
            if fields and isinstance(fields.get("name"), str):
                description = Description(
                    definition=event["definition"], name=fields["name"], fields=fields
                )
                group[description.definition, description.name] = description

    def add_activity(self, event: Event) -> None:
        activity = self._activity(event["activity_id"])
        _set(activity, event, _ACTIVITY_FIELDS)
        _set_sites(activity, event)
        activity.mismatches += mismatches_in(event)
        if "parent_id" in event:
            self.parents[activity.id] = event["parent_id"]
        if "session_id" in event:
            self.in_session[activity.id] = event["session_id"]
        for item in event.get("used", ()):
            usages = self.used.setdefault(activity.id, [])
            usages.append((item["used_id"], item["used_role"] or None))

    def add_activity_end(self, event: Event) -> None:
        """Add the end of an activity.

        The end from a process that was forked inside the activity counts only if the activity's own
        process recorded none.
        """
        activity = self._activity(event["activity_id"])
        is_own = self.process is None or activity.process_id in ("", self.process.id)
        if is_own or activity.id not in self.ended:
            _set(activity, event, _END_FIELDS)
            activity.error = _error(event) or (
                activity.error if activity.status != vocabulary.OK else None
            )
            activity.mismatches += mismatches_in(event)
        if is_own:
            self.ended.add(activity.id)
        for item in event.get("generated", ()):
            generations = self.generated.setdefault(activity.id, [])
            generations.append((item["generated_id"], item["generated_role"] or None))

    def add_entity(self, event: Event) -> None:
        entity_id = event["entity_id"]
        entity = self.entities.get(entity_id)
        if entity is None:
            entity = Entity(id=entity_id, process_id=process_of(entity_id))
            self.entities[entity_id] = entity
        if "digest" in event:
            entity.changing = False  # the file is complete now
        _set(entity, event, _ENTITY_FIELDS)
        entity.digest = digest_in(event) or entity.digest
        if "sampled" in event:
            entity.sampled = Sample(**_only(event["sampled"], *Sample.__slots__))
        members = event.get("members")
        if members:
            self.members.setdefault(entity_id, []).extend(item["member_id"] for item in members)

    def add_complaint(self, event: Event) -> None:
        """Keep the last of equal complaints of one process: it contains their number."""
        target, stage, what = event.get("target", ""), event.get("stage", ""), event["what"]
        self.complaints[self.process, target, stage, what] = Complaint(
            target=target,
            stage=stage,
            what=what,
            time=event.get("time"),
            count=event.get("count", 1),
        )

    def add_child(self, event: Event) -> None:
        process_id = self.process.id if self.process is not None else ""
        fields = _only(event, "command", "reason", "time", "parent_id", "workers")
        self.children.append(Child(process_id=process_id, **fields))

    def add_left_out(self, event: Event) -> None:
        """Add up skipped calls with the same process, activity, target and reason."""
        process_id = self.process.id if self.process is not None else ""
        parent_id, reason = event.get("parent_id", ""), event.get("reason", "")
        key = process_id, parent_id, event["target"], reason
        summed = self.skipped_calls.get(key)
        if summed is None:
            summed = SkippedCalls(
                target=event["target"],
                reason=reason,
                process_id=process_id,
                parent_id=parent_id or None,
                name=event.get("activity_name"),
                start=event.get("startTime"),
            )
            self.skipped_calls[key] = summed
        summed.count += event["count"]
        summed.errors += event.get("errors", 0)
        summed.seconds += event.get("seconds", 0.0)
        summed.end = max(summed.end or "", event.get("endTime", "")) or None

    def add_file(self, event: Event) -> None:
        if event["mode"] == vocabulary.REMOVED:
            self.removed.add(event["entity_id"])
            return
        seen = self.written if event["mode"] == vocabulary.WRITTEN else self.read
        owner = event.get("activity_id") or (self.process.id if self.process is not None else "")
        seen.setdefault(owner, []).append((event["entity_id"], event["mode"]))
        key = owner, event["entity_id"]
        if "time" in event and seen is self.read:
            self.read_at.setdefault(key, event["time"])
        elif "time" in event:
            self.written_at[key] = max(event["time"], self.written_at.get(key, ""))

    def _process(self, process_id: str) -> Process:
        return self.processes.setdefault(process_id, Process(id=process_id))

    def _activity(self, activity_id: str) -> Activity:
        activity = self.activities.get(activity_id)
        if activity is None:
            activity = Activity(id=activity_id, process_id=process_of(activity_id))
            self.activities[activity_id] = activity
        return activity


def process_of(identifier: str) -> str:
    """Return the process in ``<run>.<process>.<counter>``; empty for any other identifier."""
    before, _, _ = identifier.rpartition(".")
    _, dot, process = before.rpartition(".")
    return process if dot else ""


def _set(subject: object, event: Event, fields: dict[str, str]) -> None:
    for key, value in event.items():
        name = fields.get(key)
        if name is not None:
            setattr(subject, name, value)


def _error(event: Event) -> Error | None:
    return Error(**_only(event["error"], "type", "message")) if "error" in event else None


def _set_sites(subject: Activity | Session, event: Event) -> None:
    """Set the call site, unless it is known."""
    subject.site = subject.site or _site(event)
    subject.callers = subject.callers or [*map(_place, event.get("callers", ()))]
    if "inner_site" in event:
        subject.inner_site = _place(event["inner_site"])


def _site(event: Event) -> Site | None:
    return _place(event["site"]) if "site" in event else None


def _place(site: Event) -> Site:
    match site.get("end"):
        case [int(line), int(column)]:
            return Site(file=site["file"], line=site["line"], end=(line, column))
    return Site(file=site["file"], line=site["line"])


def _only(event: Event, *keys: str) -> Event:
    return {key: event[key] for key in keys if key in event}


_PROCESS_FIELDS = {
    "parent_process_id": "parent_id",
    "is_worker": "is_worker",
    "startTime": "start",
    "command": "command",
    "cwd": "cwd",
    "module": "module",
    "notebook": "notebook",
    "user": "user",
    "host": "host",
    "pid": "pid",
    "environment_id": "environment_id",
    "software": "software",
    "settings": "settings",
    "started_by": "started_by",
}
_END_FIELDS = {"endTime": "end", "status": "status", "exit_code": "exit_code"}
_ENVIRONMENT_FIELDS = {key: key for key in ("python", "platform", "packages", "git", "variables")}
_SESSION_FIELDS = {
    "module": "module",
    "class": "class_name",
    "startTime": "start",
    "configuration": "configuration",
}
_ACTIVITY_FIELDS = {
    "activity_name": "name",
    "target": "target",
    "class": "class_name",
    "startTime": "start",
    "definition": "definition",
    "thread": "thread",
    "parameters": "parameters",
}
_ENTITY_FIELDS = {
    "type": "type",
    "entity_description": "entity_description",
    "definition": "definition",
    "name": "name",
    "namespace": "namespace",
    "class": "class_name",
    "location": "location",
    "dtype": "dtype",
    "shape": "shape",
    "unit": "own_unit",
    "value": "value",
    "digest": "digest",
    "identified": "identified",
    "size": "size",
    "contentType": "content_type",
    "changed": "changed",
    "missing": "missing",
    "changing": "changing",
    "modifier": "modifier",
    "distinctive": "distinctive",
    "members_cut": "members_cut",
}
