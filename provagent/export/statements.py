"""Statements of a PROV bundle, each made once, with attributes that every format can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from prov.identifier import QualifiedName

from provagent.export.literals import literal

if TYPE_CHECKING:
    from datetime import datetime

    from prov.model import ProvBundle

    from provagent.export.names import Names

# By "prefix:word"; values are names, encoded values, or lists of them; None is left out.
Attributes: TypeAlias = Mapping[str, Any]

_NONE: Attributes = {}


class Statements:
    """Writes into ``bundle``.

    A relation that may have an identifier gets one, ``run:used.3``: without, RDF names it
    at random, and two documents of one run would differ.
    """

    def __init__(self, bundle: ProvBundle, names: Names) -> None:
        self._bundle = bundle
        self._names = names
        self._said: set[Any] = set()
        self._counts: dict[str, int] = {}

    def activity(
        self,
        name: QualifiedName,
        start: datetime | None,
        end: datetime | None,
        attributes: Attributes,
    ) -> None:
        self._bundle.activity(name, start, end, _pairs(attributes))

    def entity(self, name: QualifiedName, attributes: Attributes) -> QualifiedName:
        """State an entity; only the first statement of a name counts."""
        if name not in self._said:
            self._said.add(name)
            self._bundle.entity(name, _pairs(attributes))
        return name

    def agent(self, name: QualifiedName, attributes: Attributes) -> QualifiedName:
        """State an agent; only the first statement of a name counts."""
        if name not in self._said:
            self._said.add(name)
            self._bundle.agent(name, _pairs(attributes))
        return name

    def used(
        self,
        activity: QualifiedName,
        entity: QualifiedName,
        time: datetime | None,
        attributes: Attributes = _NONE,
    ) -> None:
        self._relate("used", self._bundle.usage, (activity, entity, time), attributes)

    def generated(
        self,
        entity: QualifiedName,
        activity: QualifiedName,
        time: datetime | None,
        attributes: Attributes = _NONE,
    ) -> None:
        self._relate("generated", self._bundle.generation, (entity, activity, time), attributes)

    def started(
        self, activity: QualifiedName, starter: QualifiedName, time: datetime | None
    ) -> None:
        self._relate("started", self._bundle.start, (activity, None, starter, time), _NONE)

    def influenced(
        self, influencee: QualifiedName, influencer: QualifiedName, attributes: Attributes
    ) -> None:
        self._relate("influenced", self._bundle.influence, (influencee, influencer), attributes)

    def derived(
        self, entity: QualifiedName, progenitor: QualifiedName, attributes: Attributes
    ) -> None:
        self._relate("derived", self._bundle.derivation, (entity, progenitor), attributes)

    def associated(
        self, activity: QualifiedName, agent: QualifiedName, attributes: Attributes = _NONE
    ) -> None:
        self._relate("associated", self._bundle.association, (activity, agent, None), attributes)

    def attributed(self, entity: QualifiedName, agent: QualifiedName) -> None:
        self._relate("attributed", self._bundle.attribution, (entity, agent), _NONE)

    def acted_for(self, agent: QualifiedName, responsible: QualifiedName) -> None:
        self._relate("acted", self._bundle.delegation, (agent, responsible), _NONE)

    def member(self, collection: QualifiedName, entity: QualifiedName) -> None:
        if (collection, entity) not in self._said:
            self._said.add((collection, entity))
            self._bundle.membership(collection, entity)

    def specialised(self, entity: QualifiedName, general: QualifiedName) -> None:
        if (entity, "is", general) not in self._said:
            self._said.add((entity, "is", general))
            self._bundle.specialization(entity, general)

    def _relate(
        self, kind: str, state: Any, positions: tuple[Any, ...], attributes: Attributes
    ) -> None:
        pairs = _pairs(attributes)
        statement = (kind, positions, tuple(pairs))
        if statement in self._said:
            return
        self._said.add(statement)
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        identifier = self._names.of(kind, str(number))
        state(*positions, identifier=identifier, other_attributes=pairs)


def _pairs(attributes: Attributes) -> list[tuple[str, Any]]:
    return [
        (key, each if isinstance(each, QualifiedName) else literal(each))
        for key, value in attributes.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    ]
