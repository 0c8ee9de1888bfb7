"""The location of a store and of its index: in the store, or in the user's cache.

The index is in the cache if the store cannot contain it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from provagent.contract.errors import StoreError
from provagent.definition.source import cache_folder
from provagent.settings.table import read_settings, warn

NAME = "index.sqlite"
# SQLite's shared memory works on one machine only: on these file systems a second machine would
# break the index.
_OVER_THE_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "lustre", "fuse.sshfs", "ceph")


def find_store(given: str | None = None) -> str:
    """Return the path of the store: ``given``, else the path in the settings, else ``./prov``.

    Raises StoreError if the folder does not exist.
    """
    if given:
        store = given
    else:
        settings = read_settings()
        store = settings.store
        if "store" in settings.untrusted:
            warn(settings.untrusted["store"])
    if not os.path.isdir(store):
        raise StoreError(
            f"{store}: no such store; record a run with 'provagent run script.py', "
            "or give the folder of a store with --store"
        )
    # A link to a store is the user's own choice and is followed once; links inside the store are
    # not followed.
    return os.path.realpath(store) if os.path.islink(store.rstrip("/")) else store


def remove(path: str) -> None:
    """Remove an index; it can be made again.

    Raises ForeignIndexError, and removes nothing, if the file is not an index of provagent.
    """
    from provagent.reading.store.schema import ENDS, require_own

    if not require_own(path):
        return
    for end in ENDS:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + end)


def place_for(store: str) -> str:
    """Return the path for the index of a store; warn if the path is outside of the store."""
    beside = os.path.join(store, NAME)
    why = None
    if not os.access(store, os.W_OK) or (
        os.path.lexists(beside) and not os.access(beside, os.W_OK)
    ):
        why = "the store cannot be written"
    elif _is_of_another(beside, store):
        why = "the index in it belongs to another user"
    elif _file_system(store) in _OVER_THE_NETWORK:
        why = "the store is on a network file system"
    if why is None:
        return beside
    path = _elsewhere(store)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.lexists(path):
        warn(f"{store}: {why}; its index is {path}")
    return path


def _is_of_another(beside: str, store: str) -> bool:
    """Return whether the index belongs to another user of a shared store, who may change it."""
    try:
        owner = os.lstat(beside).st_uid
        return hasattr(os, "geteuid") and owner not in (os.geteuid(), os.stat(store).st_uid)
    except OSError:
        return False


def _elsewhere(store: str) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:16]
    return os.path.join(cache_folder(read_settings()), f"index-{name}.sqlite")


def remove_all(store: str) -> None:
    """Remove the indexes of a store at all possible paths."""
    from provagent.reading.store.schema import ForeignIndexError

    for path in (os.path.join(store, NAME), _elsewhere(store)):
        with contextlib.suppress(ForeignIndexError):  # a foreign file contains no records
            remove(path)


def _file_system(path: str) -> str:
    """Return the type of the file system of a path; empty if unknown."""
    real, best, found = os.path.realpath(path), "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                _, at, kind, *_ = line.split(" ")
                at = at.replace("\\040", " ")
                inside = real == at or real.startswith(at.rstrip("/") + "/")
                if inside and len(at) >= len(best):
                    best, found = at, kind
    except (OSError, ValueError):
        return ""
    return found
