"""The events of entities and derivations: each entity is written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provagent.contract.file_names import name_to_text
from provagent.contract.values.encode import encode
from provagent.contract.values.numbers import array_form, unit_of
from provagent.contract.values.types import TypeCache, kinds, type_name
from provagent.contract.vocabulary import DERIVATION, DESCRIPTION, ENTITY, FILE, LOG_FORMAT
from provagent.identity.registry import Identity
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import os
from provagent.recording.capture.context import Events, iso
from provagent.recording.capture.observed_value import ObservedValue, add_identity
from provagent.recording.capture.plan import Kind

# By address: a metaclass may have its own hash.
_PLAIN = frozenset(map(address_of, (bool, int, float, complex, str)))
_is_array = TypeCache(lambda cls: "numpy:ndarray" in kinds(cls))


def _changed_at(location: Any) -> str | None:
    """Return when a file last changed: its present content existed by this time."""
    try:
        return iso(os.stat(location).st_ctime_ns)
    except (OSError, ValueError, TypeError) as error:
        if is_the_programs(error):
            raise
        return None


def _add_value(fields: dict[str, Any], value: Any) -> bool:
    """Add the fields of an object; return whether they contain no text of the program."""
    cls = type(value)
    fields["class"] = type_name(cls)
    if _is_array(cls):
        fields |= array_form(value)
        unit = unit_of(value)
        if unit is not None:
            fields["unit"] = unit
            return False
        return "[" not in fields["dtype"]  # no names of fields
    if address_of(cls) in _PLAIN:
        fields["value"] = encode(value)
        return False
    return True


class EntityEvents:
    """Makes the events of entities; the description is written before the first of its entities."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._described: set[tuple[str, str]] = set()

    def write(
        self,
        observed: ObservedValue,
        identity: Identity,
        events: Events,
        entity_id: str | None = None,
    ) -> str:
        """Add the event of a new or known entity to ``events``; return the identifier."""
        kind = observed.kind
        if kind.description is not None:
            self._describe(kind, events)
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": ENTITY,
            "entity_id": entity_id or self._new_id(),
            "type": kind.type,
        }
        is_plain = True
        if kind.name:
            fields["entity_description"] = kind.name
            fields["definition"] = kind.definition
        if observed.name is not None:
            fields["name"] = name = introspection.text(observed.name)
            is_plain = name.isidentifier()
        if observed.namespace:
            fields["namespace"] = observed.namespace
        if observed.location is not None:
            fields["location"] = name_to_text(introspection.text(observed.location))
            is_plain = False
            if kind.type == FILE and (changed := _changed_at(observed.location)):
                fields["changed"] = changed
        if observed.value is not None:
            is_plain = _add_value(fields, observed.value) and is_plain
        add_identity(fields, identity)
        if kind.content_type:
            fields["contentType"] = kind.content_type
        observed.add_members_to(fields)
        events.append((fields, is_plain))
        return fields["entity_id"]  # type: ignore[no-any-return]

    def _describe(self, kind: Kind, events: Events) -> None:
        key = (kind.definition or "", kind.name)
        if key not in self._described:
            self._described.add(key)
            described = {"definition": kind.definition, "entity": kind.description}
            events.append(({"v": LOG_FORMAT, "event": DESCRIPTION, **described}, False))

    def derive(
        self,
        entity_id: str,
        progenitor_id: str,
        how: str,
        between: list[str],
        events: Events,
        code: dict[str, Any] | None = None,
    ) -> None:
        if entity_id == progenitor_id:
            return
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": DERIVATION,
            "entity_id": entity_id,
            "progenitor_id": progenitor_id,
            "how": how,
            "between": between,
        }
        if code is not None:
            fields["code"] = code
        events.append((fields, code is None))


def changed_by(activity_id: str, events: Events) -> list[str]:
    """Return the entities that an activity changed, members of its generated entities included."""
    return [
        fields["entity_id"]
        for fields, _ in events
        if fields["event"] == DERIVATION and fields["between"] == [activity_id]
    ]
