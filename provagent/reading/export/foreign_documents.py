"""Read W3C PROV documents of other tools, in any format.

The file may come from anybody. So its size is limited, it cannot cause any download, and each of
its faults raises one kind of error.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import warnings
from typing import TYPE_CHECKING

from provagent.contract.errors import DocumentError
from provagent.contract.file_errors import cause_and_remedy
from provagent.contract.vocabulary import VOPROV_NAMESPACE
from provagent.reading.export.ivoa import KINDS, to_plain
from provagent.reading.export.provjson import read_provjson, write_provjson

if TYPE_CHECKING:
    from prov.model import ProvDocument

MAX_BYTES = 64 * 2**20

# format -> (options of prov, the required package)
_READERS: dict[str, tuple[dict[str, str], str | None]] = {
    "json": ({"format": "json"}, None),
    "jsonld": ({"format": "jsonld"}, None),
    "provn": ({"format": "provn"}, None),
    "xml": ({"format": "xml"}, "lxml"),
    "turtle": ({"format": "rdf", "rdf_format": "turtle"}, "rdflib"),
    "trig": ({"format": "rdf", "rdf_format": "trig"}, "rdflib"),
    "rdf": ({"format": "rdf", "rdf_format": "trig"}, "rdflib"),  # as in export
}
FORMATS = tuple(_READERS)
_SUFFIXES = {
    ".json": "json", ".jsonld": "jsonld", ".provn": "provn", ".provx": "xml", ".xml": "xml",
    ".ttl": "turtle", ".trig": "trig",
}  # fmt: skip


def read_document(
    file: str | os.PathLike[str],
    *,
    syntax: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> tuple[ProvDocument, list[str]]:
    """Return the document in a file, and the warnings of its reader.

    ``syntax`` is one of ``FORMATS``. The default depends on the content. Raises DocumentError if
    the file cannot be read, has more than ``max_bytes`` bytes, refers to another document (a DTD),
    or is not a PROV document.
    """
    content = _content(file, max_bytes)
    return parse_document(os.fspath(file), content, syntax)


def parse_document(
    file: str, content: bytes, syntax: str | None = None
) -> tuple[ProvDocument, list[str]]:
    """Return the same as ``read_document``, for the ``content`` of ``file``."""
    syntax = syntax or guess_syntax(file, content)
    if syntax not in _READERS:
        raise DocumentError(
            f"format {syntax!r}: unknown format; known formats: {', '.join(FORMATS)}"
        )
    options, module = _READERS[syntax]
    if module is not None:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise DocumentError(
                f"{file}: format {syntax} requires the package {module}; pip install {module}"
            ) from error
    if syntax == "xml" and _has_doctype(file, content):
        raise DocumentError(f"{file}: document types (DTD) are not allowed; remove the DTD")
    return _parsed(file, content, syntax, options)


def _content(file: str | os.PathLike[str], max_bytes: int) -> bytes:
    try:
        with open(file, "rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise DocumentError(f"{file}: cannot be read: {cause_and_remedy(error)}") from error
    if len(content) > max_bytes:
        raise DocumentError(f"{file}: has more than {max_bytes} bytes; give a larger --max-bytes")
    return content


def guess_syntax(name: str, content: bytes) -> str:
    """Return the format of a document, from its first characters, or else from its name."""
    by_name = _SUFFIXES.get(os.path.splitext(name)[1].lower())
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{" and by_name != "trig":
        return "jsonld" if by_name == "jsonld" or _is_jsonld(content) else "json"
    if start[:2] in (b"<?", b"<p") or (start[:1] == b"<" and by_name in (None, "xml")):
        return "xml"
    if start.startswith((b"document", b"bundle")):
        return "provn"
    return by_name or ("trig" if start.startswith((b"@prefix", b"@base")) else "provn")


def _is_jsonld(content: bytes) -> bool:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "@graph" in found


def _has_doctype(file: str, content: bytes) -> bool:
    """Return whether XML has a document type. It can only be before the first element."""
    from xml.parsers import expat

    found = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: found.append(True)
    parser.StartElementHandler = _stop
    try:
        parser.Parse(content, True)
    except _Enough:
        pass
    # If this parser cannot read the document, lxml perhaps can: for example in UTF-7, a document
    # type would be missed.
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DocumentError(
            f"{file}: is not a PROV document in the format xml: {error}; save it as UTF-8"
        ) from error
    return bool(found)


def _in_words_of_the_w3c(text: str) -> tuple[str, list[str]]:
    """Return PROV-JSON that prov can read, from PROV-JSON of the IVOA's tools, and warnings."""
    data = json.loads(text)
    if not isinstance(data, dict):
        return text, []
    bundles = data.get("bundle")
    parts = [data, *(bundles.values() if isinstance(bundles, dict) else ())]
    words = {key for part in parts if isinstance(part, dict) for key in part}
    declares = any("voprov" in (part.get("prefix") or ()) for part in parts if type(part) is dict)
    is_undeclared = not declares and '"voprov:' in text
    if not (words & KINDS or is_undeclared):
        return text, []
    plain = json.dumps(write_provjson(to_plain(read_provjson(data))))
    return plain, [_UNDECLARED] if is_undeclared else []


_UNDECLARED = f"the prefix voprov is not declared; assumed to be {VOPROV_NAMESPACE}"


class _Enough(Exception):
    pass


def _stop(*_: object) -> None:
    raise _Enough


def _parsed(
    file: str | os.PathLike[str],
    content: bytes,
    syntax: str,
    options: dict[str, str],
) -> tuple[ProvDocument, list[str]]:
    from prov.model import ProvDocument

    logger = logging.getLogger("rdflib.term")  # logs failed conversions with tracebacks
    was_disabled, logger.disabled = logger.disabled, True
    remarks: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if syntax == "xml":  # lxml uses the encoding that the document declares
                document = ProvDocument.deserialize(io.BytesIO(content), **options)
            else:
                decoded = content.decode("utf-8-sig")
                if syntax == "json":
                    decoded, remarks = _in_words_of_the_w3c(decoded)
                document = ProvDocument.deserialize(io.StringIO(decoded), **options)
    except (Exception, RecursionError) as error:
        what = " ".join(str(error).split())[:300] or type(error).__name__
        raise DocumentError(
            f"{file}: is not a PROV document in the format {syntax}: {what}"
        ) from error
    finally:
        logger.disabled = was_disabled
    remarks += [
        str(one.message) for one in caught if not issubclass(one.category, DeprecationWarning)
    ]
    return document, list(dict.fromkeys(remarks))
