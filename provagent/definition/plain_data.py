"""Convert definitions to plain data, for the cache and for ``description`` events, and back."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from provagent.definition.description import (
    ActivityDescription,
    AgentDescription,
    Definition,
    EntityDescription,
    EntityUse,
    MemberDescription,
    OpenedFile,
    ParameterDescription,
    TargetPattern,
)

DATA_FORMAT = 3

# The class of the value of a key, or of the items of its list or mapping. Each key has one class.
_CLASSES: dict[str, type] = {
    "targets": TargetPattern,
    "activities": ActivityDescription,
    "entities": EntityDescription,
    "agents": AgentDescription,
    "parameters": ParameterDescription,
    "usage": EntityUse,
    "generation": EntityUse,
    "opens": OpenedFile,
    "has_members": MemberDescription,
    "has_progenitors": MemberDescription,
}
_BY_NAME = ("activities", "entities", "agents")


def to_data(definition: Definition) -> dict[str, Any]:
    """Return ``definition`` as data for JSON, without empty fields."""
    return {"data_format": DATA_FORMAT, **_plain_fields(definition)}


def from_data(data: dict[str, Any]) -> Definition:
    """Return the definition from the data that ``to_data`` returned.

    Raises ValueError for data of another format, or for data that are not a definition.
    """
    try:
        values = dict(data)
        found = values.pop("data_format", None)
        if found == DATA_FORMAT:
            definition: Definition = _built(Definition, values)
            return definition
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"invalid compiled definition: {error}; compile it again") from error
    raise ValueError(
        f"the data have format {found!r}, not {DATA_FORMAT}; compile the definition again"
    )


def describe(
    description: ActivityDescription | EntityDescription | AgentDescription,
) -> dict[str, Any]:
    """Return the fields of ``description`` that are not empty, as data for JSON."""
    return _plain_fields(description)


def _plain_fields(described: Any) -> dict[str, Any]:
    values = ((field, getattr(described, field.name)) for field in fields(described))
    return {field.name: _plain(value) for field, value in values if not _is_empty(field, value)}


def _is_empty(field: Field[Any], value: Any) -> bool:
    if field.default_factory is not MISSING:
        return bool(value == field.default_factory())
    # A default with a meaning, such as the type of an entity, is written.
    return not value and field.default is not MISSING and bool(value == field.default)


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return _plain_fields(value)


def _built(described: type, data: dict[str, Any]) -> Any:
    return described(**{key: _value(key, value) for key, value in data.items()})


def _value(key: str, value: Any) -> Any:
    described = _CLASSES.get(key)
    if isinstance(value, list):
        return tuple(_built(described, item) if described else item for item in value)
    if described is None:
        return value
    if key in _BY_NAME:
        return {name: _built(described, item) for name, item in value.items()}
    return _built(described, value)
