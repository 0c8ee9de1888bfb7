"""Definitions in the working folder that may come from anybody, and so are not trusted.

A path may contain a call: ``location(hdu_type="events").path()``. It calls a method of a value of
the program, with literals from the definition. So ``path.unlink()`` removes a file, and
``table.to_csv("/home/me/.profile")`` writes a file. A definition that is not trusted is used
without its calls. It is trusted if a person names it, or trusts the folder (``PROVAGENT_TRUST``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from provagent.definition.condition import parse_condition, paths_of
from provagent.definition.description import (
    ActivityDescription,
    Definition,
    EntityDescription,
    EntityUse,
)
from provagent.definition.grammar import Call, PathError
from provagent.definition.path import parse_path

if TYPE_CHECKING:
    from provagent.definition.description import MemberDescription, OpenedFile, ParameterDescription

_PATHS = ("value", "location", "id", "list", "file", "mode", "identifier")
T = TypeVar("T", "ParameterDescription", "MemberDescription", "OpenedFile", "EntityUse")


def calls_in(definition: Definition) -> list[str]:
    """Return the paths and conditions of a definition that contain calls."""
    return list(dict.fromkeys(_calls(definition)))


def without_calls(definition: Definition) -> Definition:
    """Return the definition without the parts that need a call."""
    activities = {name: _activity(one) for name, one in definition.activities.items()}
    entities = {name: _entity(one) for name, one in definition.entities.items()}
    return replace(definition, activities=activities, entities=entities)


def _calls(thing: Any) -> Iterator[str]:
    if isinstance(thing, dict):
        thing = tuple(thing.values())
    if isinstance(thing, tuple):
        for one in thing:
            yield from _calls(one)
    elif is_dataclass(thing):
        yield from _own_calls(thing)
        for field in fields(thing):
            if field.name not in _PATHS:
                yield from _calls(getattr(thing, field.name))


def _own_calls(thing: Any) -> Iterator[str]:
    when = getattr(thing, "when", None)
    if when is not None and _condition_calls(when):
        yield when
    for name in _PATHS:
        value = getattr(thing, name, None)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and _path_calls(text):
                yield text


def _path_calls(text: str) -> bool:
    if "(" not in text or text[0] in "'\"":  # a mode of open in quotes
        return False
    try:
        return any(isinstance(step, Call) for step in parse_path(text).steps)
    except PathError:
        return True  # it may contain a call


def _condition_calls(text: str) -> bool:
    try:
        paths = paths_of(parse_condition(text))
        return any(isinstance(step, Call) for path in paths for step in path.steps)
    except PathError:
        return True


def _kept(things: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(one for one in things if not any(_own_calls(one)))


def _activity(one: ActivityDescription) -> ActivityDescription:
    return replace(
        one,
        when=None if one.when is None or _condition_calls(one.when) else one.when,
        parameters=_kept(one.parameters),
        usage=tuple(map(_use, _kept(one.usage))),
        generation=tuple(map(_use, _kept(one.generation))),
        opens=one.opens if one.opens is not None and _kept((one.opens,)) else None,
    )


def _use(use: EntityUse) -> EntityUse:
    members = use.has_members
    return replace(
        use,
        has_members=members if members is not None and _kept((members,)) else None,
        has_progenitors=_kept(use.has_progenitors),
    )


def _entity(one: EntityDescription) -> EntityDescription:
    return replace(one, identifier=None) if any(_own_calls(one)) else one
