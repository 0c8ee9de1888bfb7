"""Plans: everything that a call of one target needs, computed once.

A call reads no YAML, uses no ``inspect``, and parses no paths: the plan contains the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from provagent.contract.vocabulary import FILE, FILE_COLLECTION, MEMBERS, NO
from provagent.identity.registry import Identity

if TYPE_CHECKING:
    from provagent.recording.capture.conditions import Predicate
    from provagent.recording.capture.constraint_checks import ConstraintChecks
    from provagent.recording.capture.lookup import Selector
    from provagent.recording.capture.selectors import Signature

Flavour = Literal["plain", "coroutine", "generator", "async generator"]
OnValue = Callable[[Any], Any]

ON_DISK = frozenset((FILE, FILE_COLLECTION))


@dataclass(slots=True, kw_only=True)
class Kind:
    """A kind of entity: its description, and the function that identifies its entities.

    ``identify`` returns the identity of a value. ``key`` names the method of ``identify``, because
    digests of two methods cannot be compared.
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
    is_named: bool = False  # some uses refer to such an entity by its name only


def undescribed_kind(type_: str, identify: Callable[[Any], Identity]) -> Kind:
    """Return the kind of entities that no definition describes."""
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
    """The members or progenitors of an entity: where they are listed, and their kind.

    Without ``is_list``, ``items`` finds the single value.
    """

    kind: Kind
    items: Selector | None
    is_list: bool
    id: OnValue | None
    location: OnValue | None
    value: OnValue | None
    namespace: str | None
    is_name: bool = False  # refers to the earlier entity of this name, if there is one


@dataclass(slots=True, kw_only=True)
class Use:
    """A usage or a generation, compiled; ``slot`` is the attribute or name with the value.

    ``is_plain``: an object that is found by its value alone, as most are. ``is_name``: only the
    name identifies the entity. ``overwrites``: the entity is a new version of the earlier one.
    ``looks_in``: known entities in a container become members. ``used_as``: the role, and the
    argument that has the value.
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
    """The rules of the sampler: which calls of a target are recorded, and how much of each.

    ``max_calls`` is the limit of recorded calls per process; 0 means no limit. One of ``sample``
    calls is recorded.
    """

    level: str = MEMBERS
    max_calls: int = 0
    sample: int = 1
    quiet: str = NO


@dataclass(slots=True, kw_only=True)
class Plan:
    """The plan for calls of one target.

    ``group`` is a number with one bit, which identifies its definition; ``places`` find the files
    that a call names.
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
    expected: ConstraintChecks | None = None  # constraints to check for each call
    agents: tuple[dict[str, Any], ...] = ()
    log_entities: bool = True  # undescribed: objects are used, and the result is generated
    log_members: bool = True  # undescribed: record also known entities in containers
    when: Predicate | None = None  # condition of recorded calls
    places: tuple[Selector, ...] = ()
    files: tuple[Selector | None, ...] = ()  # several used files, read together
    # selectors of the file that the call opens, and of the mode
    opens: tuple[Selector, Selector] | None = None
    is_activity: bool = True
    description: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A callable to plan for, as the weaver found it; ``aliases`` are further targets for it."""

    target: str
    qualname: str
    function: Any
    namespace: Mapping[str, Any]
    owner: type | None
    receivers: list[type]
    takes_instance: bool
    aliases: tuple[str, ...] = ()
