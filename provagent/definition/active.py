"""Find the active definitions and their targets, in about a millisecond.

Active are the shipped definitions, the definitions of installed packages (entry point
``provagent.definitions``), ``definition.yaml`` in the working folder, and the definitions that the
settings name. A later definition takes precedence over an earlier one. The result is cached: a
starting interpreter imports neither YAML nor other modules that it has not loaded.
"""

from __future__ import annotations

import marshal
import sys

from provagent.contract.version import __version__
from provagent.definition.source import Source, cache_folder, read_own, write_quietly
from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from provagent.settings.table import Settings

CACHE_FORMAT = 2
ENTRY_POINT = "provagent.definitions"
WORKING_FOLDER_FILE = "definition.yaml"


def active_sources(settings: Settings, cwd: str) -> list[Source]:
    """Return the active definitions, each file once.

    A later one takes precedence over an earlier one.
    """
    places = _places(settings, cwd)
    stamps = tuple(_stamp(place) for place in places)
    cache = _cache_file(settings, places)
    known = _load(cache, (places, stamps))
    if known is not None:
        return known
    sources = [_source(name, location, settings) for name, location in _find(settings, cwd)]
    own = os.path.join(cwd, WORKING_FOLDER_FILE)
    for source in sources:
        source.is_of_folder = source.location == own and own not in settings.definitions
    _store(cache, (places, stamps), sources)
    return sources


def _source(name: str, location: str, settings: Settings) -> Source:
    """Return one definition. It has its own cache: a new working folder adds only its own file."""
    key = (f"{CACHE_FORMAT} {__version__}", name, location)
    cache = _cache_file(settings, key, "source")
    known = _load(cache, key)
    if known is not None:
        return known[0]
    from provagent.definition.compiled import read_source

    source = read_source(name, location, settings)
    _store(cache, key, [source])
    return source


def shipped_folder() -> str:
    """Return the folder of the definitions that come with provagent."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, "definitions")
    beside = os.path.join(os.path.dirname(package), "definitions")  # in the source tree
    return inside if os.path.isdir(inside) else beside


# A file that is added or removed changes the time stamp of one of these folders. The stamps of the
# files that were found are compared one by one.
def _places(settings: Settings, cwd: str) -> tuple[str, ...]:
    own = os.path.join(cwd, WORKING_FOLDER_FILE)
    return (
        f"{CACHE_FORMAT} {__version__}",
        shipped_folder(),
        *sys.path,
        *settings.definitions,
        own if os.path.isfile(own) else "",
    )


# hash() differs between processes, and modules that import hashlib or zlib load slowly.
def _cache_file(settings: Settings, places: tuple[str, ...], kind: str = "active") -> str:
    text = "\0".join(places).encode("utf-8", "surrogateescape")
    number = int.from_bytes(text, "little") % (2**61 - 1)
    return os.path.join(cache_folder(settings), f"{kind}-{number:016x}")


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _load(cache: str, key: Any) -> list[Source] | None:
    try:
        content = read_own(cache)  # marshal.load would call the stream for each item
        known_key, entries = marshal.loads(content)  # noqa: S302 - we wrote it, for us alone
        if known_key != key or any(_stamp(fields[1]) != stamp for fields, stamp in entries):
            return None
        return [Source(*fields) for fields, _ in entries]
    except (OSError, ValueError, EOFError, TypeError, LookupError):
        return None  # no cache file, or invalid content


def _store(cache: str, key: Any, sources: list[Source]) -> None:
    entries = [(source.as_tuple(), _stamp(source.location)) for source in sources]
    write_quietly(cache, marshal.dumps((key, entries)))


def _find(settings: Settings, cwd: str) -> list[tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, location in _candidates(settings, cwd):
        real = os.path.realpath(location)
        found.pop(real, None)  # the later position counts
        found[real] = name, location
    return list(found.values())


def _candidates(settings: Settings, cwd: str) -> Iterator[tuple[str, str]]:
    folder = shipped_folder()
    for file in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
        if file.endswith((".yaml", ".yml")):
            yield file.rpartition(".")[0], os.path.join(folder, file)
    yield from _offered()
    own = os.path.join(cwd, WORKING_FOLDER_FILE)
    if os.path.isfile(own):
        yield "definition", own
    for location in settings.definitions:
        yield os.path.splitext(os.path.basename(location))[0], location


def _offered() -> Iterator[tuple[str, str]]:
    """Yield the definitions of installed packages: ``name = package.module:file.yaml``."""
    from provagent.isolation.entry_points import offered

    for name, value in offered(ENTRY_POINT):
        location = _resource(value)
        if location:
            yield name, location


# The package is not imported. Only its place is looked up.
def _resource(value: str) -> str | None:
    from importlib.util import find_spec

    package, _, file = value.partition(":")
    top, *rest = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations if spec else None) or ():
        location = os.path.join(place, *rest, file or WORKING_FOLDER_FILE)
        if os.path.isfile(location):
            return location
    return None
