"""Kinds of entities: what each is, and how one is told from another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.contract.values.message import what_failed
from provagent.contract.values.types import type_name
from provagent.contract.vocabulary import PYTHON_OBJECT
from provagent.definition.data import describe
from provagent.definition.description import Definition, EntityDescription
from provagent.identity.digests import Digests
from provagent.identity.files import resolve_location
from provagent.identity.registry import Identity, identify, text_identifier
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.capture.plan import ON_DISK, Kind, OnValue


def make_kind(
    definition: Definition,
    name: str | None,
    guess: str | None,
    digests: Digests,
    on_value: Callable[[str], OnValue | None],
    note: Callable[[str, str, str], None],
) -> Kind:
    """The kind that a definition describes under ``name``; ``guess`` is its type else.

    ``on_value`` compiles a path on a value, and gives None for one that is wrong. ``note`` is told,
    with target and stage, of values that an identifier's paths do not fit.
    """
    described = definition.entities.get(name or "")
    type_ = described.type if described else guess or PYTHON_OBJECT
    return Kind(
        name=name or "",
        type=type_,
        content_type=described.contentType if described else None,
        index=described.index if described else None,
        identify=compile_identifier(
            _how(described, on_value),
            digests,
            partial(note, f"{definition.name}: entities.{name}", "identifier"),
        ),
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


def compile_identifier(
    how: Any, digests: Digests, misfit: Callable[[str], None]
) -> Callable[[Any], Identity]:
    """How objects are identified that a definition describes: as it says, or as they allow.

    ``misfit`` is told, once, of each type that the paths do not fit.
    """
    options = digests.options()
    by_content: Callable[[Any], Identity] = partial(identify, **options)
    if how == "str":
        return text_identifier(digests.algorithm)
    if how == "file":
        files = digests.new_files()
        return lambda path: files.identify_file(resolve_location(path))
    if how is not None and type(how) is not tuple:
        return partial(identify, how=how, **options)
    if how is not None:
        return _by_paths(how, by_content, partial(identify, **options), misfit)
    return by_content


# A type that the API takes, and the definition's author did not think of: a list where there is
# a collection of the package's own. Its text would make different things equal.
def _by_paths(
    paths: tuple[OnValue, ...],
    by_content: Callable[[Any], Identity],
    by_paths: Callable[..., Identity],
    misfit: Callable[[str], None],
) -> Callable[[Any], Identity]:
    event_fields: set[str] = set()

    def identify_object(value: Any) -> Identity:
        try:
            return by_paths(value, paths)
        except Exception as error:
            if is_the_programs(error):
                raise
            cls = type_name(type(value))
            if cls not in event_fields:
                event_fields.add(cls)
                misfit(
                    f"the paths of its identifier fail for {cls} ({what_failed(error)}); "
                    "the content is used instead"
                )
        return by_content(value)

    return identify_object
