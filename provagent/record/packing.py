"""zstd: Python's own from 3.14 on, else the library zstandard, which an extra installs."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from provagent.errors import RecordError

PACKED = ".zst"


def unpacked(file: BinaryIO, path: str) -> BinaryIO:
    """Return the content of a packed file, all of its frames; closes ``file`` with itself.

    Raises RecordError, which names ``path``, where nothing can unpack it.
    """
    try:
        from compression import zstd  # type: ignore[import-not-found]  # from Python 3.14 on
    except ImportError:
        reader = _zstandard(path).ZstdDecompressor().stream_reader(
            file, read_across_frames=True, closefd=True
        )  # fmt: skip
    else:
        reader = zstd.ZstdFile(file)
    return io.BufferedReader(reader)  # zstandard's own reader has no lines


def _zstandard(path: str) -> Any:
    try:
        import zstandard
    except ImportError:
        raise RecordError(
            f"{path}: zstd takes the library zstandard, which is not installed; "
            "pip install 'provagent[zstd]', or use Python 3.14 or newer"
        ) from None
    return zstandard
