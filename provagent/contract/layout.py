"""Where a run lies in a store: in the folder of the day on which it began, in UTC.

Thousands of runs a night are a folder's worth for a day, and a question need not look into
days in which nothing happens: the time of a day's folder tells. So whoever puts a file into a
run's folder touches its day. A store of before has its runs directly in it; so has one whose
identifier does not say when it began. Standard library only: the recorder makes the folders.
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
UNFINISHED = ".anew-"  # in the name of what is being made, before a process's number
_DAY = len("20261125")
_PERMISSIONS, _OF_OTHERS = 0o7777, 0o077


def day_of(run_id: str) -> str:
    """Return the name of a run's day, as its identifier begins; empty where that says none."""
    day, rest = run_id[:_DAY], run_id[_DAY:]
    return day if is_day(day) and rest.startswith("T") else ""


def run_folder(store: str, run_id: str) -> str:
    """Return the folder into which a run is recorded."""
    return os.path.join(store, day_of(run_id), run_id)


def run_folders(store: str, skipped: Skipped | None = None) -> Iterator[os.DirEntry[str]]:
    """Yield the folders in which runs may be, those of each day together, in order.

    ``skipped`` gets an error for each link and the like that stands where a folder belongs.
    """
    for folder in folders_in(store, skipped):
        if is_day(folder.name):
            yield from runs_of_day(folder, skipped)
        else:
            yield folder


def runs_of_day(day: os.DirEntry[str], skipped: Skipped | None = None) -> list[os.DirEntry[str]]:
    """Return the folders in which runs of a day may be, in order."""
    try:
        return folders_in(day.path, skipped)
    except OSError:  # it went away, or is not ours to read
        return []


def folders_in(folder: str, skipped: Skipped | None = None) -> list[os.DirEntry[str]]:
    """Return the folders in one, in order; hidden ones are being made, or removed.

    A link to a folder is none of them: it may lead anywhere.
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
    """Return what is wrong with an entry that is not one of the folders; None for a plain file."""
    if entry.is_dir(follow_symlinks=False):
        return bad_name(entry.path)
    if is_day(entry.name) or day_of(entry.name) or _is_link_to_folder(entry):
        with suppress(OSError):  # it went away
            return not_a_folder(entry.path, entry.stat(follow_symlinks=False))
    return None


def _is_link_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # it leads round in a circle
        return False


def folder_of(store: str, run_id: str) -> str:
    """Return the folder of a run, where it is or would be: a store of before has it directly."""
    directly = os.path.join(store, run_id)
    return directly if os.path.lexists(directly) else run_folder(store, run_id)


def is_within(path: object) -> bool:
    """Return whether a path from an index stays in its store: day, run and file, or the last two.

    An index is a file of the store, and may say anything.
    """
    names = path.split("/") if isinstance(path, str) else ()
    return len(names) in (2, 3) and not any(
        name.startswith(".") or not name or "\0" in name for name in names
    )


def make_run_folder(folder: str) -> None:
    """Make the folder of a run, and what it lacks above it, for its owner alone.

    But its day's is as open as the store is: where several users have one store, the first of
    a day makes it for all. A link in the place of either is not followed. Raises OSError.
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
    """Let who asks see that a file was put into the folder of a run."""
    above = os.path.dirname(os.path.dirname(path))
    if is_day(os.path.basename(above)):
        with suppress(OSError, NotImplementedError):
            # another user's: an index that looks everywhere sees it
            os.utime(above, follow_symlinks=os.utime not in os.supports_follow_symlinks)


def _is_folder(path: str) -> bool | None:
    """Return True for a folder, None where there is nothing; raise OSError for anything else."""
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
        if os.path.isdir(above):  # /proc and its like let nobody make a folder
            raise
        _make(above)
        _make(folder)


# Where others are let in, at once as it is to be: they may be about to make a run in it.
def _make_day(folder: str) -> None:
    store, day = os.path.split(folder)
    _make(store)
    permissions = os.stat(store).st_mode & _PERMISSIONS
    if not permissions & _OF_OTHERS:
        _make(folder)
        return
    beside = os.path.join(store, f".{day}{UNFINISHED}{os.getpid()}-{os.urandom(4).hex()}")
    os.mkdir(beside, OWNER_ONLY)  # a name that is taken, a planted link say, raises
    try:
        _change_mode(beside, permissions)
        os.rename(beside, folder)
    except OSError:  # another has made it
        with suppress(OSError):
            os.rmdir(beside)


def _change_mode(folder: str, permissions: int) -> None:
    if not hasattr(os, "fchmod"):  # Windows has no such permissions
        return
    descriptor = open_folder(folder, 1)  # not by its name, which others may have replaced
    try:
        os.fchmod(descriptor, permissions)
    finally:
        os.close(descriptor)
