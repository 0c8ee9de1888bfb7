"""A Provenance out, in the format that was asked for."""

from __future__ import annotations

import importlib
import io
import os
import warnings
from typing import TYPE_CHECKING, BinaryIO

from provagent import internal
from provagent.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prov.model import ProvDocument

    from provagent.record.model import Provenance

DOCUMENTS: Mapping[str, tuple[dict[str, str], str | None]] = {
    # format: (what prov calls it, the module that it needs)
    "json": ({"format": "json"}, None),
    "provn": ({"format": "provn"}, None),
    "xml": ({"format": "xml"}, "lxml"),
    "rdf": ({"format": "rdf", "rdf_format": "trig"}, "rdflib"),
}
OPUS = "opus"
PICTURES = ("svg", "png", "pdf")
FORMATS = (*DOCUMENTS, OPUS, "dot", *PICTURES)
FORMS = ("bundle", "activities")  # what a run is in a document
_BY_SUFFIX = {
    **{f".{name}": name for name in ("json", "provn", "xml", "dot", *PICTURES)},
    ".provx": "xml",
    ".trig": "rdf",
}


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that a file's name tells; raises ExportError where it tells none."""
    folder, name = os.path.split(os.fspath(path))
    found = OPUS if name == internal.NAME else _BY_SUFFIX.get(os.path.splitext(name)[1].lower())
    if found is None:
        raise ExportError(
            f"{os.path.join(folder, name)}: its name tells no format; "
            f"end it in {', '.join(_BY_SUFFIX)}, or say it with --to"
        )
    return found


def export(
    provenance: Provenance,
    to: str,
    target: BinaryIO | str | os.PathLike[str],
    *,
    namespace: str | None = None,
    form: str = "bundle",
) -> None:
    """Write the provenance of a run, in UTF-8 where it is text.

    ``to`` is one of ``FORMATS``: documents of W3C PROV as PROV-JSON, PROV-N, PROV-XML or
    PROV-O (TriG), what a job of OPUS takes, or a graph as DOT or drawn. ``target`` is a path
    or a binary stream; ``namespace`` the absolute IRI under which a document's names stand
    (``urn:provagent:`` unless given); ``form`` is as in ``to_document``. Equal provenance
    gives equal bytes (but for the time in a PDF); what a job of OPUS takes is joined with
    what the file at ``target`` holds already.

    Raises ExportError for an unknown format, a missing extra, a namespace that is no
    absolute IRI, and a file that cannot be written.
    """
    if to == OPUS and isinstance(target, (str, os.PathLike)):
        from provagent.export.opus import to_internal

        internal.write(target, to_internal(provenance, namespace=namespace))
        return
    put(rendered(provenance, to, namespace=namespace, form=form), target)


def put(content: bytes, target: BinaryIO | str | os.PathLike[str]) -> None:
    """Write ``content`` to a path or a stream; raises ExportError where that cannot be done."""
    if not isinstance(target, (str, os.PathLike)):
        target.write(content)
        return
    try:
        with open(target, "wb") as file:
            file.write(content)
    except OSError as error:
        raise ExportError(
            f"{os.fspath(target)}: cannot be written: {error.strerror or error}"
        ) from error


def rendered(
    provenance: Provenance, to: str, *, namespace: str | None = None, form: str = "bundle"
) -> bytes:
    """Return the bytes that ``export`` writes."""
    if to in DOCUMENTS:
        return _document(provenance, to, namespace, form)
    if to == OPUS:
        from provagent.export.opus import to_internal

        return internal.as_bytes(to_internal(provenance, namespace=namespace))
    from provagent.export.graph import to_dot

    if to == "dot":
        return to_dot(provenance).encode()
    if to in PICTURES:
        return _drawn(to_dot(provenance), to)
    raise ExportError(f"format {to!r}: no such format; there are {', '.join(FORMATS)}")


def _document(provenance: Provenance, to: str, namespace: str | None, form: str) -> bytes:
    _need(to)
    from provagent.export.document import to_document

    return serialized(to_document(provenance, namespace=namespace, form=form), to)


def serialized(document: ProvDocument, to: str) -> bytes:
    """Return a document of PROV in one of the formats ``DOCUMENTS``."""
    _need(to)
    options, _ = DOCUMENTS[to]
    with warnings.catch_warnings():
        # prov calls what rdflib is about to rename: no matter of the user's.
        warnings.simplefilter("ignore", DeprecationWarning)
        if to == "xml":  # lxml writes bytes
            binary = io.BytesIO()
            document.serialize(binary, **options)
            return binary.getvalue()
        text = io.StringIO()
        document.serialize(text, **options)
    return f"{text.getvalue().rstrip()}\n".encode()


def _need(to: str) -> None:
    module = DOCUMENTS[to][1]
    if module is not None:
        _require(module, to, extra=to)


def _drawn(dot: str, to: str) -> bytes:
    _require("pygraphviz", to, extra="svg")
    from pygraphviz import AGraph

    drawn: bytes = AGraph(string=dot).draw(format=to, prog="dot")
    return drawn


def _require(module: str, to: str, *, extra: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ExportError(
            f"format {to!r}: needs {module}, which is not installed; "
            f"pip install 'provagent[{extra}]'"
        ) from error
