"""The shards of a run as files: which are there, and which of two that are one shard counts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from provagent.errors import RecordError
from provagent.record.packing import PACKED
from provagent.record.shard import SHARD_MARK, opened

ENVIRONMENT = "environment-"  # how the names of files begin that are no process's shard
_SAME = 4096  # bytes by which the beginnings of two shards are compared


def shard_names(folder: str) -> list[str]:
    """Return the names of a run's shards, each once, in order. Raises OSError.

    A packed shard counts where the plain one is gone: until then the plain one is that and
    perhaps more. Where the two do not begin alike, both count.
    """
    names = {name for name in os.listdir(folder) if is_shard(name)}
    return sorted(
        name
        for name in names
        if not (
            name.endswith(PACKED)
            and name.removesuffix(PACKED) in names
            and begin_alike(os.path.join(folder, name.removesuffix(PACKED)))
        )
    )


def is_shard(name: str) -> bool:
    return SHARD_MARK in name and not name.startswith(".")


def begin_alike(plain: str) -> bool:
    """Whether a plain shard begins as the packed one beside it does."""
    try:
        with open(plain, "rb") as one, opened(plain + PACKED) as other:
            beginnings = one.read(_SAME), other.read(_SAME)
    except (OSError, EOFError, RecordError):
        return False
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        return False
    shorter = min(map(len, beginnings))
    return shorter > 0 and beginnings[0][:shorter] == beginnings[1][:shorter]


def listed(store: str) -> tuple[dict[str, os.stat_result], dict[str, str]]:
    """Return the shards of all runs, by path within the store, and files of environments.

    The state of each shard; by identifier of an environment, one file that tells of it.
    """
    shards: dict[str, os.stat_result] = {}
    environments: dict[str, str] = {}
    for run, file in _files(store):
        if file.name.startswith(ENVIRONMENT):
            environments[file.name.removeprefix(ENVIRONMENT).partition(".")[0]] = file.path
        else:
            with contextlib.suppress(OSError):  # it went away
                shards[f"{run}/{file.name}"] = file.stat()
    return shards, environments


def _files(store: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(store) as runs:
        for run in sorted((one for one in runs if one.is_dir()), key=lambda one: one.name):
            try:
                with os.scandir(run.path) as files:
                    for file in files:
                        if is_shard(file.name):
                            yield run.name, file
            except OSError:
                continue  # it went away, or is not ours to read
