"""A cache of definitions by their digest, so that each YAML file is read only once."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from provagent.contract import json_text
from provagent.contract.errors import Problem
from provagent.definition.plain_data import DATA_FORMAT, from_data, to_data
from provagent.definition.source import Source, cache_folder, read_own, write_quietly
from provagent.isolation.originals import os

if TYPE_CHECKING:
    from provagent.definition.description import Definition
    from provagent.settings.table import Settings


def read_source(name: str, location: str, settings: Settings) -> Source:
    """Read a definition and cache it. A file without usable content has no targets."""
    from provagent.definition.parse import read_definition

    reading = read_definition(location, name=name)
    definition = reading.definition
    problems = tuple(str(problem) for problem in reading.problems)
    if definition is None:
        return Source(name, location, "", (), {}, problems)
    write_quietly(_file(definition.digest, settings), json_text.dumps(to_data(definition)))
    targets = tuple(target.text for target in definition.targets)
    from provagent.definition.untrusted import calls_in

    requires, calls = dict(definition.requires), tuple(calls_in(definition))
    return Source(name, location, definition.digest, targets, requires, problems, calls)


def load_definition(source: Source, settings: Settings) -> Definition:
    """Return the definition of a source, from the cache if possible.

    If the definition is not trusted, its calls are removed. Raises DefinitionError if the file has
    become unusable.
    """
    definition = _loaded(source, settings)
    if source.calls and source.is_untrusted(settings):
        from provagent.definition.untrusted import without_calls

        return without_calls(definition)
    return definition


def _loaded(source: Source, settings: Settings) -> Definition:
    try:
        data: dict[str, Any] = json_text.loads(read_own(_file(source.digest, settings)))
        # The same bytes may be in several files, under several names.
        return replace(from_data(data), name=source.name, location=source.location)
    except (OSError, ValueError, KeyError, TypeError):
        return _read_again(source)


def _read_again(source: Source) -> Definition:
    from provagent.contract.errors import DefinitionError
    from provagent.definition.parse import read_definition

    reading = read_definition(source.location, name=source.name)
    if reading.definition is None:
        raise DefinitionError(reading.problems or (Problem(source.location, 1, "", "empty"),))
    return reading.definition


def _file(digest: str, settings: Settings) -> str:
    key = sha256(f"{DATA_FORMAT} {digest}".encode()).hexdigest()[:32]
    return os.path.join(cache_folder(settings), f"definition-{key}.json")
