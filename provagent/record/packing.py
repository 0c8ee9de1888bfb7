"""zstd: Python's own from 3.14 on, else the library zstandard, which an extra installs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from provagent.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKED = ".zst"
_LEVEL = 9
_FRAME = 1 << 20  # unpacked bytes of a frame: what is unpacked to read one event


class Frames:
    """Packs what is written into a file, in frames that are read one by one; see ``frames``.

    Raises RecordError, which names ``path``, where nothing can pack.
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
        """Take bytes of the content; what does not fill a frame waits."""
        self._held += data
        whole = len(self._held) - len(self._held) % _FRAME
        for start in range(0, whole, _FRAME):
            self._file.write(self._pack(bytes(self._held[start : start + _FRAME])))
        del self._held[:whole]
        return len(data)


def require_packing(path: str) -> None:
    """Raise RecordError, which names ``path``, where nothing can pack."""
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
