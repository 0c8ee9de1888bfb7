"""What is met at a call, before it is known which entity it is."""

from __future__ import annotations

from typing import Any

from provagent import beneath
from provagent.capture.plan import ON_DISK, Kind, Many
from provagent.identity.registry import Identity


class Thing:
    """What is met at a call: a value, or what lies at a location."""

    __slots__ = ("kind", "location", "members", "name", "namespace", "value")

    def __init__(
        self, kind: Kind, value: Any, location: Any, name: Any, namespace: str | None
    ) -> None:
        self.kind = kind
        self.value = value
        self.location = location
        self.name = name
        self.namespace = namespace
        self.members: list[dict[str, str]] | None = None


def placed(kind: Kind, value: Any, location: Any, name: Any, namespace: str | None) -> Thing:
    """The thing, where definitions differ in what they call its value and its location."""
    if location is not None and value is None and not _is_path(location):
        return Thing(kind, location, None, name, namespace)  # older ones place objects so
    if kind.type in ON_DISK:
        path = value if location is None and _is_path(value) else location
        return Thing(kind, None if path is not None else value, path, name, namespace)
    return Thing(kind, value, location, name, namespace)


def placed_members(many: Many, found: Any) -> list[Thing]:
    """The things that are listed in what was found, or the one thing that it is."""
    items: Any = found if many.is_list else (found,)
    return [
        placed(
            many.kind,
            item if many.value is None else many.value(item),
            None if many.location is None else many.location(item),
            None if many.id is None else many.id(item),
            many.namespace,
        )
        for item in (items.values() if issubclass(type(items), dict) else items)
    ]


def _is_path(value: Any) -> bool:
    cls = type(value)
    return issubclass(cls, (str, bytes)) or beneath.lookup(cls, "__fspath__") is not None


def add_identity(fields: dict[str, Any], identity: Identity) -> None:
    digest, identified, size, sampled, missing, changing = identity
    if digest is not None:
        fields["digest"] = digest
        fields["identified"] = identified
    if size is not None:
        fields["size"] = size
    if sampled:
        fields["sampled"] = {
            name: part for name, part in sampled._asdict().items() if part is not None
        }
    if missing:
        fields["missing"] = True
    if changing:
        fields["changing"] = True
