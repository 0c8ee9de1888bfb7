"""Whether a file that zstd packed is whole: its reader takes a cut one for the end.

Walks over the blocks, and unpacks none. Source of the format: RFC 8878, section 3.1.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_FRAME = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_RLE = 1  # the type of a block of one byte


def is_whole(path: str) -> bool:
    """Whether the last frame of a file has its end. Raises OSError."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            if not _pass_frame(file):
                return False
        return file.tell() == size


def _pass_frame(file: BinaryIO) -> bool:
    magic = _number(file, 4)
    if magic in _SKIPPABLE:
        file.seek(_number(file, 4), os.SEEK_CUR)
        return True
    if magic != _FRAME:
        return False
    head = _number(file, 1)
    is_single, has_checksum = head & 0x20, head & 0x04
    of_content = (1 if is_single else 0, 2, 4, 8)[head >> 6]
    file.seek((0 if is_single else 1) + (0, 1, 2, 4)[head & 3] + of_content, os.SEEK_CUR)
    is_last = False
    while not is_last:
        block = file.read(3)
        if len(block) < 3:  # noqa: PLR2004 - the bytes of a block's head
            return False
        head = int.from_bytes(block, "little")
        is_last = bool(head & 1)
        file.seek(1 if head >> 1 & 3 == _RLE else head >> 3, os.SEEK_CUR)
    if has_checksum:
        file.seek(4, os.SEEK_CUR)
    return True


def _number(file: BinaryIO, size: int) -> int:
    return int.from_bytes(file.read(size), "little")
