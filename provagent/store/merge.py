"""The runs of another store, another machine's as a rule, taken into this one.

Shards are compared by content, packed or plain: one that is here is never overwritten, but
by one that begins with all of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from provagent.errors import RecordError, StoreError
from provagent.record.packing import PACKED
from provagent.record.shard import opened
from provagent.store.runs import run_ids
from provagent.store.shards import shard_names

HALF = ".merge-"  # how the names of files begin that are not whole yet
_BLOCK = 1 << 20
SAME, GROWN, SHORTER, OTHER = "same", "grown", "shorter", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The runs of another store: new here, completed, the same; by run why one was not taken."""

    new: tuple[str, ...]
    completed: tuple[str, ...]
    same: tuple[str, ...]
    refused: dict[str, str]

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def merge(store: str, other: str) -> Merged:
    """Take the runs of the store ``other`` into ``store``, which is made where it is not there.

    A run is taken whole or not at all: not where a shard of it has other content here.
    ``other`` is only read. Raises StoreError where there is no such store, or it is this one.
    """
    if not os.path.isdir(other):
        raise StoreError(f"{other}: no store there; name the folder that holds its runs")
    os.makedirs(store, mode=0o700, exist_ok=True)
    if os.path.samefile(store, other):
        raise StoreError(f"{other}: is this store itself; name another one")
    found: dict[str, list[str]] = {"new": [], "completed": [], "same": []}
    refused: dict[str, str] = {}
    runs = run_ids(other)
    if not runs:
        raise StoreError(f"{other}: no runs in this store")
    for run in runs:
        try:
            found[_take(os.path.join(store, run), os.path.join(other, run))].append(run)
        except RecordError as error:
            refused[run] = str(error)
        except OSError as error:
            refused[run] = f"cannot be copied: {error.strerror or error}"
    return Merged(refused=refused, **{key: tuple(names) for key, names in found.items()})


def _take(here: str, there: str) -> str:
    is_new = not os.path.isdir(here)
    ours = {} if is_new else {_plain(name): name for name in shard_names(here)}
    wanted: list[tuple[str, str | None]] = []
    for name in shard_names(there):
        known = ours.get(_plain(name))
        if known is None:
            wanted.append((name, None))
            continue
        how = _compared(os.path.join(here, known), os.path.join(there, name))
        if how == OTHER:
            raise RecordError(
                f"{known}: is here with other content; nothing of this run was taken. "
                "Where it is another run, merge into a store of its own"
            )
        if how == GROWN:
            wanted.append((name, known))
    if is_new:
        os.mkdir(here, 0o700)
    for name, known in wanted:
        _copy(os.path.join(there, name), os.path.join(here, name))
        if known not in (None, name):  # packed here and plain there, or the other way
            os.unlink(os.path.join(here, known or ""))
    return "new" if is_new else "completed" if wanted else "same"


def _plain(name: str) -> str:
    return name.removesuffix(PACKED)


def _compared(here: str, there: str) -> str:
    """Return how the content of a shard there is beside that of the one here."""
    for one, two in zip(_blocks(here), _blocks(there), strict=False):
        if one == two:
            continue
        if not two.startswith(one) and not one.startswith(two):
            return OTHER
        return GROWN if len(two) > len(one) else SHORTER
    return SAME


def _blocks(path: str) -> Iterator[bytes]:
    """Yield a shard's content, and empty bytes at its end; raises RecordError for a broken one."""
    try:
        with opened(path) as file:
            while block := file.read(_BLOCK):
                yield block
    except EOFError as error:
        raise RecordError(f"{path}: cannot be read: {error}") from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its module is only there at times
            raise
        raise RecordError(f"{path}: cannot be unpacked: {error}") from error
    yield b""


def _copy(there: str, here: str) -> None:
    """Copy a shard: whole, and made to last, before it has its name."""
    descriptor, half = tempfile.mkstemp(dir=os.path.dirname(here), prefix=HALF)
    try:
        with os.fdopen(descriptor, "wb") as file, open(there, "rb") as source:
            shutil.copyfileobj(source, file, _BLOCK)
            file.flush()
            os.fsync(file.fileno())
            status = os.fstat(source.fileno())
        os.utime(half, ns=(status.st_atime_ns, status.st_mtime_ns))  # by which it is an old one
        os.replace(half, here)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(half)
        raise
