"""Content of what lies in a file that is open: datasets of h5py, arrays of zarr.

What is not too large is read, as it is now: also what is in memory still. Of what is larger, and of
groups, the state of the file is known, and the place in it. That says nothing where a file is
open for writing: it may change later, or never. Such a thing is known by itself only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.identity.content import UnidentifiableError
from provagent.originals import os
from provagent.value.types import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.identity.content import Content, Parts, Token

    Stat = os.stat_result

MAX_FILES = 10_000  # of an array of zarr


class InFile:
    """Something that is known by the state of its file, and its place in there."""

    def __init__(self, facts: Any) -> None:
        self.facts = facts


class _Small:
    """Something in a file that is read where it has no more bytes than may be read."""

    def __init__(self, value: Any, attributes: Any) -> None:
        self.value = value
        self.attributes = attributes


def _in_file_token(value: InFile, content: Content) -> bytes:
    content.has_states = True
    return b"m" + content.new(repr(value.facts).encode("utf-8", "surrogatepass")).digest()


def _small_token(value: _Small, content: Content) -> bytes:
    array = value.value
    if array.nbytes > content.max_bytes:
        in_file = _dataset_in_file if type_name(type(array)).startswith("h5py.") else _zarr_in_file
        return content.token(in_file(array))
    content.spend(array.nbytes)
    try:
        found = array[()], value.attributes()
    except Exception as error:  # a filter that is not installed, a file that is damaged
        raise UnidentifiableError(f"{type_name(type(array))}: {error}") from None
    return content.token(found)


def file_facts(path: Any) -> Any:
    """Return where a file lies, and what tells its state; raises OSError."""
    return os.fspath(path), *_state(os.stat(path))


def _state(found: Stat) -> Any:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


# --- h5py


def _dataset(value: Any) -> Any:
    _must_be_open(value)
    return _Small(value, lambda: _attributes(value))


def _attributes(value: Any) -> Any:
    # References are those of dimensions, which lie elsewhere in the file.
    return {name: value.attrs[name] for name in value.attrs if name not in _REFERENCES}


def _dataset_in_file(value: Any) -> Any:
    if value.is_virtual or value.external:
        raise UnidentifiableError(f"{type_name(type(value))}: large, and in other files")
    return _group(value)


def _group(value: Any) -> Any:
    _must_be_open(value)
    file = value.file
    if file.mode != "r" or file.swmr_mode:
        raise UnidentifiableError(f"{type_name(type(value))}: its file is open for writing")
    try:
        # The file that is open: another one may lie at its place by now.
        found = os.fstat(file.id.get_vfd_handle())
    except Exception as error:
        raise UnidentifiableError(f"{type_name(type(value))}: no file: {error}") from None
    return InFile((file.filename, *_state(found), value.name))


def _must_be_open(value: Any) -> None:
    if not value:
        raise UnidentifiableError(f"{type_name(type(value))}: is closed")


def _empty(value: Any) -> Any:
    return value.dtype


# --- zarr


def _zarr_array(value: Any) -> Any:
    if type(value.store).__name__ not in (*_FOLDERS, "MemoryStore"):
        raise UnidentifiableError(f"{type_name(type(value))}: is not in this machine; its address")
    return _Small(value, lambda: dict(value.attrs))


def _zarr_in_file(value: Any) -> Any:
    attribute = _FOLDERS.get(type(value.store).__name__)
    if attribute is None:
        raise UnidentifiableError(f"{type_name(type(value))}: is in no folder")
    folder = os.path.join(os.fspath(getattr(value.store, attribute)), value.path)
    facts = []
    try:
        for path in _files_below(folder):
            facts.append((path[len(folder) :], *_state(os.stat(path))))
            if len(facts) > MAX_FILES:
                raise UnidentifiableError(f"{type_name(type(value))}: has too many files")
    except OSError as error:
        raise UnidentifiableError(f"{type_name(type(value))}: {error.strerror}") from None
    return InFile((folder, facts))


def _files_below(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir():
            yield from _files_below(entry.path)
        else:
            yield entry.path


_REFERENCES = ("DIMENSION_LIST", "REFERENCE_LIST")
# Stores of zarr -> what names their folder
_FOLDERS = {"LocalStore": "root", "DirectoryStore": "path"}

TOKENS: dict[str, Token] = {
    f"{__name__}:InFile": _in_file_token,
    f"{__name__}:_Small": _small_token,
}
# package:Class -> what stands for a value of it, or of a subclass in the same package
OWN: dict[str, Parts] = {
    "h5py:Dataset": _dataset,
    "h5py:Group": _group,
    "h5py:Empty": _empty,
    "zarr:Array": _zarr_array,
    "zarr:Group": _zarr_in_file,
}
