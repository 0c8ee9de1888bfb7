"""The format of definitions as a JSON Schema, made from the tables of readers.

The schema is for editors. It accepts everything that ``parse`` accepts, and refuses errors that
JSON Schema can express. It cannot check references, duplicate names and misspelled reserved words.
https://json-schema.org/draft/2020-12/json-schema-core
"""

from __future__ import annotations

from typing import Any

from provagent.definition import shapes
from provagent.definition.dialect import FROM_PARAMETER
from provagent.definition.fields import Shape
from provagent.definition.opens import OPENS

_SHAPES = (
    shapes.ACTIVITY, OPENS, shapes.PARAMETER, shapes.USE, shapes.MEMBER, shapes.ENTITY,
    shapes.AGENT, shapes.TARGET,
)  # fmt: skip
_OLDER = {"deprecated": True}


def definition_schema() -> dict[str, Any]:
    """Return the schema as plain data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:provagent:definition:1",
        "title": "provagent definition",
        **_thing(shapes.DEFINITION),
        "type": "object",
        "$defs": {shape.kind: _thing(shape) for shape in _SHAPES},
    }


def _thing(shape: Shape) -> dict[str, Any]:
    properties: dict[str, Any] = {key: reader.schema for key, reader in shape.readers.items()}
    properties |= {old: {**properties[new], **_OLDER} for old, new in shape.synonyms.items()}
    properties |= dict.fromkeys(sorted(shape.ignored), _OLDER)
    if shape is shapes.USE:
        properties |= dict.fromkeys(FROM_PARAMETER, _OLDER)
    needs = [_one_of(shape, keys) for keys in shape.needs]
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **({"allOf": needs} if needs else {}),
    }


def _one_of(shape: Shape, keys: tuple[str, ...]) -> dict[str, Any]:
    older = [old for old, new in shape.synonyms.items() if new in keys]
    if shape is shapes.USE and "location" in keys:
        older += FROM_PARAMETER
    wanted = [{"required": [key]} for key in (*keys, *older)]
    return {"if": {"type": "object"}, "then": {"anyOf": wanted}}
