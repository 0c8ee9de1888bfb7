"""Plans: what to do at a call of one target.

A call does no YAML, no ``inspect``, and reads no path's text: all that is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from provagent.contract.vocabulary import FILE, FILE_COLLECTION, MEMBERS, NO
from provagent.identity.registry import Identity

if TYPE_CHECKING:
    from provagent.recording.capture.conditions import Holds
    from provagent.recording.capture.constraint_checks import ConstraintChecks
    from provagent.recording.capture.lookup import Selector
    from provagent.recording.capture.selectors import Signature

Flavour = Literal["plain", "coroutine", "generator", "async generator"]
OnValue = Callable[[Any], Any]

ON_DISK = frozenset((FILE, FILE_COLLECTION))


@dataclass(slots=True, kw_only=True)
class Kind:
    """What sort of entity: its description, and how its identity is found.

    ``identify`` takes a value; ``key`` names its method, since digests taken by two methods
    cannot be compared.
    """

    name: str
    type: str
    content_type: str | None
    index: str | None
    identify: Callable[[Any], Identity]
    key: str
    definition: str | None
    is_described: bool
    description: dict[str, Any] | None
    is_named: bool = False  # something is known by nothing but the name of such an entity


def undescribed_kind(type_: str, identify: Callable[[Any], Identity]) -> Kind:
    """The kind of what no definition describes."""
    return Kind(
        name="",
        type=type_,
        content_type=None,
        index=None,
        identify=identify,
        key=type_,
        definition=None,
        is_described=False,
        description=None,
    )


@dataclass(slots=True, kw_only=True)
class Many:
    """Members, or progenitors: where they are listed, and what each of them is.

    Without ``is_list`` what ``items`` finds is the one thing meant.
    """

    kind: Kind
    items: Selector | None
    is_list: bool
    id: OnValue | None
    location: OnValue | None
    value: OnValue | None
    namespace: str | None
    is_name: bool = False  # an entity that was named so before, where there is one


@dataclass(slots=True, kw_only=True)
class Use:
    """A usage or a generation, compiled. ``slot`` is the place that holds the value.

    ``is_plain``: an object found by its value alone, as most are. ``is_name``: nothing but its
    name says which it is. ``overwrites``: a new version of what stood there before. ``looks_in``:
    what is known in a container is a member of it. ``used_as``: its role, and the argument that
    holds the value.
    """

    role: str
    used_as: dict[str, Any]
    is_plain: bool
    kind: Kind
    value: Selector | None
    location: Selector | None
    id: Selector | None
    namespace: str | None
    slot: str | None
    slot_name: str | None
    slot_is_global: bool
    members: Many | None
    progenitors: tuple[Many, ...]
    is_name: bool = False
    overwrites: bool = False
    looks_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which calls of a target are recorded, and how much of each.

    ``max_calls`` of a process are, or all where it is 0; one of ``sample`` is.
    """

    level: str = MEMBERS
    max_calls: int = 0
    sample: int = 1
    quiet: str = NO


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that a call of one target needs to know.

    ``group`` is the bit of its definition; ``places`` find the files that a call names.
    """

    target: str
    name: str
    definition: str | None
    flavour: Flavour
    owner: type | None
    receivers: list[type]
    takes_instance: bool
    signature: Signature
    rules: Rules
    group: int
    parameters: tuple[tuple[str, Selector], ...] = ()
    usages: tuple[Use, ...] = ()
    generations: tuple[Use, ...] = ()
    is_described: bool = False
    expected: ConstraintChecks | None = None  # what is compared with the record of a call
    agents: tuple[dict[str, Any], ...] = ()
    log_entities: bool = True  # undescribed: objects are used, and the result is generated
    log_members: bool = True  # undescribed: and what is known in containers
    when: Holds | None = None  # which calls are recorded
    places: tuple[Selector, ...] = ()
    files: tuple[Selector | None, ...] = ()  # several that are used, to be read at once
    opens: tuple[Selector, Selector] | None = None  # a file that it opens, and the mode
    is_activity: bool = True
    description: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """The callable to plan for, as the weaver found it; ``aliases`` are targets for it too."""

    target: str
    qualname: str
    function: Any
    namespace: Mapping[str, Any]
    owner: type | None
    receivers: list[type]
    takes_instance: bool
    aliases: tuple[str, ...] = ()
