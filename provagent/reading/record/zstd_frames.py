"""The frames of a zstd file: their places, and whether the last frame is complete.

The code reads the headers of frames and blocks, and unpacks nothing. Source of the format: RFC
8878, section 3.1.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from provagent.contract.store_files import read_file

_FRAME = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_RLE = 1  # the type of a block of one repeated byte
_ADDED = 256  # added to a content size that is stored in two bytes


def is_whole(path: str) -> bool:
    """Return whether the last frame of a file is complete; raise OSError.

    Readers of zstd take an incomplete last frame for the end of the file.
    """
    with read_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            if _pass_frame(file) is None:
                return False
        return file.tell() == size


def frame_of(path: str, offset: int) -> tuple[int, int]:
    """Return the start of the frame with an unpacked byte, in the file and unpacked.

    The result is the start of the file if a frame before the byte does not contain its size. Raises
    OSError.
    """
    with read_file(path) as file:
        start = before = 0
        while (held := _pass_frame(file)) is not None and held >= 0 and before + held <= offset:
            start, before = file.tell(), before + held
        return (0, 0) if held is not None and held < 0 else (start, before)


def _pass_frame(file: BinaryIO) -> int | None:
    """Return the unpacked size of a frame, -1 if it is not stored, None if it is no frame."""
    magic = _number(file, 4)
    if magic in _SKIPPABLE:
        file.seek(_number(file, 4), os.SEEK_CUR)
        return 0
    if magic != _FRAME:
        return None
    head = _number(file, 1)
    is_single, has_checksum = head & 0x20, head & 0x04
    of_content = (1 if is_single else 0, 2, 4, 8)[head >> 6]
    file.seek((0 if is_single else 1) + (0, 1, 2, 4)[head & 3], os.SEEK_CUR)
    held = _number(file, of_content) + (_ADDED if of_content == 2 else 0)  # noqa: PLR2004
    is_last = False
    while not is_last:
        block = file.read(3)
        if len(block) < 3:  # noqa: PLR2004 - the bytes of a block's head
            return None
        head = int.from_bytes(block, "little")
        is_last = bool(head & 1)
        file.seek(1 if head >> 1 & 3 == _RLE else head >> 3, os.SEEK_CUR)
    if has_checksum:
        file.seek(4, os.SEEK_CUR)
    return held if of_content else -1


def _number(file: BinaryIO, size: int) -> int:
    return int.from_bytes(file.read(size), "little")
