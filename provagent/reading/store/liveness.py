"""Liveness: whether a process of a run still runs, and writes its shard."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from provagent.contract.store_files import read_file
from provagent.reading.store.run_summary import unended
from provagent.reading.store.shards import shards_of

_MANY = 1 << 31  # no process has a number of this size
_SLACK = timedelta(seconds=5)  # a process starts before it records its start time


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Why a run may still be written; ``is_sure``: its process is running or has a shard open."""

    what: str
    is_sure: bool


def still_written(folder: str) -> Written | None:
    """Return why the run in a folder may still be written; None if it is not written."""
    found: Written | None = None
    for begun in unended(folder):
        host, pid = begun.get("host"), begun.get("pid")
        if not (isinstance(pid, int) and 0 < pid < _MANY):
            continue  # of a foreign log
        if host != os.uname().nodename:
            found = Written(
                what=f"unfinished; process {pid} on {host} may still write it; use --force if that "
                "process has ended",
                is_sure=False,
            )
        elif is_alive(pid, begun.get("startTime")):
            return Written(what=f"process {pid} still writes it; try again later", is_sure=True)
    for path in shards_of(folder):
        if is_open(path):
            name = os.path.basename(path)
            return Written(what=f"a process still writes {name}; try again later", is_sure=True)
    return found


def is_open(path: str) -> bool:
    """Return whether a process, in any container, has the shared lock of a shard's writer."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        opened = read_file(path)
    except OSError:  # the reader of the shard reports this
        return False
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (errno.EWOULDBLOCK, errno.EACCES)  # else: no locks
    return False


def is_alive(pid: int, start: str | None = None) -> bool:
    """Return whether a process is running and is not a later process with the same number."""
    if os.name == "nt":  # on Windows, os.kill ends a process with any signal
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # no process has so large a number
        return False
    except PermissionError:
        pass
    began = _beginning(pid)
    try:
        details = datetime.fromisoformat(start or "")
    except ValueError:
        return True
    return began is None or began <= details + _SLACK


def _beginning(pid: int) -> datetime | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        with open("/proc/stat", encoding="utf-8") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    if fields[0] == "Z":
        return datetime.now(UTC) + timedelta(days=1)  # it does not write any more
    return datetime.fromtimestamp(boot + int(fields[19]) / os.sysconf("SC_CLK_TCK"), UTC)
