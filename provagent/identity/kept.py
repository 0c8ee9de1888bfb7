"""Digests of files, kept between runs: a table in one file of the cache folder.

A slot holds the last file that fell into it, so that the table does not grow. Any number
of processes read and write it without a lock: a slot is read and written by one call, and
what another process has torn is told by its sum. Nothing is held open, nothing is buffered.

An entry is found by all that tells one state of a file from others: host, device, inode,
size, mtime and ctime. Of a file that was changed so lately that another change could have
the same time, nothing is kept: as git does it with its index.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

from provagent.isolation.originals import os, real_time_ns

KEPT_FROM = 1 << 20  # bytes of a file: to read less takes as long as to look here
SLOTS = 1 << 16
# Coarser than the clock of any file system: FAT counts in two seconds.
_TICK = 2_000_000_000
_KEY, _SUM = 24, 8
_DIGEST = 64  # bytes of the longest
_SLOT = struct.Struct(f"<{_KEY}sB{_DIGEST}s{_SUM}s")
_FILE = "digests-1.bin"


class KeptDigests:
    """The digests that earlier runs have taken with one algorithm; a folder may not be there."""

    def __init__(self, folder: str, algorithm: str) -> None:
        self.path = os.path.join(folder, _FILE)
        self._flavour = f"{os.uname().nodename if hasattr(os, 'uname') else ''} {algorithm}"

    def find(self, state: os.stat_result) -> bytes | None:
        """Return the digest of a file in just this state, where it was kept."""
        if state.st_size < KEPT_FROM:
            return None
        key, place = self._key(state)
        try:
            slot = os.open(self.path, os.O_RDONLY | _SAFELY)
        except OSError:
            return None
        try:
            if not _is_ours(slot):
                return None
            data = _read_at(slot, place)
        except OSError:
            return None
        finally:
            os.close(slot)
        if len(data) != _SLOT.size:
            return None
        found, size, digest, checksum = _SLOT.unpack(data)
        if found != key or checksum != _sum(data) or size > _DIGEST:
            return None
        return bytes(digest[:size])

    def keep(self, state: os.stat_result, digest: bytes, read_at: int) -> None:
        """Keep the digest of a file that was read from ``read_at`` (ns) on, where that is safe."""
        changed = max(state.st_mtime_ns, state.st_ctime_ns)
        if state.st_size < KEPT_FROM or changed + _TICK >= read_at:
            return
        key, place = self._key(state)
        data = _SLOT.pack(key, len(digest), digest, b"")
        data = data[:-_SUM] + _sum(data)
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            table = os.open(self.path, os.O_RDWR | os.O_CREAT | _SAFELY, 0o600)
            try:
                if _is_ours(table):
                    _write_at(table, place, data)
            finally:
                os.close(table)
        except OSError:
            pass

    def _key(self, state: os.stat_result) -> tuple[bytes, int]:
        file = f"{self._flavour} {state.st_dev} {state.st_ino}"
        times = f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
        slot = blake2b(file.encode(), digest_size=8).digest()
        key = blake2b(f"{file} {times}".encode(), digest_size=_KEY).digest()
        return key, int.from_bytes(slot, "little") % SLOTS * _SLOT.size


def now() -> int:
    """Nanoseconds, of the clock that the times of files are of."""
    return real_time_ns()


def _sum(data: bytes) -> bytes:
    return blake2b(data[:-_SUM], digest_size=_SUM).digest()


def _is_ours(table: int) -> bool:
    return not hasattr(os, "geteuid") or os.fstat(table).st_uid == os.geteuid()


def _read_at(table: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(table, _SLOT.size, place)
    os.lseek(table, place, os.SEEK_SET)
    return os.read(table, _SLOT.size)


def _write_at(table: int, place: int, data: bytes) -> None:
    if hasattr(os, "pwrite"):
        os.pwrite(table, data, place)
    else:
        os.lseek(table, place, os.SEEK_SET)
        os.write(table, data)


_SAFELY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
