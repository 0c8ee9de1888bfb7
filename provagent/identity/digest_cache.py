"""A cache of file digests between runs: a table in one file of the cache folder.

Each slot contains the last file that was stored in it, so the table does not grow. Any number of
processes read and write the table without a lock. One system call reads or writes a slot, and a
checksum detects a slot that two processes wrote at the same time. No file stays open, and writes
are not buffered.

The key of an entry contains everything that identifies one state of a file: host, device, inode,
size, mtime and ctime. A file that changed a moment ago is not stored, because another change could
have the same time. The index of git uses the same rule.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

from provagent.isolation.originals import os, real_time_ns

KEPT_FROM = 1 << 20  # bytes of a file: reading less takes as long as a look into the table
SLOTS = 1 << 16
# Coarser than the clock of any file system: FAT has a resolution of two seconds.
_TICK = 2_000_000_000
_KEY, _SUM = 24, 8
_DIGEST = 64  # bytes of the longest digest
_SLOT = struct.Struct(f"<{_KEY}sB{_DIGEST}s{_SUM}s")
_FILE = "digests-1.bin"


class KeptDigests:
    """The digests that earlier runs computed with one algorithm. The folder need not exist."""

    def __init__(self, folder: str, algorithm: str) -> None:
        self.path = os.path.join(folder, _FILE)
        self._flavour = f"{os.uname().nodename if hasattr(os, 'uname') else ''} {algorithm}"

    def find(self, state: os.stat_result) -> bytes | None:
        """Return the digest of a file in this state, or None if it is not stored."""
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
        """Store the digest of a file, if this is safe.

        ``read_at`` is the start of reading, in ns.
        """
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
    """Return the time in nanoseconds, of the clock that file systems use."""
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
