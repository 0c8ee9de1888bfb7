"""Compression with zstd: Python's own module from 3.14 on, else the library zstandard (an extra).

The size of unpacked content is limited: a few kilobytes can unpack to terabytes.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from provagent.contract.errors import RecordError
from provagent.settings.table import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

PACKED = ".zst"
_LEVEL = 9
# Records of equal calls, which differ only in times and counters, are packed to a thirtieth.
_RATIO = 300  # maximum ratio of unpacked to packed bytes
_ALWAYS = 1 << 24  # number of unpacked bytes that any file may have
_BUFFER = 1 << 17
_FRAME = 1 << 20  # unpacked bytes of a frame: reading one event unpacks one frame


class Frames:
    """Packs content into a file, in frames that can be read one by one; see ``zstd_frames``.

    Raises RecordError, which names ``path``, if no library for packing is installed.
    """

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file = file
        self._pack = _packer(path)
        self._held = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._held:
            self._file.write(self._pack(bytes(self._held)))

    def write(self, data: bytes) -> int:
        """Add bytes to the content; bytes that do not fill a frame wait for more."""
        self._held += data
        whole = len(self._held) - len(self._held) % _FRAME
        for start in range(0, whole, _FRAME):
            self._file.write(self._pack(bytes(self._held[start : start + _FRAME])))
        del self._held[:whole]
        return len(data)


def require_packing(path: str) -> None:
    """Raise RecordError, which names ``path``, if no library for packing is installed."""
    _packer(path)


def _packer(path: str) -> Callable[[bytes], bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found]  # from Python 3.14 on
    except ImportError:
        packer = _zstandard(path).ZstdCompressor(
            level=_LEVEL, write_checksum=True, write_content_size=True
        )
        return cast("Callable[[bytes], bytes]", packer.compress)
    options = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return lambda data: cast("bytes", zstd.compress(data, options=options))


class UnpackError(OSError):
    """A packed file cannot be unpacked, or has too much content for its size."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EIO, what)

    def __str__(self) -> str:
        return str(self.strerror)


class _Bounded(io.RawIOBase):
    """Reads up to ``most`` unpacked bytes; raises UnpackError if this is impossible."""

    def __init__(self, reader: Any, file: BinaryIO, most: int) -> None:
        self._reader = reader
        self._file = file
        self._most = self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data: bytes = self._reader.read(min(len(buffer), self._left + 1))
        except (EOFError, OSError, zlib.error) as error:
            raise UnpackError(str(error)) from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # the module of this class may be missing
                raise
            raise UnpackError(str(error)) from error
        if len(data) > self._left:
            raise UnpackError(
                f"it decompresses to more than {self._most} bytes; if you trust the file, set "
                "PROVAGENT_MAX_UNPACKED to a larger number"
            )
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._reader.close()
        self._file.close()
        super().close()


@functools.cache  # the settings files are read once, not for each shown event
def _set_bound() -> int:
    return int(read_settings().max_unpacked)


def bounded(reader: Any, file: BinaryIO) -> BinaryIO:
    """Return a buffered reader of unpacked content with a limit; it closes both arguments."""
    packed = os.fstat(file.fileno()).st_size
    most = _set_bound() or max(_ALWAYS, _RATIO * packed)
    return io.BufferedReader(_Bounded(reader, file, most), _BUFFER)


def unpacked(file: BinaryIO, path: str) -> BinaryIO:
    """Return the content of a packed file, all frames; closing it also closes ``file``.

    The content is limited. Raises RecordError, which names ``path``, if no library for unpacking is
    installed.
    """
    try:
        from compression import zstd
    except ImportError:
        reader = _zstandard(path).ZstdDecompressor().stream_reader(
            file, read_across_frames=True, closefd=True
        )  # fmt: skip
    else:
        reader = zstd.ZstdFile(file)
    return bounded(reader, file)


def _zstandard(path: str) -> Any:
    try:
        import zstandard
    except ImportError:
        raise RecordError(
            f"{path}: zstd requires the package zstandard; "
            "pip install zstandard, or use Python 3.14 or newer"
        ) from None
    return zstandard
