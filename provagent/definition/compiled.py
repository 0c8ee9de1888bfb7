"""Definitions as they were read before: kept under their digest, so that YAML is read once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from provagent.definition.active import Source, cache_folder, read_own, write_quietly
from provagent.definition.data import DATA_FORMAT, from_data, to_data
from provagent.errors import Problem

if TYPE_CHECKING:
    from provagent.definition.description import Definition
    from provagent.settings import Settings


def read_source(name: str, location: str, settings: Settings) -> Source:
    """Read a definition and keep it; a file of which nothing can be used has no targets."""
    from provagent.definition.parse import read_definition

    reading = read_definition(location, name=name)
    definition = reading.definition
    problems = tuple(str(problem) for problem in reading.problems)
    if definition is None:
        return Source(name, location, "", (), {}, problems)
    write_quietly(_file(definition.digest, settings), orjson.dumps(to_data(definition)))
    targets = tuple(target.text for target in definition.targets)
    return Source(name, location, definition.digest, targets, dict(definition.requires), problems)


def load_definition(source: Source, settings: Settings) -> Definition:
    """Return the definition of a source, from the cache where it is there and sound.

    Raises DefinitionError when the file has become unusable since.
    """
    try:
        data: dict[str, Any] = orjson.loads(read_own(_file(source.digest, settings)))
        # The same bytes may lie in several places, and under several names.
        return replace(from_data(data), name=source.name, location=source.location)
    except (OSError, ValueError, KeyError, TypeError):
        return _read_again(source)


def _read_again(source: Source) -> Definition:
    from provagent.definition.parse import read_definition
    from provagent.errors import DefinitionError

    reading = read_definition(source.location, name=source.name)
    if reading.definition is None:
        raise DefinitionError(reading.problems or (Problem(source.location, 1, "", "empty"),))
    return reading.definition


def _file(digest: str, settings: Settings) -> str:
    key = hashlib.sha256(f"{DATA_FORMAT} {digest}".encode()).hexdigest()[:32]
    return os.path.join(cache_folder(settings), f"definition-{key}.json")
