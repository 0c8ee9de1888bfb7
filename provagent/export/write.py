"""A Provenance out, in the format that was asked for."""

from __future__ import annotations

import importlib
import io
import json
import os
import warnings
from typing import TYPE_CHECKING, BinaryIO

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
PICTURES = ("svg", "png", "pdf")
VOTABLE = "votable"
FORMATS = (*DOCUMENTS, VOTABLE, "dot", *PICTURES)
W3C, IVOA = "w3c", "ivoa"
MODELS = (W3C, IVOA)


def export(
    provenance: Provenance,
    to: str,
    target: BinaryIO | str | os.PathLike[str],
    *,
    namespace: str | None = None,
    model: str | None = None,
) -> None:
    """Write the provenance of a run, in UTF-8 where it is text.

    ``to`` is one of ``FORMATS``: documents of W3C PROV as PROV-JSON, PROV-N, PROV-XML or
    PROV-O (TriG), tables of the IVOA's data model as a VOTable, or a graph as DOT or drawn.
    ``target`` is a path or a binary stream; ``namespace`` the absolute IRI under which a
    document's names stand (``urn:provagent:`` unless given). Equal provenance gives equal
    bytes (but for the time in a PDF).

    ``model`` is ``w3c``, unless a VOTable is asked for, or ``ivoa``: then PROV-JSON has the
    kinds and the attributes of the IVOA's tools, and no document has a bundle.

    Raises ExportError for an unknown format or model, a missing extra, a namespace that is
    no absolute IRI, and a file that cannot be written.
    """
    content = rendered(provenance, to, namespace=namespace, model=model)
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
    provenance: Provenance, to: str, *, namespace: str | None = None, model: str | None = None
) -> bytes:
    """Return the bytes that ``export`` writes."""
    if model not in (None, *MODELS):
        raise ExportError(f"model {model!r}: no such model; there are {', '.join(MODELS)}")
    if to == VOTABLE or (to in DOCUMENTS and model == IVOA):
        return _of_the_ivoa(provenance, to, namespace)
    if to in DOCUMENTS:
        return _document(provenance, to, namespace)
    from provagent.export.graph import to_dot

    if to == "dot":
        return to_dot(provenance).encode()
    if to in PICTURES:
        return _drawn(to_dot(provenance), to)
    raise ExportError(f"format {to!r}: no such format; there are {', '.join(FORMATS)}")


def _of_the_ivoa(provenance: Provenance, to: str, namespace: str | None) -> bytes:
    from provagent.export.ivoa import to_ivoa, to_plain
    from provagent.export.provjson import read_provjson, write_provjson

    written = _document(provenance, "json", namespace)
    document = to_ivoa(read_provjson(json.loads(written)))
    if to == VOTABLE:
        _require("astropy", to, extra=to)
        from provagent.export.votable import votable_bytes

        return votable_bytes(document)
    if to == "json":
        return f"{json.dumps(write_provjson(document), ensure_ascii=False)}\n".encode()
    from prov.model import ProvDocument

    plain = json.dumps(write_provjson(to_plain(document)))
    return _serialized(ProvDocument.deserialize(content=plain, format="json"), to)


def _document(provenance: Provenance, to: str, namespace: str | None) -> bytes:
    from provagent.export.document import to_document

    return _serialized(to_document(provenance, namespace=namespace), to)


def _serialized(document: ProvDocument, to: str) -> bytes:
    options, module = DOCUMENTS[to]
    if module is not None:
        _require(module, to, extra=to)
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
