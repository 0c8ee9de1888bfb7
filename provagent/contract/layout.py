"""The place of a run in a store: the folder of the day on which the run began, in UTC.

A folder for each day keeps thousands of runs a night together. A query can skip days without
changes: the modification time of the day's folder shows a change. So all code that adds a file to
the folder of a run updates the time of the day's folder.

A store of an earlier version contains its runs directly. So does any store, for runs whose
identifier does not begin with a time. Only the standard library is imported, because the recorder
makes the folders.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress

from provagent.contract.file_names import is_utf8
from provagent.contract.store_files import (
    Skipped,
    UnsafeFileError,
    bad_name,
    is_day,
    kind_of,
    not_a_folder,
    open_folder,
)
from provagent.isolation.originals import os

OWNER_ONLY = 0o700
UNFINISHED = ".anew-"  # in the name of an unfinished folder, before the process number
_DAY = len("20261125")
_PERMISSIONS, _OF_OTHERS = 0o7777, 0o077


def day_of(run_id: str) -> str:
    """Return the name of the day of a run, from its identifier; empty if there is no day in it."""
    day, rest = run_id[:_DAY], run_id[_DAY:]
    return day if is_day(day) and rest.startswith("T") else ""


def run_folder(store: str, run_id: str) -> str:
    """Return the folder into which a run is recorded."""
    return os.path.join(store, day_of(run_id), run_id)


def run_folders(store: str, skipped: Skipped | None = None) -> Iterator[os.DirEntry[str]]:
    """Yield the folders that may contain runs, in order, the folders of one day together.

    ``skipped`` receives an error for each link or other entry that is in the place of a folder.
    """
    for folder in folders_in(store, skipped):
        if is_day(folder.name):
            yield from runs_of_day(folder, skipped)
        else:
            yield folder


def runs_of_day(day: os.DirEntry[str], skipped: Skipped | None = None) -> list[os.DirEntry[str]]:
    """Return the folders of a day that may contain runs, in order."""
    try:
        return folders_in(day.path, skipped)
    except OSError:  # it was removed, or is not readable
        return []


def folders_in(folder: str, skipped: Skipped | None = None) -> list[os.DirEntry[str]]:
    """Return the subfolders of a folder, in order. Hidden ones are being made or removed.

    A link to a folder is not included, because it may lead anywhere.
    """
    found = []
    with os.scandir(folder) as entries:
        for one in entries:
            if one.name.startswith("."):
                continue
            if one.is_dir(follow_symlinks=False) and is_utf8(one.name):
                found.append(one)
            elif skipped is not None and (problem := _why_skipped(one)):
                skipped.append(problem)
    return sorted(found, key=lambda one: one.name)


def _why_skipped(entry: os.DirEntry[str]) -> UnsafeFileError | None:
    """Return the problem of an entry that is not a listed folder; None for a plain file."""
    if entry.is_dir(follow_symlinks=False):
        return bad_name(entry.path)
    if is_day(entry.name) or day_of(entry.name) or _is_link_to_folder(entry):
        with suppress(OSError):  # it was removed
            return not_a_folder(entry.path, entry.stat(follow_symlinks=False))
    return None


def _is_link_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a circle of links
        return False


def folder_of(store: str, run_id: str) -> str:
    """Return the folder of a run, existing or not.

    Earlier versions put it directly into the store.
    """
    directly = os.path.join(store, run_id)
    return directly if os.path.lexists(directly) else run_folder(store, run_id)


def is_within(path: object) -> bool:
    """Return whether a path from an index stays in its store.

    A valid path is day/run/file or run/file. The check is necessary because an index is a file of
    the store, and its content is not trusted.
    """
    names = path.split("/") if isinstance(path, str) else ()
    return len(names) in (2, 3) and not any(
        name.startswith(".") or not name or "\0" in name for name in names
    )


def make_run_folder(folder: str) -> None:
    """Make the folder of a run, and its missing parents, with access for the owner only.

    The folder of the day gets the permissions of the store. If several users share a store, the
    first user of a day makes the folder for all. A link in place of one of the two folders is not
    followed. Raises OSError.
    """
    above = os.path.dirname(folder)
    has_day = is_day(os.path.basename(above))
    if has_day and _is_folder(above) is None:
        _make_day(above)
    try:
        os.mkdir(folder, OWNER_ONLY)
    except FileExistsError:
        pass
    except FileNotFoundError:
        _make(folder)
    _is_folder(folder)
    if has_day:
        _is_folder(above)


def touch_day(path: str) -> None:
    """Update the time of the day's folder, so that queries see a new file of a run."""
    above = os.path.dirname(os.path.dirname(path))
    if is_day(os.path.basename(above)):
        with suppress(OSError, NotImplementedError):
            # The folder of another user: only an index that scans all days finds the file.
            os.utime(above, follow_symlinks=os.utime not in os.supports_follow_symlinks)


def _is_folder(path: str) -> bool | None:
    """Return True for a folder, and None if nothing exists. Raise OSError for anything else."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return True
    raise UnsafeFileError(path, f"is {kind_of(status)}, not a folder; remove it")


def _make(folder: str) -> None:
    try:
        os.mkdir(folder, OWNER_ONLY)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = os.path.dirname(folder)
        if os.path.isdir(above):  # nobody can make a folder in /proc and similar places
            raise
        _make(above)
        _make(folder)


# If others have access, the folder appears with its final permissions in one step: another user may
# be about to make a run in it.
def _make_day(folder: str) -> None:
    store, day = os.path.split(folder)
    _make(store)
    permissions = os.stat(store).st_mode & _PERMISSIONS
    if not permissions & _OF_OTHERS:
        _make(folder)
        return
    beside = os.path.join(store, f".{day}{UNFINISHED}{os.getpid()}-{os.urandom(4).hex()}")
    os.mkdir(beside, OWNER_ONLY)  # raises if the name exists, for example as a planted link
    try:
        _change_mode(beside, permissions)
        os.rename(beside, folder)
    except OSError:  # another process has made it
        with suppress(OSError):
            os.rmdir(beside)


def _change_mode(folder: str, permissions: int) -> None:
    if not hasattr(os, "fchmod"):  # Windows has no such permissions
        return
    descriptor = open_folder(folder, 1)  # not by name: others may have replaced the folder
    try:
        os.fchmod(descriptor, permissions)
    finally:
        os.close(descriptor)
