"""A Provenance out, in the format that was asked for."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import warnings
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

from provagent.errors import ExportError
from provagent.record.part import part_of

if TYPE_CHECKING:
    from provagent.record.model import Provenance

_IN_MEMORY = 32 * 2**20  # bytes of a document that wait in memory until it is whole


def export(
    provenance: Provenance,
    to: str,
    target: BinaryIO | str | os.PathLike[str],
    *,
    namespace: str | None = None,
    of: str | None = None,
) -> None:
    """Write the provenance of a run, in UTF-8 where it is text.

    ``to`` is one of ``FORMATS``: documents of W3C PROV as PROV-JSON, PROV-JSONLD, PROV-N,
    PROV-XML or PROV-O (TriG; Turtle, which has no bundles), an RO-Crate as a zip, or a graph
    as DOT or drawn. ``target`` is a path or a binary stream, and gets all of it or nothing.
    ``namespace`` is the absolute IRI under which a document's names stand
    (``urn:provagent:`` unless given). Equal provenance gives equal bytes (but for times in a
    PDF and a zip). ``of`` names what alone is written of it, as in ``part_of``.

    Raises ExportError for an unknown format, a missing extra, a namespace that is no
    absolute IRI, and a file that cannot be written; RecordError where ``of`` is not there.
    """
    if of is not None:
        provenance = part_of(provenance, of)
    with SpooledTemporaryFile(_IN_MEMORY) as whole:
        _write(provenance, to, whole, namespace)
        whole.seek(0)
        if not isinstance(target, (str, os.PathLike)):
            shutil.copyfileobj(whole, target)
            return
        try:
            with open(target, "wb") as file:
                shutil.copyfileobj(whole, file)
        except OSError as error:
            raise ExportError(
                f"{os.fspath(target)}: cannot be written: {error.strerror or error}"
            ) from error


def rendered(provenance: Provenance, to: str, *, namespace: str | None = None) -> bytes:
    """Return the bytes that ``export`` writes."""
    whole = io.BytesIO()
    _write(provenance, to, whole, namespace)
    return whole.getvalue()


def _write(provenance: Provenance, to: str, file: IO[bytes], namespace: str | None) -> None:
    if to not in _WRITERS:
        raise ExportError(f"format {to!r}: no such format; there are {', '.join(FORMATS)}")
    writer = _WRITERS[to]
    if writer.module is not None:
        try:
            importlib.import_module(writer.module)
        except ImportError as error:
            raise ExportError(
                f"format {to!r}: needs {writer.module}, which is not installed; "
                f"pip install 'provagent[{writer.extra}]'"
            ) from error
    writer.write(provenance, to, file, namespace)


def _stream(provenance: Provenance, to: str, file: IO[bytes], namespace: str | None) -> None:
    from provagent.export.document import state_run
    from provagent.export.streams import AsProvJson, AsProvN

    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    sink = AsProvN(text) if to == "provn" else AsProvJson(text)
    state_run(provenance, sink, namespace=namespace)
    text.detach()


def _by_prov(provenance: Provenance, to: str, file: IO[bytes], namespace: str | None) -> None:
    from provagent.export.document import to_document

    is_rdf = to in ("trig", "turtle")
    options = {"format": "rdf", "rdf_format": to} if is_rdf else {"format": to}
    document = to_document(provenance, namespace=namespace, for_rdf=is_rdf)
    if to == "turtle":
        document = document.flattened()
    with warnings.catch_warnings():
        # prov calls what rdflib is about to rename: no matter of the user's.
        warnings.simplefilter("ignore", DeprecationWarning)
        if to == "xml":  # lxml writes bytes
            document.serialize(file, **options)
            return
        text = io.StringIO()
        document.serialize(text, **options)
    file.write(f"{text.getvalue().rstrip()}\n".encode())


def _drawn(provenance: Provenance, to: str, file: IO[bytes], _namespace: str | None) -> None:
    from provagent.export.graph import to_dot

    dot = to_dot(provenance)
    if to == "dot":
        file.write(dot.encode())
        return
    from pygraphviz import AGraph

    file.write(AGraph(string=dot).draw(format=to, prog="dot"))


def _crate(provenance: Provenance, _to: str, file: IO[bytes], namespace: str | None) -> None:
    from provagent.export.crate import write_crate

    def write_document(inner: IO[bytes]) -> None:
        _stream(provenance, "json", inner, namespace)

    write_crate(provenance, write_document, file)


class _Writer(NamedTuple):
    """``module`` is what it needs, and ``extra`` what brings that."""

    write: Callable[[Provenance, str, IO[bytes], str | None], None]
    module: str | None = None
    extra: str = ""


_DOCUMENTS = {
    "json": _Writer(_stream),
    "jsonld": _Writer(_by_prov),
    "provn": _Writer(_stream),
    "xml": _Writer(_by_prov, "lxml", "xml"),
    "trig": _Writer(_by_prov, "rdflib", "rdf"),
    "turtle": _Writer(_by_prov, "rdflib", "rdf"),
}
_GRAPHS = {
    "dot": _Writer(_drawn),
    **{to: _Writer(_drawn, "pygraphviz", "svg") for to in ("svg", "png", "pdf")},
}
_WRITERS = _DOCUMENTS | {"rocrate": _Writer(_crate, "rocrate", "crate")} | _GRAPHS
DOCUMENTS = tuple(_DOCUMENTS)
FORMATS = tuple(_WRITERS)
