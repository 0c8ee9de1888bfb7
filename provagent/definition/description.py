"""Descriptions: what a definition says ahead of time, as plain frozen data.

The classes are those of IVOA ProvenanceDM 1.0 section 2.4 (ActivityDescription,
UsageDescription, GenerationDescription, EntityDescription, ParameterDescription),
with the keys that logprov added to say where a value is found at run time.
Every path, and every condition (``when``), is kept as text here; capture/ compiles it once
per target.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDescription:
    """One parameter of an activity; ``value`` is the path to its value."""

    name: str
    value: str
    description: str | None = None
    datatype: str | None = None
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    min: str | None = None
    max: str | None = None
    options: tuple[str, ...] = ()
    default: str | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDescription:
    """The members (or progenitors) of an entity.

    ``list`` is a path on the call that gives an iterable, and ``id``, ``location`` and
    ``value`` are paths on each item of it. Without ``list``, members are the items of
    the entity's own value, and a progenitor is the one thing that these paths, then
    paths on the call, find.
    """

    entity_description: str | None = None
    list: str | None = None
    id: str | None = None
    location: str | None = None
    value: str | None = None
    namespace: str | None = None
    multiplicity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityUse:
    """A usage or a generation: the role an entity plays in an activity.

    ``value``, ``location`` and ``id`` are paths on the call.
    ``multiplicity`` is ``min..max``, or one number for both; ``*`` is unbounded.
    """

    role: str
    description: str | None = None
    type: str | None = None
    entity_description: str | None = None
    multiplicity: str | None = None
    value: str | None = None
    location: str | None = None
    id: str | None = None
    namespace: str | None = None
    overwrite: bool = False
    when: str | None = None
    has_members: MemberDescription | None = None
    has_progenitors: tuple[MemberDescription, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """A file that a callable opens in a way that Python does not see.

    ``file`` is the path to its name. ``mode`` is the path to how it is opened, in the words of
    ``open``, or such words in quotes; a file without one is read.
    """

    file: str
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDescription:
    """What a callable does: its parameters, what it uses, what it generates.

    ``name`` is what it is called in records. A definition holds it under the callable's
    name (``run_fit``), or, where several targets share one, its qualified name
    (``Models.read``) or whole target (``gammapy.maps.core:Map.read``).
    """

    name: str
    description: str | None = None
    type: str | None = None
    subtype: str | None = None
    version: str | None = None
    docurl: str | None = None
    contact: str | None = None
    when: str | None = None
    level: str | None = None
    max_calls: int | None = None
    sample: int | None = None
    quiet: str | None = None
    parameters: tuple[ParameterDescription, ...] = ()
    usage: tuple[EntityUse, ...] = ()
    generation: tuple[EntityUse, ...] = ()
    opens: OpenedFile | None = None

    @property
    def only_opens(self) -> bool:
        """Whether a call of it is no activity of its own: it opens a file for another."""
        return self.opens is not None and not (self.parameters or self.usage or self.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDescription:
    """What an entity is, and how two of them are told apart.

    ``identifier`` is one of the words in ``IDENTIFIERS``, or a tuple of paths that
    are evaluated on the value. ``index`` names the file, inside a FileCollection,
    whose content stands for the collection.
    """

    name: str
    description: str | None = None
    type: str = "PythonObject"
    docurl: str | None = None
    contact: str | None = None
    contentType: str | None = None  # the IVOA's spelling
    index: str | None = None
    identifier: str | tuple[str, ...] | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None


IDENTIFIERS = ("content", "str", "hash", "id", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDescription:
    """Who is responsible: a person, an organization or a piece of software.

    ``affiliation`` is the name of an organization, or of the agent that it is here; ``orcid``
    the identifier of https://orcid.org, as in ``0000-0002-1825-0097``.
    """

    name: str
    type: str | None = None
    email: str | None = None
    affiliation: str | None = None
    orcid: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPattern:
    """One entry of ``targets:``, the line it stands on, and how its calls are recorded."""

    text: str
    line: int
    level: str | None = None
    max_calls: int | None = None
    sample: int | None = None
    quiet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One definition.yaml, parsed. ``digest`` is ``sha256:hex`` of the file's bytes.

    ``requires`` maps a distribution's name to a version specifier (PEP 440). ``level`` and the
    like are those of all of its calls, where nothing more specific says another.
    """

    name: str
    location: str
    digest: str
    level: str | None = None
    max_calls: int | None = None
    sample: int | None = None
    quiet: str | None = None
    requires: dict[str, str] = field(default_factory=dict)
    targets: tuple[TargetPattern, ...] = ()
    activities: dict[str, ActivityDescription] = field(default_factory=dict)
    entities: dict[str, EntityDescription] = field(default_factory=dict)
    agents: dict[str, AgentDescription] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
