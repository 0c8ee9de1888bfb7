"""The statements of PROV: their kinds, and the columns of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

ENTITY, ACTIVITY, AGENT = "entity", "activity", "agent"
OBJECTS = (ENTITY, ACTIVITY, AGENT)
EMPTY_COLLECTION = "http://www.w3.org/ns/prov#EmptyCollection"

Term = str | datetime | None


class Column(NamedTuple):
    """A column of a statement.

    ``type`` is the type that an element gets by being in this column. A missing value is unknown.
    With ``is_none_if_absent``, a missing value means that there is none.
    """

    name: str
    type: str | None = None
    is_required: bool = False
    is_none_if_absent: bool = False


def _must(name: str, type_: str | None) -> Column:
    return Column(name, type_, is_required=True)


_TIME = Column("time")

# In the order of PROV-N, by the words of PROV-N
KINDS: dict[str, tuple[Column, ...]] = {
    ENTITY: (),
    ACTIVITY: (Column("startTime"), Column("endTime")),
    AGENT: (),
    "wasGeneratedBy": (_must("entity", ENTITY), Column("activity", ACTIVITY), _TIME),
    "used": (_must("activity", ACTIVITY), Column("entity", ENTITY), _TIME),
    "wasInformedBy": (_must("informed", ACTIVITY), _must("informant", ACTIVITY)),
    "wasStartedBy": (
        _must("activity", ACTIVITY), Column("trigger", ENTITY), Column("starter", ACTIVITY), _TIME,
    ),
    "wasEndedBy": (
        _must("activity", ACTIVITY), Column("trigger", ENTITY), Column("ender", ACTIVITY), _TIME,
    ),
    "wasInvalidatedBy": (_must("entity", ENTITY), Column("activity", ACTIVITY), _TIME),
    "wasDerivedFrom": (
        _must("generatedEntity", ENTITY), _must("usedEntity", ENTITY),
        Column("activity", ACTIVITY, is_none_if_absent=True),
        Column("generation"), Column("usage"),
    ),
    "wasAttributedTo": (_must("entity", ENTITY), _must("agent", AGENT)),
    "wasAssociatedWith": (
        _must("activity", ACTIVITY), Column("agent", AGENT),
        Column("plan", ENTITY, is_none_if_absent=True),
    ),
    "actedOnBehalfOf": (
        _must("delegate", AGENT), Column("responsible", AGENT), Column("activity", ACTIVITY),
    ),
    "wasInfluencedBy": (_must("influencee", None), _must("influencer", None)),
    "specializationOf": (_must("specificEntity", ENTITY), _must("generalEntity", ENTITY)),
    "alternateOf": (_must("alternate1", ENTITY), _must("alternate2", ENTITY)),
    "mentionOf": (
        _must("specificEntity", ENTITY), _must("generalEntity", ENTITY), _must("bundle", None),
    ),
    "hadMember": (_must("collection", ENTITY), _must("entity", ENTITY)),
}  # fmt: skip
POSITIONS = {
    kind: {column.name: position for position, column in enumerate(columns)}
    for kind, columns in KINDS.items()
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of provenance.

    ``terms`` are the values of the columns of the ``kind``. Names are whole IRIs, ``None`` is a
    missing value. ``types`` are the IRIs of ``prov:type``.
    """

    kind: str
    id: str | None
    terms: Sequence[Term]
    types: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A statement that cannot be true.

    ``constraint`` is its name in the recommendation (``constraint 24, unique-generation``). A
    warning means that a statement is unlikely, but allowed.
    """

    constraint: str
    what: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{'warning: ' if self.is_warning else ''}{self.what} ({self.constraint})"
