"""Kinds of entities: the type and the identity of entities with one description."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.contract.values.exception_message import what_failed
from provagent.contract.values.types import type_name
from provagent.contract.vocabulary import PYTHON_OBJECT
from provagent.definition.description import Definition, EntityDescription
from provagent.definition.plain_data import describe
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
    """Return the kind that a definition describes under ``name``.

    Without a description the type is ``guess``.

    ``on_value`` compiles a path on a value, and returns None for a wrong path. ``note`` is called
    with target, stage and message if the paths of an identifier do not fit a value.
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
        return None  # an object where the definition expects a file: no path leads to the file
    return described.identifier


def compile_identifier(
    how: Any, digests: Digests, misfit: Callable[[str], None]
) -> Callable[[Any], Identity]:
    """Return the function that identifies objects: as the definition says, or by content.

    ``misfit`` is called once for each type that the paths do not fit.
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


# A type that the API accepts and that the author of the definition did not expect: for example a
# list instead of a collection class of the package. The text of such a value would make different
# values equal.
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
