"""The tables of a definition: each thing's fields, how each is read, what is made of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from provagent import terms
from provagent.definition import dialect
from provagent.definition.description import (
    ActivityDescription,
    AgentDescription,
    EntityDescription,
    EntityUse,
    MemberDescription,
    ParameterDescription,
    TargetPattern,
)
from provagent.definition.fields import (
    UNUSABLE,
    Fields,
    Reader,
    Shape,
    flag,
    identifier,
    listed,
    matching,
    named,
    one_of,
    path,
    read_thing,
    reference,
    reserved,
    text,
)
from provagent.definition.nodes import Mapping, Node
from provagent.definition.path import PathError, parse_path

if TYPE_CHECKING:
    from provagent.definition.report import Report

FORMAT = 1


def _shape(kind: str, article: str, make: Any, readers: dict[str, Reader]) -> Shape:
    return Shape(
        article=article,
        readers=readers,
        make=make,
        synonyms=dialect.SYNONYMS.get(kind, {}),
        ignored=dialect.IGNORED.get(kind, frozenset()),
    )


def _texts(described: type) -> dict[str, Reader]:
    """Return readers that take every field of a class as a text."""
    return {field.name: text for field in dataclasses.fields(described)}


def _unnamed(readers: dict[str, Reader]) -> dict[str, Reader]:
    """Leave out the name, for a thing whose name is the key that it stands at."""
    return {key: reader for key, reader in readers.items() if key != "name"}


def _make_parameter(fields: Fields) -> ParameterDescription | None:
    values = fields.values
    if fields.unusable & {"name", "value"}:
        return None
    if "value" not in values and "name" not in values:
        fields.add_problem("a parameter has no value", "say where it is found, in value:")
        return None
    if "value" not in values and not _is_path(values["name"]):
        fields.add_problem("a parameter has no value, and its name is no path", "add value:")
        return None
    values.setdefault("value", values.get("name"))
    values.setdefault("name", parse_path(values["value"]).last_name)
    return ParameterDescription(**values)


def _make_use(fields: Fields) -> EntityUse | None:
    if "role" not in fields.values:
        if "role" not in fields.unusable:
            fields.add_problem("the role is missing", "say what the entity is there for, in role:")
        return None
    _check_is_found(fields, ("value", "location", "id"))
    return EntityUse(**fields.values)


def _make_member(fields: Fields) -> MemberDescription:
    _check_is_found(fields, ("list", "value", "location", "id"))
    return MemberDescription(**fields.values)


def _check_is_found(fields: Fields, keys: tuple[str, ...]) -> None:
    if not set(keys) & (fields.values.keys() | fields.unusable):
        fields.add_problem("nothing says where it is found", f"add {' or '.join(keys)}")


def _make_entity(fields: Fields) -> EntityDescription:
    values = fields.values
    if "type" not in values:
        values["type"] = _implied_type(values["name"], has_media_type="contentType" in values)
    return EntityDescription(**values)


def _implied_type(name: str, *, has_media_type: bool) -> str:
    if name in terms.ENTITY_TYPES:
        return name
    return terms.FILE if has_media_type else terms.PYTHON_OBJECT


def _is_path(candidate: str) -> bool:
    try:
        parse_path(candidate)
    except PathError:
        return False
    return True


def _each_once(reader: Reader, field: str) -> Reader:
    """Return a reader of a list in which no two things have the same value of ``field``."""
    read_list = listed(reader)

    def read(report: Report, node: Node, where: str) -> Any:
        things = read_list(report, node, where)
        if things is UNUSABLE:
            return things
        names = [getattr(thing, field) for thing in things]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                what = f"{field} {name!r} stands {names.count(name)} times"
                report.add(node.place, where, what, f"give each its own {field}")
        return things

    return read


def _thing(shape: Shape) -> Reader:
    return lambda report, node, where: read_thing(shape, report, node, where)


def _things_by_name(shape: Shape, key: Reader = text) -> Reader:
    def reader_of(name: str) -> Reader:
        return lambda report, node, where: read_thing(shape, report, node, where, name=name)

    return named(reader_of, key)


def _activity(name: str) -> Reader:
    def read(report: Report, node: Node, where: str) -> Any:
        if isinstance(node, Mapping):
            node = dialect.with_locations(node, report, where)
        return read_thing(ACTIVITY, report, node, where, name=name)

    return read


def _target(report: Report, node: Node, where: str) -> Any:
    found = _target_text(report, node, where)
    return TargetPattern(text=found, line=node.place.line) if isinstance(found, str) else found


def _format(report: Report, node: Node, where: str) -> Any:
    found = text(report, node, where)
    if not isinstance(found, str) or found == str(FORMAT):
        return found
    newer = found.isdecimal() and int(found) > FORMAT
    what = f"format {found} is newer than this provagent" if newer else f"{found!r} is no format"
    remedy = f"upgrade provagent, or write {FORMAT}" if newer else f"write {FORMAT}"
    report.add(node.place, where, what, remedy)
    return UNUSABLE


# One part of a dotted name, with or without globs.
_PART = r"(?:[^\W\d]|[*?]|\[!?[\w-]+\])(?:\w|(?<!\*)\*|\?|\[!?[\w-]+\])*"
_DOTTED = rf"{_PART}(?:\.{_PART})*"
_target_text = matching(
    rf"{_DOTTED}(?:\.\*\*)?(?::{_DOTTED})?",
    "a target",
    "write package.module:Qual.name, such as gammapy.analysis.core:Analysis",
)
_activity_name = matching(
    r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*:)?[^\W\d]\w*(?:\.[^\W\d]\w*)*",
    "the name of a callable",
    "write name, Class.name or package.module:Class.name",
)
_distribution = matching(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    "the name of a distribution",
    "write the name that pip installs it by",
)
# PEP 440; every alternative ends where it must, so that no text takes long to refuse.
_VERSION = (
    r"(?i:v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|rc|a|b|c)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z\d]+(?:[-_.][a-z\d]+)*)?)"
)
_CLAUSE = (
    rf"(?:(?:==|!=)\s*{_VERSION}(?:\.\*)?|(?:<=|>=|<|>)\s*{_VERSION}"
    rf"|~=\s*(?=[\d!]+\.\d){_VERSION}|===\s*[^\s,]+)"
)
_specifier = matching(
    rf"\s*{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*",
    "a version specifier",
    "write an operator and a version, such as '>=1.2' or '>=1.2,<3'",
)
_multiplicity = matching(
    r"(?:\d+|\*)|\d+\.\.(?:\d+|\*)",
    "a multiplicity",
    "write 1, 0..1, 1..* or '*'",
)
_prefix = matching(r"[^\W\d][\w.-]*", "a prefix", "write letters, digits, '-' and '_'")
_iri = matching(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", "an absolute IRI", "write one as in http://...")

MEMBER = _shape(
    "member",
    "a member",
    _make_member,
    {
        **_texts(MemberDescription),
        **dict.fromkeys(("list", "id", "location", "value"), path),
        "entity_description": reference("entities"),
        "namespace": reference("namespaces"),
    },
)
USE = _shape(
    "use",
    "a usage or generation",
    _make_use,
    {
        **_texts(EntityUse),
        **dict.fromkeys(("id", "location", "value"), path),
        "type": reserved(terms.USAGE_TYPES),
        "entity_description": reference("entities"),
        "namespace": reference("namespaces"),
        "multiplicity": _multiplicity,
        "overwrite": flag,
        "has_members": _thing(MEMBER),
        "has_progenitors": listed(_thing(MEMBER), alone=True),
    },
)
PARAMETER = _shape(
    "parameter",
    "a parameter",
    _make_parameter,
    {**_texts(ParameterDescription), "value": path, "options": listed(text)},
)
ACTIVITY = _shape(
    "activity",
    "an activity",
    lambda fields: ActivityDescription(**fields.values),
    {
        **_unnamed(_texts(ActivityDescription)),
        "type": reserved(terms.ACTIVITY_TYPES),
        "parameters": _each_once(_thing(PARAMETER), "name"),
        "usage": _each_once(_thing(USE), "role"),
        "generation": _each_once(_thing(USE), "role"),
    },
)
ENTITY = _shape(
    "entity",
    "an entity",
    _make_entity,
    {
        **_unnamed(_texts(EntityDescription)),
        "type": one_of(terms.ENTITY_TYPES, dialect.ENTITY_TYPE_SYNONYMS),
        "identifier": identifier,
    },
)
AGENT = _shape(
    "agent",
    "an agent",
    lambda fields: AgentDescription(**fields.values),
    {**_unnamed(_texts(AgentDescription)), "type": one_of(terms.AGENT_TYPES)},
)
DEFINITION = _shape(
    "definition",
    "a definition",
    lambda fields: fields,
    {
        "provagent": _format,
        "requires": named(lambda _: _specifier, key=_distribution),
        "targets": listed(_target),
        "activities": named(_activity, key=_activity_name),
        "entities": _things_by_name(ENTITY),
        "agents": _things_by_name(AGENT),
        "namespaces": named(lambda _: _iri, key=_prefix),
    },
)
