"""Statements of a PROV bundle, each written once, with attributes for every format.

A ``Sink`` receives the statements: a document of the library prov (``prov_library``), or a text
that is written immediately (``streamed_text``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from provagent.reading.export.identifiers import Name
from provagent.reading.export.prov_literals import Literal, Moment, literal

if TYPE_CHECKING:
    from provagent.reading.export.identifiers import Names

# By "prefix:word". Values are names, encoded values, or lists of them. None is left out.
Attributes: TypeAlias = Mapping[str, Any]

Terms: TypeAlias = Sequence[Name | Moment | None]
Pairs: TypeAlias = Sequence[tuple[str, Name | Literal]]

_NONE: Attributes = {}


class Sink(Protocol):
    """Receives a document, statement by statement.

    Statements after ``bundle`` are in the bundle.
    """

    def begin(self, namespaces: Mapping[str, str]) -> None:
        """Receive the prefixes of all following names."""

    def bundle(self, name: Name) -> None:
        """Start a bundle with this name. There is at most one bundle."""

    def state(self, kind: str, name: Name | None, terms: Terms, pairs: Pairs) -> None:
        """Receive a statement: its kind and its terms as in PROV-N, and its attributes."""

    def end(self) -> None:
        """End the document."""


class Statements:
    """Writes statements into ``sink``.

    A relation that may have an identifier gets one, ``run:used.3``. Without identifiers, RDF uses
    random names, and two documents of one run would differ.
    """

    def __init__(self, sink: Sink, names: Names) -> None:
        self._state = sink.state
        self._names = names
        self._written: set[Any] = set()
        self._counts: dict[str, int] = {}

    def activity(
        self,
        name: Name,
        start: Moment | None,
        end: Moment | None,
        attributes: Attributes,
    ) -> None:
        """State an activity. Only the first statement of a name counts."""
        if name not in self._written:
            self._written.add(name)
            self._state("activity", name, (start, end), _pairs(attributes))

    def entity(self, name: Name, attributes: Attributes) -> Name:
        """State an entity. Only the first statement of a name counts."""
        if name not in self._written:
            self._written.add(name)
            self._state("entity", name, (), _pairs(attributes))
        return name

    def agent(self, name: Name, attributes: Attributes) -> Name:
        """State an agent. Only the first statement of a name counts."""
        if name not in self._written:
            self._written.add(name)
            self._state("agent", name, (), _pairs(attributes))
        return name

    def used(
        self,
        activity: Name,
        entity: Name,
        time: Moment | None,
        attributes: Attributes = _NONE,
    ) -> None:
        self._relate("used", "used", (activity, entity, time), attributes)

    def generated(
        self,
        entity: Name,
        activity: Name,
        time: Moment | None,
        attributes: Attributes = _NONE,
    ) -> None:
        self._relate("generated", "wasGeneratedBy", (entity, activity, time), attributes)

    def started(self, activity: Name, starter: Name, time: Moment | None) -> None:
        self._relate("started", "wasStartedBy", (activity, None, starter, time), _NONE)

    def informed(self, activity: Name, informant: Name, attributes: Attributes = _NONE) -> None:
        self._relate("informed", "wasInformedBy", (activity, informant), attributes)

    def influenced(self, influencee: Name, influencer: Name, attributes: Attributes) -> None:
        self._relate("influenced", "wasInfluencedBy", (influencee, influencer), attributes)

    def derived(
        self,
        entity: Name,
        progenitor: Name,
        attributes: Attributes,
        activity: Name | None = None,
    ) -> None:
        terms = entity, progenitor, activity, None, None
        self._relate("derived", "wasDerivedFrom", terms, attributes)

    def associated(
        self,
        activity: Name,
        agent: Name,
        attributes: Attributes = _NONE,
        plan: Name | None = None,
    ) -> None:
        self._relate("associated", "wasAssociatedWith", (activity, agent, plan), attributes)

    def attributed(self, entity: Name, agent: Name) -> None:
        self._relate("attributed", "wasAttributedTo", (entity, agent), _NONE)

    def acted_for(self, agent: Name, responsible: Name) -> None:
        self._relate("acted", "actedOnBehalfOf", (agent, responsible, None), _NONE)

    def member(self, collection: Name, entity: Name) -> None:
        if (collection, entity) not in self._written:
            self._written.add((collection, entity))
            self._state("hadMember", None, (collection, entity), ())

    def specialised(self, entity: Name, general: Name) -> None:
        if (entity, "is", general) not in self._written:
            self._written.add((entity, "is", general))
            self._state("specializationOf", None, (entity, general), ())

    def alternate(self, entity: Name, other: Name) -> None:
        if (entity, "as", other) not in self._written:
            self._written.add((entity, "as", other))
            self._state("alternateOf", None, (entity, other), ())

    def _relate(
        self,
        word: str,
        kind: str,
        terms: tuple[Name | Moment | None, ...],
        attributes: Attributes,
    ) -> None:
        pairs = _pairs(attributes)
        statement = (kind, terms, tuple(pairs))
        if statement in self._written:
            return
        self._written.add(statement)
        number = self._counts[word] = self._counts.get(word, 0) + 1
        self._state(kind, self._names.of(word, str(number)), terms, pairs)


def _pairs(attributes: Attributes) -> list[tuple[str, Name | Literal]]:
    return [
        (key, each if type(each) is Name else literal(each))
        for key, value in attributes.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    ]
