"""Content of data in open files: datasets of h5py, arrays of zarr.

A dataset up to ``max_bytes`` is read in its current state, including data that are still in memory.
A larger dataset, or a group, is identified by the state of its file and its place in the file. This
identity is not valid if the file is open for writing, because the file may change later, or never.
Such objects are identified by themselves only. The same applies to data that are in other files or
in objects of the program.

The content of an array or a group of zarr is the content of its files. The files are read directly:
zarr would open them in its own threads, as if the program had read them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.contract.values.types import instance_state, type_name
from provagent.identity.content import Content, UnidentifiableError
from provagent.isolation.originals import io, os

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.identity.content import Parts, Token

    Stat = os.stat_result

MAX_KNOWN = 1000  # maximum number of cached tokens
MAX_FILES = 10_000  # maximum number of files of an array or a group of zarr


class InFile:
    """Data that are identified by the state of their file and their place in the file."""

    def __init__(self, facts: Any) -> None:
        self.facts = facts


class _Stored(NamedTuple):
    """Data that are read if they have at most ``max_bytes`` bytes.

    ``key`` consists of the state of the file and the place in the file. Data with an equal key are
    not read again. None if data in memory may differ from the file.
    """

    size: int
    read: Callable[[], Any]
    in_file: Callable[[], Any]
    key: str | None = None


def _in_file_token(value: InFile, content: Content) -> bytes:
    content.has_states = True
    return b"m" + content.new(repr(value.facts).encode("utf-8", "surrogatepass")).digest()


def _stored_token(value: _Stored, content: Content) -> bytes:
    if value.size > content.max_bytes:
        return content.token(value.in_file())
    text = (value.key or "").encode("utf-8", "surrogatepass")
    key = text and content.new(text).digest()
    if (known := _known.get((content.new, key))) is not None:
        return known
    content.spend(value.size)
    try:
        found = value.read()
    except Exception as error:  # a missing filter, a damaged file
        raise UnidentifiableError(f"the file cannot be read: {error}") from None
    before = content.sampled, content.has_states, content.is_second
    token = content.token(found)
    is_whole = before == (content.sampled, content.has_states, content.is_second)
    if key and is_whole and type(content) is Content:
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[content.new, key] = token
    return token


def file_facts(path: Any) -> Any:
    """Return the path of a file and the values that identify its state; raises OSError."""
    return os.fspath(path), *_state(os.stat(path))


def _state(found: Stat) -> Any:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


# --- h5py


def _dataset(value: Any) -> Any:
    _must_be_open(value)
    if value.file.driver not in _LOCAL:
        raise UnidentifiableError(f"{type_name(type(value))}: is not in a file on this machine")
    try:
        key = repr(_dataset_in_file(value).facts)
    except UnidentifiableError:
        key = None
    return _Stored(
        value.nbytes, lambda: (value[()], _attributes(value)), lambda: _dataset_in_file(value), key
    )


def _attributes(value: Any) -> Any:
    # References point to dimensions elsewhere in the file.
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
        # The state of the open file: the path may belong to another file by now.
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


def _in_store(value: Any) -> Any:
    store = type(value.store).__name__
    if store == "MemoryStore":
        return _in_memory(value)
    if store not in _FOLDERS:
        raise UnidentifiableError(
            f"{type_name(type(value))}: is not in a folder; identify its address"
        )
    folder = os.path.join(os.fspath(getattr(value.store, _FOLDERS[store])), value.path)
    try:
        found = {name: os.stat(path) for name, path in islice(_below(folder), MAX_FILES + 1)}
    except OSError as error:
        raise UnidentifiableError(f"{type_name(type(value))}: {error.strerror}") from None
    if len(found) > MAX_FILES:
        raise UnidentifiableError(f"{type_name(type(value))}: has too many files")
    facts = folder, [(name, *_state(one)) for name, one in found.items()]
    return _Stored(
        sum(one.st_size for one in found.values()),
        lambda: {name: _bytes_of(os.path.join(folder, name)) for name in found},
        lambda: InFile(facts),
        repr(facts),
    )


def _in_memory(value: Any) -> Any:
    inside = f"{value.path}/" if value.path else ""
    pieces = {
        key.removeprefix(inside): piece.to_bytes()
        for key, piece in list(instance_state(value.store)["_store_dict"].items())
        if key.startswith(inside)
    }

    def in_file() -> Any:
        raise UnidentifiableError(f"{type_name(type(value))}: large, and not in a file")

    return _Stored(sum(map(len, pieces.values())), lambda: pieces, in_file)


def _below(folder: str, before: str = "") -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir():
            yield from _below(entry.path, f"{before}{entry.name}/")
        else:
            yield before + entry.name, entry.path


def _bytes_of(path: str) -> bytes:
    with io.open(path, "rb") as stream:
        return stream.read()


# (algorithm, digest of the key) -> token
_known: dict[tuple[Any, bytes], bytes] = {}
_LOCAL = ("sec2", "stdio", "direct", "core")
_REFERENCES = ("DIMENSION_LIST", "REFERENCE_LIST")
# Store classes of zarr -> the attribute with their folder
_FOLDERS = {"LocalStore": "root", "DirectoryStore": "path"}

TOKENS: dict[str, Token] = {
    f"{__name__}:InFile": _in_file_token,
    f"{__name__}:_Stored": _stored_token,
}
# package:Class -> function that returns the content of a value of this class, or of a subclass in
# the same package
OWN: dict[str, Parts] = {
    "h5py:Dataset": _dataset,
    "h5py:Group": _group,
    "h5py:Empty": _empty,
    "zarr:Array": _in_store,
    "zarr:Group": _in_store,
}
