"""Hash the bytes of an open file: all bytes, or a sample."""

from __future__ import annotations

from hashlib import file_digest
from typing import TYPE_CHECKING

from provagent.identity.content import BLOCKS, Sample, even_places
from provagent.isolation.originals import io, os, time

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.identity.algorithms import Hasher

_AT_ONCE = 1 << 18


def hash_whole(
    descriptor: int, size: int, new: Callable[..., Hasher], max_ms: float
) -> Hasher | None:
    """Hash a newly opened file to its end. Return None if this takes more than ``max_ms``."""
    if size <= _AT_ONCE:  # for a small file, making a stream takes as long as reading
        data = os.read(descriptor, size + 1)
        if len(data) == size:
            return new(data)
        os.lseek(descriptor, 0, os.SEEK_SET)  # the file grew, or the system reads it in pieces
    with io.FileIO(descriptor, closefd=False) as file:
        if not max_ms:
            return file_digest(file, new)  # type: ignore[arg-type]
        deadline = time.perf_counter_ns() + int(max_ms * 1e6)
        hasher, buffer = new(), memoryview(bytearray(_AT_ONCE))
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
            if time.perf_counter_ns() > deadline:
                return None
        return hasher


def hash_sample(
    descriptor: int, size: int, limit: int, new: Callable[..., Hasher]
) -> tuple[Hasher, Sample]:
    """Hash blocks at equal distances. The first and the last bytes are included."""
    count = max(1, limit // BLOCKS)
    blocks = min(BLOCKS, max(1, limit))
    hasher = new(b"sample of %d blocks in %d bytes of %d" % (blocks, limit, size))
    for start in even_places(size - count + 1, blocks):
        os.lseek(descriptor, start, os.SEEK_SET)
        hasher.update(os.read(descriptor, count))
    return hasher, Sample("blocks", blocks, blocks * count, size)
