"""The tables of a definition: the fields of each description, their readers, and the result."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from provagent.contract import vocabulary
from provagent.contract.printable import quoted
from provagent.definition import dialect, text_forms
from provagent.definition.consistency import check_multiplicities, check_range, check_uses
from provagent.definition.description import (
    ActivityDescription,
    AgentDescription,
    EntityDescription,
    EntityUse,
    MemberDescription,
    ParameterDescription,
    TargetPattern,
)
from provagent.definition.fields import UNUSABLE, Fields, Reader, Shape, read_thing
from provagent.definition.nodes import Mapping, Node, Scalar
from provagent.definition.opens import OPENS
from provagent.definition.path import PathError, parse_path
from provagent.definition.readers import (
    condition,
    flag,
    identifier,
    listed,
    named,
    one_of,
    path,
    reference,
    reserved,
    text,
)
from provagent.definition.sampling_keys import CALLS, check_conditions

if TYPE_CHECKING:
    from provagent.definition.report import Report

_PLACES = ("value", "location", "id")
_MEMBER_PLACES = ("list", *_PLACES)


def _shape(
    kind: str,
    article: str,
    make: Any,
    readers: dict[str, Reader],
    needs: tuple[tuple[str, ...], ...] = (),
) -> Shape:
    return Shape(
        kind=kind,
        needs=needs,
        article=article,
        readers=readers,
        make=make,
        synonyms=dialect.SYNONYMS.get(kind, {}),
        ignored=dialect.IGNORED.get(kind, frozenset()),
    )


def _texts(described: type) -> dict[str, Reader]:
    """Return a reader of text for every field of a class."""
    return {field.name: text for field in dataclasses.fields(described)}


def _unnamed(readers: dict[str, Reader]) -> dict[str, Reader]:
    """Leave out the name, for a description whose key is its name."""
    return {key: reader for key, reader in readers.items() if key != "name"}


def _make_parameter(fields: Fields) -> ParameterDescription | None:
    values = fields.values
    if fields.unusable & {"name", "value"}:
        return None
    if "value" not in values and "name" not in values:
        fields.add_problem(
            'missing key "name"', "add the name of an argument, or value: and a path"
        )
        return None
    if "value" not in values and not _is_path(values["name"]):
        fields.add_problem(
            'missing key "value"', "add the path of the value (the name is not a path)"
        )
        return None
    values.setdefault("value", values.get("name"))
    values.setdefault("name", parse_path(values["value"]).last_name)
    check_range(fields)
    return ParameterDescription(**values)


def _make_use(fields: Fields) -> EntityUse | None:
    if "role" not in fields.values:
        if "role" not in fields.unusable:
            fields.add_problem(
                'missing key "role"', "add role: and a short name for the purpose of the entity"
            )
        return None
    _check_is_found(fields, _PLACES)
    check_multiplicities(fields)
    return EntityUse(**fields.values)


def _make_activity(fields: Fields) -> ActivityDescription:
    description = ActivityDescription(**fields.values)
    check_conditions(description, fields)
    check_uses(description, fields)
    return description


def _make_member(fields: Fields) -> MemberDescription:
    _check_is_found(fields, _MEMBER_PLACES)
    return MemberDescription(**fields.values)


def _check_is_found(fields: Fields, keys: tuple[str, ...]) -> None:
    if not set(keys) & (fields.values.keys() | fields.unusable):
        fields.add_problem("no key says where to find the entity", f"add {' or '.join(keys)}")


def _make_entity(fields: Fields) -> EntityDescription:
    values = fields.values
    if "type" not in values:
        values["type"] = _implied_type(values["name"], has_media_type="contentType" in values)
    return EntityDescription(**values)


def _implied_type(name: str, *, has_media_type: bool) -> str:
    if name in vocabulary.ENTITY_TYPES:
        return name
    return vocabulary.FILE if has_media_type else vocabulary.PYTHON_OBJECT


def _is_path(candidate: str) -> bool:
    try:
        parse_path(candidate)
    except PathError:
        return False
    return True


def _each_once(reader: Reader, field: str) -> Reader:
    """Return a reader of a list in which each value of ``field`` occurs only once."""
    read_list = listed(reader, label=field)

    def read(report: Report, node: Node, where: str) -> Any:
        things = read_list(report, node, where)
        if things is UNUSABLE:
            return things
        names = [getattr(thing, field) for thing in things]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                what = f"{field} {quoted(name)} is used {names.count(name)} times"
                report.add(node.place, where, what, f"give each entry its own {field}")
        return things

    return Reader(read, read_list.schema)


def _thing(shape: Shape) -> Reader:
    return Reader(
        lambda report, node, where: read_thing(shape, report, node, where), _reference_to(shape)
    )


def _reference_to(shape: Shape) -> dict[str, str]:
    return {"$ref": f"#/$defs/{shape.kind}"}


def _things_by_name(shape: Shape, key: Reader = text) -> Reader:
    def reader_of(name: str) -> Reader:
        return Reader(
            lambda report, node, where: read_thing(shape, report, node, where, name=name),
            _reference_to(shape),
        )

    return named(reader_of, key)


def _activity(name: str) -> Reader:
    def read(report: Report, node: Node, where: str) -> Any:
        if isinstance(node, Mapping):
            node = dialect.with_locations(node, report, where)
        return read_thing(ACTIVITY, report, node, where, name=name.rpartition(":")[2])

    return Reader(read, _reference_to(ACTIVITY))


def _target(report: Report, node: Node, where: str) -> Any:
    if isinstance(node, Mapping) and "target" in node.entries:
        return read_thing(TARGET, report, node, where)
    if isinstance(node, Mapping):
        remedy = _without_blank(node) or "write package.module:Class.method, or add target:"
        report.add(node.place, where, 'missing key "target"', remedy)
        return UNUSABLE
    found = text_forms.target(report, node, where)
    return TargetPattern(text=found, line=node.place.line) if isinstance(found, str) else found


def _without_blank(node: Mapping) -> str:
    """Return the target that the user meant by ``module: function``."""
    items = list(node.entries.items())
    if len(items) != 1 or not isinstance(items[0][1].node, Scalar):
        return ""
    return text_forms.meant_target(f"{items[0][0]}:{items[0][1].node.text}")


def _make_target(fields: Fields) -> TargetPattern | None:
    values = fields.values
    if "target" not in values:
        if "target" not in fields.unusable:
            fields.add_problem("the target is empty", "write package.module:Class.method")
        return None
    return TargetPattern(text=values.pop("target"), line=fields.place.line, **values)


_TARGET_TEXT = {**text_forms.target_text.schema, "type": ["string", "boolean", "null"]}
TARGET = _shape(
    "target",
    "a target",
    _make_target,
    {"target": Reader(text_forms.target.read, _TARGET_TEXT), **CALLS},
    needs=(("target",),),
)
MEMBER = _shape(
    "member",
    "a member",
    _make_member,
    {
        **_texts(MemberDescription),
        **dict.fromkeys(("list", "id", "location", "value"), path),
        "entity_description": reference("entities"),
        "namespace": reference("namespaces"),
        "multiplicity": text_forms.multiplicity,
    },
    needs=(_MEMBER_PLACES,),
)
USE = _shape(
    "use",
    "a usage or generation",
    _make_use,
    {
        **_texts(EntityUse),
        **dict.fromkeys(("id", "location", "value"), path),
        "type": reserved(vocabulary.USAGE_TYPES),
        "entity_description": reference("entities"),
        "namespace": reference("namespaces"),
        "multiplicity": text_forms.multiplicity,
        "overwrite": flag,
        "when": condition,
        "has_members": _thing(MEMBER),
        "has_progenitors": listed(_thing(MEMBER), alone=True),
    },
    needs=(("role",), _PLACES),
)
PARAMETER = _shape(
    "parameter",
    "a parameter",
    _make_parameter,
    {**_texts(ParameterDescription), "value": path, "options": listed(text), "when": condition},
    needs=(("name", "value"),),
)
ACTIVITY = _shape(
    "activity",
    "an activity",
    _make_activity,
    {
        **_texts(ActivityDescription),
        **CALLS,
        "when": condition,
        "type": reserved(vocabulary.ACTIVITY_TYPES),
        "parameters": _each_once(_thing(PARAMETER), "name"),
        "usage": _each_once(_thing(USE), "role"),
        "generation": _each_once(_thing(USE), "role"),
        "opens": _thing(OPENS),
    },
)
ENTITY = _shape(
    "entity",
    "an entity",
    _make_entity,
    {
        **_unnamed(_texts(EntityDescription)),
        "type": one_of(vocabulary.ENTITY_TYPES, dialect.ENTITY_TYPE_SYNONYMS),
        "identifier": identifier,
    },
)
AGENT = _shape(
    "agent",
    "an agent",
    lambda fields: AgentDescription(**fields.values),
    {
        **_unnamed(_texts(AgentDescription)),
        "type": one_of(vocabulary.AGENT_TYPES),
        "email": text_forms.email,
        "orcid": text_forms.orcid,
        "url": text_forms.iri,
    },
)
DEFINITION = _shape(
    "definition",
    "a definition",
    lambda fields: fields,
    {
        "provagent": text_forms.format_number,
        "requires": named(lambda _: text_forms.specifier, key=text_forms.distribution),
        **CALLS,
        "targets": listed(
            Reader(_target, {"anyOf": [text_forms.target_text.schema, _reference_to(TARGET)]})
        ),
        "activities": named(_activity, key=text_forms.activity_name),
        "entities": _things_by_name(ENTITY),
        "agents": _things_by_name(AGENT),
        "namespaces": named(lambda _: text_forms.iri, key=text_forms.prefix),
    },
)
