"""Embed provenance into a file, and read embedded provenance."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import EmbedError
from provagent.contract.file_errors import cause_and_remedy
from provagent.identity.algorithms import hash_constructor
from provagent.integrations.embed.payload import BEFORE, MAX_BYTES, OWN, Payload, make_payload
from provagent.reading.record.selection import entity_of

if TYPE_CHECKING:
    from provagent.reading.record.model import Provenance

# first bytes of a file -> (format, module, class in the module, library that the module needs)
_FORMATS: dict[bytes, tuple[str, str, str | None, str | None]] = {
    b"SIMPLE  =": ("FITS", "fits", None, "astropy"),
    b"\x89PNG\r\n\x1a\n": ("PNG", "png", None, None),
    b"\x89HDF\r\n\x1a\n": ("HDF5", "hdf5", None, "h5py"),
    b"# %ECSV ": ("ECSV", "text", "Ecsv", None),
    b"%PDF-": ("PDF", "pdf", None, "pypdf"),
    b"<?xml": ("VOTable", "text", "VoTable", None),
    b"<VOTABLE": ("VOTable", "text", "VoTable", None),
}
NAMES = tuple(dict.fromkeys(name for name, *_ in _FORMATS.values()))
_MOST_UNPACKED = 256 * 2**20


def embed(
    provenance: Provenance,
    file: str,
    *,
    output: str | None = None,
    namespace: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Payload:
    """Embed the provenance of a product into the file, or into a copy at ``output``.

    If the document of the run takes more than ``max_bytes`` bytes, the document of the last step is
    embedded instead. If this is too large as well, no document is embedded. The facts of the last
    step are always embedded, with the digest of the whole document. Returns the embedded payload.

    Raises EmbedError if the file has no format of ``NAMES``, already contains embedded provenance,
    is not the output of the run, or cannot be read or written.
    """
    content = _read(file)
    name, format_ = _format_of(file, content)
    if _find(file, name, format_, content) is not None:
        raise EmbedError(
            f"{file}: the file already contains embedded provenance; it was not changed"
        )
    digest = _digest_like(entity_of(provenance, file).digest, content)
    payload = make_payload(provenance, file, digest, namespace=namespace, max_bytes=max_bytes)
    try:
        written = format_.embed(content, payload.facts, payload.packed)
    except Exception as error:
        raise EmbedError(
            f"{file}: provenance cannot be embedded into this {name}: {error}"
        ) from error
    _replace(file, output or file, written)
    return payload


def embedded(file: str) -> Payload | None:
    """Return the provenance embedded in a file. None if there is none, or if the format is unknown.

    Raises EmbedError if the file cannot be read, or if the embedded provenance is damaged.
    """
    content = _read(file)
    if not content.startswith(tuple(_FORMATS)):
        return None
    name, format_ = _format_of(file, content)
    return _find(file, name, format_, content)


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise EmbedError(f"{file}: cannot be read: {cause_and_remedy(error)}") from error


def _format_of(file: str, content: bytes) -> tuple[str, Any]:
    for magic, (name, module, inside, package) in _FORMATS.items():
        if content.startswith(magic) and (magic != b"<?xml" or b"VOTABLE" in content[:4096]):
            try:
                found: Any = import_module(f"provagent.integrations.embed.{module}")
            except ImportError as error:
                raise EmbedError(
                    f"{file}: {name} requires the package {package}; pip install {package}"
                ) from error
            return name, found if inside is None else getattr(found, inside)
    raise EmbedError(f"{file}: unknown format; provenance can be embedded into {', '.join(NAMES)}")


def _find(file: str, name: str, format_: Any, content: bytes) -> Payload | None:
    find: Callable[[bytes], tuple[dict[str, str], bytes]] = format_.find
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other content of the file
            facts, packed = find(content)
        if BEFORE not in facts:
            return None
        return Payload(facts=_known(facts), document=_unpacked(packed))
    except Exception as error:
        raise EmbedError(
            f"{file}: the provenance embedded in this {name} is damaged: {error}"
        ) from error


def _digest_like(recorded: str | None, content: bytes) -> str:
    """Return the digest of the content, computed with the algorithm of the recorded digest."""
    algorithm = (recorded or "sha256:").partition(":")[0]
    try:
        hasher = hash_constructor(algorithm)()
    except ValueError as error:
        raise EmbedError(str(error)) from error
    hasher.update(content)
    return f"{algorithm}:{hasher.hexdigest()}"


def _known(facts: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in facts.items() if key.startswith(("CTA ", OWN))}


def _unpacked(packed: bytes) -> bytes:
    if not packed:
        return b""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        document = stream.read(_MOST_UNPACKED + 1)
    if len(document) > _MOST_UNPACKED:
        raise ValueError("the document is too large")
    return document


def _replace(source: str, target: str, content: bytes) -> None:
    """Write a complete file next to the target, and then replace the target.

    Keep its permissions.
    """
    folder = os.path.dirname(os.path.abspath(target))
    try:
        handle, path = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(target)}.")
        try:
            with open(handle, "wb") as stream:
                stream.write(content)
            shutil.copymode(source, path)
            os.replace(path, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
    except OSError as error:
        raise EmbedError(f"{target}: cannot be written: {cause_and_remedy(error)}") from error
