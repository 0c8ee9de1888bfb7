"""Provenance: the content of a record, linked both ways, for views and exporters.

Times are text as in events: ISO 8601, UTC. Values and parameters are encoded as in
``provagent.contract.values``. Fields without a fact in the record are ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import RECORDED
from provagent.reading.record.facts import outer_command
from provagent.reading.record.units import is_number, units_in_use, units_of
from provagent.reading.record.units import own_unit as unit_in_value

if TYPE_CHECKING:
    from provagent.contract.events import Job
    from provagent.reading.record.facts import (
        Child,
        Code,
        CodeLines,
        CodeRan,
        Complaint,
        DefinitionUsed,
        Description,
        Error,
        FileState,
        Gap,
        Mismatch,
        Sample,
        Site,
        SkippedCalls,
        Value,
        WeakIdentity,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class Process:
    """A process of the run; the process that began the run has no ``parent_id``.

    ``is_worker``: the process was started by another program, and runs tasks for the process
    ``parent_id``. ``started_by`` contains the ``command`` of ``run -- command``, and its ``cwd``.
    ``program`` is the process as the outermost activity: it used and generated the files that were
    opened while no other activity was open. It is in no list of activities.
    """

    id: str
    parent_id: str | None = None
    is_worker: bool = False
    start: str | None = None
    end: str | None = None
    status: str | None = None
    exit_code: int | None = None
    error: Error | None = None
    command: list[str] = field(default_factory=list)
    cwd: str | None = None
    script: FileState | None = None
    module: str | None = None
    notebook: str | None = None
    user: str | None = None
    host: str | None = None
    pid: int | None = None
    environment_id: str | None = None
    definitions: list[DefinitionUsed] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    started_by: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, str]] = field(default_factory=list)
    overtaken_by: list[str] = field(default_factory=list)
    code: list[CodeRan] = field(default_factory=list)
    program: Activity = field(default_factory=lambda: Activity(id=""), repr=False)

    @property
    def is_imported(self) -> bool:
        """Whether it is from a log of another tool, which has no process number."""
        return self.start is not None and self.pid is None

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, if both are known; negative if the clock was set back."""
        return seconds_between(self.start, self.end)


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """One execution of a program; ``process`` is the process that began it.

    ``end`` and ``status`` are ``None`` for a run that is still running, or was killed. ``jobs`` are
    the jobs that contain the run: ``system``, and ``id``, ``iri`` and others.
    """

    id: str
    process: Process
    parent_run: str | None = None
    parent_activity: str | None = None
    jobs: list[Job] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        """The command of ``run -- command``; empty without a command."""
        return outer_command(self.process.started_by)

    @property
    def start(self) -> str | None:
        return self.process.start

    @property
    def end(self) -> str | None:
        return self.process.end

    @property
    def status(self) -> str | None:
        return self.process.status

    @property
    def exit_code(self) -> int | None:
        return self.process.exit_code

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, if both are known; negative if the clock was set back."""
        return self.process.duration


@dataclass(slots=True, kw_only=True, eq=False)
class Environment:
    """The environment of a process; ``git`` is empty outside of a git working copy."""

    id: str
    python: dict[str, str] = field(default_factory=dict)
    platform: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """An instance of a woven class; ``site`` and similar fields are as in an activity."""

    id: str
    module: str | None = None
    class_name: str | None = None
    start: str | None = None
    configuration: dict[str, Value] = field(default_factory=dict)
    site: Site | None = None
    callers: list[Site] = field(default_factory=list, repr=False)
    inner_site: Site | None = None
    mismatches: list[Mismatch] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list, repr=False)


@dataclass(slots=True, kw_only=True, eq=False)
class Activity:
    """One execution of a described callable.

    ``status`` is ``None`` for an activity without an end: it is still running, or was killed.
    ``class_name`` is ``module:QualName`` of the instance's type, if this is not the class of the
    target. ``process_id`` is the process of the activity. ``site`` is the place in the user's code
    that led to the call, ``callers`` are the places that led there, nearest first, and
    ``inner_site`` is the place of the call in a package. ``informed_by`` names activities whose
    results it used, if these results are no entities in the record. ``outer_id`` is the identifier
    of an enclosing activity of another run: a worker did this activity for another program.
    """

    id: str
    process_id: str = ""
    name: str | None = None
    target: str | None = None
    class_name: str | None = None
    start: str | None = None
    end: str | None = None
    status: str | None = None
    error: Error | None = None
    definition: str | None = None
    description: Description | None = field(default=None, repr=False)
    thread: int | None = None
    site: Site | None = None
    callers: list[Site] = field(default_factory=list, repr=False)
    inner_site: Site | None = None
    parameters: dict[str, Value] = field(default_factory=dict)
    mismatches: list[Mismatch] = field(default_factory=list)
    session: Session | None = field(default=None, repr=False)
    parent: Activity | None = field(default=None, repr=False)
    outer_id: str | None = None
    children: list[Activity] = field(default_factory=list, repr=False)
    used: list[Usage] = field(default_factory=list, repr=False)
    generated: list[Generation] = field(default_factory=list, repr=False)
    informed_by: list[Communication] = field(default_factory=list, repr=False)
    skipped_calls: list[SkippedCalls] = field(default_factory=list, repr=False)

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, if both are known; negative if the clock was set back."""
        return seconds_between(self.start, self.end)

    @property
    def units(self) -> dict[str, str]:
        """The declared unit of each parameter that is a number and has no unit itself."""
        declared = units_of(self.description.fields) if self.description else {}
        return units_in_use(self.parameters, declared)


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """An entity in one state.

    ``known`` is false if the record names the entity, but its own event was lost. ``distinctive``:
    the content of an object is more than a number or a short text, so that equal digests are
    significant. ``members_cut``: the entity has more members, which were not examined. ``removed``:
    at this path, the run made a file that did not exist any more when the process that made it
    ended. ``derivations`` are the derivations with this entity as the result, ``derived`` those
    with this entity as the progenitor. ``own_unit`` is the unit of an array that is a quantity;
    ``unit`` is also the unit of a value, or the declared unit of numbers without their own unit.
    """

    id: str
    process_id: str = ""
    known: bool = True
    type: str | None = None
    entity_description: str | None = None
    definition: str | None = None
    description: Description | None = field(default=None, repr=False)
    name: str | None = None
    namespace: str | None = None
    class_name: str | None = None
    location: str | None = None
    dtype: str | None = None
    shape: list[int] | None = None
    own_unit: str | None = None
    value: Value = None
    digest: str | None = None
    identified: str | None = None
    size: int | None = None
    content_type: str | None = None
    changed: str | None = None
    missing: bool = False
    sampled: Sample | None = None
    changing: bool = False
    modifier: int | None = None
    distinctive: bool = False
    members_cut: bool = False
    removed: bool = False
    generated_by: list[Generation] = field(default_factory=list, repr=False)
    used_by: list[Usage] = field(default_factory=list, repr=False)
    members: list[Entity] = field(default_factory=list, repr=False)
    member_of: list[Entity] = field(default_factory=list, repr=False)
    derivations: list[Derivation] = field(default_factory=list, repr=False)
    derived: list[Derivation] = field(default_factory=list, repr=False)

    @property
    def unit(self) -> str | None:
        value = {"dtype": self.dtype} if self.dtype is not None else self.value
        declared = self.description.fields.get("unit") if self.description else None
        known = self.own_unit or unit_in_value(self.value)
        return known or (declared if isinstance(declared, str) and is_number(value) else None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relation:
    """The evidence for a relation, one of ``vocabulary.EVIDENCE``; ``lines`` of code show it."""

    evidence: str = RECORDED
    lines: tuple[CodeLines, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Usage(Relation):
    """An activity used an entity in a role; ``time`` is ``None`` if only the activity has one."""

    activity: Activity
    entity: Entity
    role: str | None
    time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generation(Relation):
    """An activity generated an entity in a role; ``time`` is as in ``Usage``."""

    activity: Activity
    entity: Entity
    role: str | None
    time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Communication(Relation):
    """An activity used a result of another activity that is no entity in the record."""

    activity: Activity
    informant: Activity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Derivation(Relation):
    """An entity came from its progenitor without an activity of its own that explains this.

    ``activity`` is the activity, or the program, whose code computed the entity.
    """

    entity: Entity
    progenitor: Entity
    how: str | None
    between: tuple[Activity, ...] = ()
    code: Code | None = None
    activity: Activity | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternate(Relation):
    """An entity has the same content as another entity, which existed before it."""

    entity: Entity
    origin: Entity


@dataclass(slots=True, kw_only=True, eq=False)
class Provenance:
    """The whole content of the record of one run.

    ``processes``, ``sessions`` and ``activities`` are by id, in the order of their start.
    ``entities`` are by id, in the order in which their processes named them. ``aliases`` maps the
    id of an entity in another process to the id of this entity in ``entities``. Descriptions are by
    (definition, name). ``mismatches`` of all activities and sessions map the text of the first
    mismatch of a kind to the number of mismatches. ``uncalled`` (outlines only) lists the woven
    functions of the program itself without any call. ``not_identified_by_content`` counts such
    entities by their class. ``redactions`` are events. ``paths`` are the shards, or the log, from
    which the record was read; it is empty if events were given directly.
    """

    run: Run
    paths: tuple[str, ...] = ()
    processes: dict[str, Process] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    derivations: list[Derivation] = field(default_factory=list)
    alternates: list[Alternate] = field(default_factory=list)
    activity_descriptions: dict[tuple[str, str], Description] = field(default_factory=dict)
    entity_descriptions: dict[tuple[str, str], Description] = field(default_factory=dict)
    agent_descriptions: dict[tuple[str, str], Description] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    redactions: list[dict[str, Any]] = field(default_factory=list)
    unrecorded: list[Child] = field(default_factory=list)
    skipped_calls: list[SkippedCalls] = field(default_factory=list)
    mismatches: dict[str, int] = field(default_factory=dict)
    uncalled: list[str] = field(default_factory=list)
    not_identified_by_content: dict[WeakIdentity, int] = field(default_factory=dict)

    def entity(self, entity_id: str) -> Entity:
        """Return the entity with this id, or this alias; raise KeyError if there is none."""
        return self.entities[self.aliases.get(entity_id, entity_id)]

    @property
    def outermost(self) -> list[Activity]:
        """The activities without an enclosing activity, in the order of their start."""
        return [activity for activity in self.activities.values() if activity.parent is None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lineage:
    """The lineage of an entity across runs.

    ``what`` is the identifier of the entity. ``parts`` contains the relevant part of each run,
    sorted by run identifier. ``alternates`` relate entities of two runs.
    """

    what: str
    parts: list[Provenance]
    alternates: list[Alternate] = field(default_factory=list)


def elapsed(seconds: float | None) -> float | None:
    """Return a duration; ``None`` for a negative duration, from a clock that was set back."""
    return None if seconds is None or seconds < 0 else seconds


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Return seconds from one ISO 8601 time to another; ``None`` if one is missing or malformed."""
    if start is None or end is None:
        return None
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError):
        return None
