"""Kinds of entities: what each is, and how one is told from another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.capture.plan import ON_DISK, Kind, OnValue
from provagent.definition.data import describe
from provagent.definition.description import Definition, EntityDescription
from provagent.identity.digests import Digests
from provagent.identity.registry import Identity, identify, text_identifier
from provagent.terms import PYTHON_OBJECT


def make_kind(
    definition: Definition,
    name: str | None,
    guess: str | None,
    digests: Digests,
    on_value: Callable[[str], OnValue | None],
) -> Kind:
    """The kind that a definition describes under ``name``; ``guess`` is its type else.

    ``on_value`` compiles a path on a value, and gives None for one that is wrong.
    """
    described = definition.entities.get(name or "")
    type_ = described.type if described else guess or PYTHON_OBJECT
    return Kind(
        name=name or "",
        type=type_,
        content_type=described.contentType if described else None,
        index=described.index if described else None,
        identify=compile_identifier(_how(described, on_value), digests),
        key=f"{definition.name}:{name}" if name else type_,
        definition=definition.name if name else None,
        is_described=True,
        description=describe(described) if described else None,
    )


def _how(described: EntityDescription | None, on_value: Callable[[str], OnValue | None]) -> Any:
    if described is None:
        return None
    if isinstance(described.identifier, tuple):
        compiled = (on_value(path) for path in described.identifier)
        return tuple(path for path in compiled if path is not None)
    if described.identifier == "file" and described.type in ON_DISK:
        return None  # for an object where the definition says a file: no path leads to it
    return described.identifier


def compile_identifier(how: Any, digests: Digests) -> Callable[[Any], Identity]:
    """How objects are identified that a definition describes: as it says, or as they allow."""
    options = digests.options()
    by_text = text_identifier(digests.algorithm)
    by_itself: Callable[[Any], Identity] = partial(identify, **options)
    if how == "str":
        return by_text
    if how is not None and type(how) is not tuple:
        files = digests.new_files() if how == "file" else None
        return partial(identify, how=how, files=files, **options)

    def identify_object(value: Any) -> Identity:
        if how is not None:
            try:
                return identify(value, how, **options)
            except (AttributeError, LookupError, TypeError):
                pass  # not of the type that the identifier's paths were written for
        identity = by_itself(value)
        return by_text(value) if identity.digest is None else identity

    return identify_object
