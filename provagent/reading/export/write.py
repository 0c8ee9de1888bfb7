"""Write provenance in the requested format."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import warnings
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple

from provagent.contract import internal_provenance
from provagent.contract.errors import ExportError
from provagent.contract.file_errors import cause_and_remedy
from provagent.reading.export.forms import FORMS, IVOA, MODELS, OPUS, VOTABLE
from provagent.reading.export.overwriting import marked
from provagent.reading.record.model import Lineage

if TYPE_CHECKING:
    from prov.model import ProvDocument

    from provagent.reading.record.model import Provenance

# Formats of PROV-O -> the format of rdflib. "rdf" is the name of trig in the library prov.
RDF = {"trig": "trig", "rdf": "trig", "turtle": "turtle"}
_IN_MEMORY = 32 * 2**20  # maximum bytes of an unfinished document in memory


def export(
    provenance: Provenance | Lineage,
    to: str,
    target: BinaryIO | str | os.PathLike[str],
    *,
    namespace: str | None = None,
    model: str | None = None,
    form: str = FORMS[0],
) -> None:
    """Write the provenance of a run, or of a lineage across runs. Text is in UTF-8.

    ``to`` is one of ``FORMATS``:

    * W3C PROV documents: PROV-JSON, PROV-JSONLD, PROV-N, PROV-XML, or PROV-O as TriG (also named
      ``rdf``) or Turtle, which has no bundles;
    * tables of the IVOA's data model: a VOTable;
    * an RO-Crate as a zip;
    * a document for a job of OPUS;
    * a graph: DOT or a picture.

    ``target`` is a path or a binary stream. It receives the complete document or nothing. A
    document for OPUS is joined with the existing content of the file. ``namespace`` is the absolute
    IRI at the beginning of the names in a document (default ``urn:provagent:``). Equal provenance
    gives equal bytes, except for times in a PDF or a zip. ``form`` selects how a PROV document
    shows the run, see ``document.state``.

    ``model`` is ``w3c`` (default, except for a VOTable) or ``ivoa``. With ``ivoa``, PROV-JSON has
    the kinds and attributes of the IVOA's tools, and no document has a bundle.

    Raises ExportError for an unknown format or model, a missing package, or a namespace that is not
    an absolute IRI. Also raises ExportError for a file that cannot be written, and for a lineage in
    a format for a single run.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as whole:
        _write(provenance, to, whole, _Options(namespace, form), model)
        if to == OPUS and isinstance(target, (str, os.PathLike)):
            whole.seek(0)
            internal_provenance.write(target, json.load(whole))
            return
        _put(whole, target)


def _put(whole: IO[bytes], target: BinaryIO | str | os.PathLike[str]) -> None:
    whole.seek(0)
    if not isinstance(target, (str, os.PathLike)):
        shutil.copyfileobj(whole, target)
        return
    try:
        with open(target, "wb") as file:
            shutil.copyfileobj(whole, file)
    except OSError as error:
        raise ExportError(
            f"{os.fspath(target)}: cannot be written: {cause_and_remedy(error)}"
        ) from error


def rendered(
    provenance: Provenance | Lineage,
    to: str,
    *,
    namespace: str | None = None,
    form: str = FORMS[0],
    model: str | None = None,
) -> bytes:
    """Return the bytes that ``export`` writes."""
    whole = io.BytesIO()
    _write(provenance, to, whole, _Options(namespace, form), model)
    return whole.getvalue()


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format for a file name. Raises ExportError if the suffix is unknown."""
    folder, name = os.path.split(os.fspath(path))
    found = (
        OPUS
        if name == internal_provenance.NAME
        else _BY_SUFFIX.get(os.path.splitext(name)[1].lower())
    )
    if found is None:
        raise ExportError(
            f"{os.path.join(folder, name)}: unknown suffix; "
            f"use one of {', '.join(_BY_SUFFIX)}, or give --to"
        )
    return found


def write_document(
    document: ProvDocument, to: str, target: BinaryIO | str | os.PathLike[str]
) -> None:
    """Write a document of the library prov, in one of ``DOCUMENTS``.

    Raises ExportError for a missing package, and for a file that cannot be written.
    """
    with SpooledTemporaryFile(_IN_MEMORY) as whole:
        _need(to)
        _serialize(document, to, whole)
        _put(whole, target)


class _Options(NamedTuple):
    namespace: str | None
    form: str


def _write(
    provenance: Provenance | Lineage, to: str, file: IO[bytes], options: _Options, model: str | None
) -> None:
    if model not in (None, *MODELS):
        raise ExportError(f"model {model!r}: unknown model; known models: {', '.join(MODELS)}")
    writer = _need(to)
    if isinstance(provenance, Lineage) and writer.is_of_one_run:
        several = ", ".join(word for word, each in _WRITERS.items() if not each.is_of_one_run)
        raise ExportError(f"format {to!r}: supports single runs only; use {several} for a lineage")
    write = _in_words_of_the_ivoa if model == IVOA and to in _DOCUMENTS else writer.write
    write(provenance, to, file, options)


def _need(to: str) -> _Writer:
    """Return the writer of a format. Raises ExportError if it is unknown or lacks its package."""
    if to not in _WRITERS:
        raise ExportError(f"format {to!r}: unknown format; known formats: {', '.join(FORMATS)}")
    writer = _WRITERS[to]
    if writer.module is not None:
        try:
            importlib.import_module(writer.module)
        except ImportError as error:
            raise ExportError(
                f"format {to!r}: requires the package {writer.module}; pip install {writer.module}"
            ) from error
    return writer


def _stream(provenance: Provenance | Lineage, to: str, file: IO[bytes], options: _Options) -> None:
    from provagent.reading.export.document import state
    from provagent.reading.export.streamed_text import AsProvJson, AsProvN

    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    sink = AsProvN(text) if to == "provn" else AsProvJson(text)
    state(provenance, sink, **options._asdict())
    text.detach()


def _by_prov(provenance: Provenance | Lineage, to: str, file: IO[bytes], options: _Options) -> None:
    from provagent.reading.export.document import to_document

    _serialize(to_document(provenance, **options._asdict(), for_rdf=to in RDF), to, file)


def _in_words_of_the_ivoa(
    provenance: Provenance | Lineage, to: str, file: IO[bytes], options: _Options
) -> None:
    from provagent.reading.export.ivoa import to_ivoa, to_plain
    from provagent.reading.export.provjson import read_provjson, write_provjson

    streamed = io.BytesIO()
    _stream(provenance, "json", streamed, options)
    document = to_ivoa(read_provjson(json.loads(streamed.getvalue())))
    if to == VOTABLE:
        from provagent.reading.export.votable import write_votable

        write_votable(document, file)
    elif to == "json":
        text = json.dumps(write_provjson(document), ensure_ascii=False)
        file.write(f"{text}\n".encode())
    else:
        from provagent.reading.export.prov_library import from_provjson

        _serialize(from_provjson(to_plain(document), for_rdf=to in RDF), to, file)


def _serialize(document: ProvDocument, to: str, file: IO[bytes]) -> None:
    options = {"format": "rdf", "rdf_format": RDF[to]} if to in RDF else {"format": to}
    if to == "turtle":
        document = document.flattened()
    with warnings.catch_warnings():
        # prov uses names that rdflib will rename. The user cannot change this.
        warnings.simplefilter("ignore", DeprecationWarning)
        if to == "xml":  # lxml writes bytes
            document.serialize(file, **options)
            return
        text = io.StringIO()
        document.serialize(text, **options)
    file.write(f"{text.getvalue().rstrip()}\n".encode())


def _opus(provenance: Provenance, _to: str, file: IO[bytes], options: _Options) -> None:
    from provagent.reading.export.opus import to_internal

    file.write(internal_provenance.as_bytes(to_internal(provenance, namespace=options.namespace)))


def _drawn(provenance: Provenance | Lineage, to: str, file: IO[bytes], _options: _Options) -> None:
    from provagent.reading.export.graph import to_dot

    dot = to_dot(provenance)
    if to == "dot":
        file.write(dot.encode())
        return
    from pygraphviz import AGraph

    file.write(marked(AGraph(string=dot).draw(format=to, prog="dot"), to))


def _crate(provenance: Provenance, _to: str, file: IO[bytes], options: _Options) -> None:
    from provagent.reading.export.crate import write_crate

    def write_document(inner: IO[bytes]) -> None:
        _stream(provenance, "json", inner, options)

    write_crate(provenance, write_document, file)


class _Writer(NamedTuple):
    """The writer of a format. ``module`` is the package that it requires."""

    write: Callable[[Any, str, IO[bytes], _Options], None]
    module: str | None = None
    is_of_one_run: bool = False


_DOCUMENTS = {
    "json": _Writer(_stream),
    "jsonld": _Writer(_by_prov),
    "provn": _Writer(_stream),
    "xml": _Writer(_by_prov, "lxml"),
    **{to: _Writer(_by_prov, "rdflib") for to in RDF},
}
_GRAPHS = {
    "dot": _Writer(_drawn),
    **{to: _Writer(_drawn, "pygraphviz") for to in ("svg", "png", "pdf")},
}
_OTHERS = {
    VOTABLE: _Writer(_in_words_of_the_ivoa, "astropy"),
    "rocrate": _Writer(_crate, "rocrate", is_of_one_run=True),
    OPUS: _Writer(_opus, is_of_one_run=True),
}
_WRITERS = _DOCUMENTS | _OTHERS | _GRAPHS
_BY_SUFFIX = {
    **{f".{to}": to for to in (*_DOCUMENTS, *_GRAPHS) if to != "rdf"},  # .rdf is not TriG
    ".provx": "xml",
    ".ttl": "turtle",
    ".zip": "rocrate",
}
DOCUMENTS = tuple(_DOCUMENTS)
FORMATS = tuple(_WRITERS)
