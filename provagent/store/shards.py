"""Which files of a store are its shards, and which of its folders are runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from provagent.record.packing import PACKED
from provagent.record.shard import SHARD_MARK

ENVIRONMENT_FILE = "environment-"  # how the names of files begin that are no process's shard


def shards_among(names: Iterable[str]) -> list[str]:
    """Return those names of a run's files that are shards, in order.

    Where packing was interrupted, a shard is there twice: the plain one is taken.
    """
    found = {name for name in names if SHARD_MARK in name}
    return sorted(name for name in found if name.removesuffix(PACKED) not in found - {name})


def shards_of(folder: str) -> list[str]:
    """Return the paths of a run's shards and environments. Raises OSError."""
    return [os.path.join(folder, name) for name in shards_among(os.listdir(folder))]


def is_of_process(path: str) -> bool:
    """Whether it is a process's own, and not an environment of several."""
    return not os.path.basename(path).startswith(ENVIRONMENT_FILE)


def run_folders(store: str) -> Iterator[os.DirEntry[str]]:
    """Yield the folders in which runs may be, in order; hidden ones are being removed."""
    with os.scandir(store) as entries:
        found = [one for one in entries if one.is_dir() and not one.name.startswith(".")]
    yield from sorted(found, key=lambda one: one.name)
