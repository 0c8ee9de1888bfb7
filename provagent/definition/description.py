"""Descriptions: the content of a definition, as plain frozen data.

The classes are the classes of IVOA ProvenanceDM 1.0 section 2.4 (ActivityDescription,
UsageDescription, GenerationDescription, EntityDescription, ParameterDescription). Keys of logprov
are added, which describe where to find a value at run time. Paths and conditions (``when``) are
kept as text here. ``recording.capture`` compiles them once per target.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDescription:
    """One parameter of an activity. ``value`` is the path to its value."""

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

    ``list`` is a path on the call to an iterable. ``id``, ``location`` and ``value`` are then paths
    on each item. Without ``list``, the members are the items of the entity's own value. A
    progenitor without ``list`` is one entity. Its paths are paths on the call.
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
    """A usage or a generation: the role of an entity in an activity.

    ``value``, ``location`` and ``id`` are paths on the call. ``multiplicity`` is ``min..max``, or
    one number for both. ``*`` means unlimited.
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
    """A file that a callable opens, if Python cannot see the opening.

    ``file`` is the path to the name of the file. ``mode`` is the path to a mode of ``open``, or
    such a mode in quotes. Without ``mode`` the file is read.
    """

    file: str
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDescription:
    """The description of a callable: its parameters, and the entities that it uses and generates.

    ``name`` is the name of the activity in records. The key in a definition is the name of the
    callable (``run_fit``). If several targets have the same name, the key is the qualified name
    (``Models.read``) or the whole target (``gammapy.maps.core:Map.read``).
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
        """Return whether a call is no activity of its own, but opens a file for another one."""
        return self.opens is not None and not (self.parameters or self.usage or self.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDescription:
    """The description of an entity, and how entities are identified.

    ``identifier`` is one of the words in ``IDENTIFIERS``, or a tuple of paths on the value.
    ``index`` names the file in a FileCollection whose content identifies the collection.
    """

    name: str
    description: str | None = None
    type: str = "PythonObject"
    docurl: str | None = None
    contact: str | None = None
    contentType: str | None = None  # the spelling of the IVOA
    index: str | None = None
    identifier: str | tuple[str, ...] | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None


IDENTIFIERS = ("content", "str", "hash", "id", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDescription:
    """A person, an organization or a piece of software that is responsible.

    ``affiliation`` is the name of an organization, or the name of an agent in this definition.
    ``orcid`` is the identifier of https://orcid.org, such as ``0000-0002-1825-0097``.
    """

    name: str
    type: str | None = None
    email: str | None = None
    affiliation: str | None = None
    orcid: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPattern:
    """One entry of ``targets:``, with its line and the options for recording its calls."""

    text: str
    line: int
    level: str | None = None
    max_calls: int | None = None
    sample: int | None = None
    quiet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One parsed definition.yaml. ``digest`` is ``sha256:hex`` of the bytes of the file.

    ``requires`` maps the name of a distribution to a version specifier (PEP 440). ``level``,
    ``max_calls``, ``sample`` and ``quiet`` apply to all calls without a more specific option.
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
