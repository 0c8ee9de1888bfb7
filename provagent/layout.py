"""Where a run lies in a store: in the folder of the day on which it began, in UTC.

Thousands of runs a night are a folder's worth for a day, and a question need not look into
days in which nothing happens: the time of a day's folder tells. So whoever puts a file into a
run's folder touches its day. A store of before has its runs directly in it; so has one whose
identifier does not say when it began. Standard library only: the recorder makes the folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

# Names of our own, so that a program that patches os does not reach us.
from os import chmod as _chmod
from os import mkdir as _mkdir
from os import rename as _rename
from os import rmdir as _rmdir
from os import stat as _stat
from os import utime as _utime

OWNER_ONLY = 0o700
UNFINISHED = ".anew-"  # in the name of what is being made, before a process's number
_DAY = len("20261125")
_PERMISSIONS, _OF_OTHERS = 0o7777, 0o077


def day_of(run_id: str) -> str:
    """Return the name of a run's day, as its identifier begins; empty where that says none."""
    day, rest = run_id[:_DAY], run_id[_DAY:]
    return day if is_day(day) and rest.startswith("T") else ""


def is_day(name: str) -> bool:
    """Whether a folder of this name in a store is a day's."""
    return len(name) == _DAY and name.isdecimal()


def run_folder(store: str, run_id: str) -> str:
    """Return the folder into which a run is recorded."""
    return os.path.join(store, day_of(run_id), run_id)


def run_folders(store: str) -> Iterator[os.DirEntry[str]]:
    """Yield the folders in which runs may be, those of each day together, in order."""
    for folder in folders_in(store):
        if is_day(folder.name):
            yield from runs_of_day(folder)
        else:
            yield folder


def runs_of_day(day: os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """Return the folders in which runs of a day may be, in order."""
    try:
        return folders_in(day.path)
    except OSError:  # it went away, or is not ours to read
        return []


def folders_in(folder: str) -> list[os.DirEntry[str]]:
    """Return the folders in one, in order; hidden ones are being made, or removed."""
    with os.scandir(folder) as entries:
        found = [one for one in entries if not one.name.startswith(".") and one.is_dir()]
    return sorted(found, key=lambda one: one.name)


def folder_of(store: str, run_id: str) -> str:
    """Return the folder of a run, where it is or would be: a store of before has it directly."""
    directly = os.path.join(store, run_id)
    return directly if os.path.isdir(directly) else run_folder(store, run_id)


def make_run_folder(folder: str) -> None:
    """Make the folder of a run, and what it lacks above it, for its owner alone.

    But its day's is as open as the store is: where several users have one store, the first of
    a day makes it for all. Raises OSError.
    """
    try:
        _mkdir(folder, OWNER_ONLY)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = os.path.dirname(folder)
        if is_day(os.path.basename(above)):
            _make_day(above)
        _make(folder)


def touch_day(path: str) -> None:
    """Let who asks see that a file was put into the folder of a run."""
    above = os.path.dirname(os.path.dirname(path))
    if is_day(os.path.basename(above)):
        with suppress(OSError):  # another user's: an index that looks everywhere sees it
            _utime(above)


def _make(folder: str) -> None:
    try:
        _mkdir(folder, OWNER_ONLY)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(os.path.dirname(folder))
        _make(folder)


# Where others are let in, at once as it is to be: they may be about to make a run in it.
def _make_day(folder: str) -> None:
    store, day = os.path.split(folder)
    _make(store)
    permissions = _stat(store).st_mode & _PERMISSIONS
    if not permissions & _OF_OTHERS:
        return  # it is made as all others are
    beside = os.path.join(store, f".{day}{UNFINISHED}{os.getpid()}")
    _make(beside)
    try:
        _chmod(beside, permissions)
        _rename(beside, folder)
    except OSError:  # another has made it
        with suppress(OSError):
            _rmdir(beside)
