"""zstd: Python's own from 3.14 on, else the library zstandard, which an extra installs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from provagent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKED = ".zst"
_LEVEL = 9


def packer(path: str) -> Callable[[bytes], bytes]:
    """Return what makes a frame of bytes, with their number and a checksum; for ``path``.

    Raises RecordError where nothing can.
    """
    try:
        from compression import zstd  # type: ignore[import-not-found]  # from Python 3.14 on
    except ImportError:
        return cast("Callable[[bytes], bytes]", _zstandard(path).ZstdCompressor(
            level=_LEVEL, write_checksum=True, write_content_size=True
        ).compress)  # fmt: skip
    options = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return lambda data: cast("bytes", zstd.compress(data, options=options))


def unpacked(file: BinaryIO, path: str) -> BinaryIO:
    """Return the content of a packed file, all of its frames; closes ``file`` with itself.

    Raises RecordError, which names ``path``, where nothing can unpack it.
    """
    try:
        from compression import zstd
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
