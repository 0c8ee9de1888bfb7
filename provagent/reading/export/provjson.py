"""PROV-JSON as statements, with the terms of the W3C and the terms that the IVOA's tools add.

The tools of the IVOA (voprov, OPUS) write PROV-JSON with kinds of their own, such as
``activityDescription`` and ``wasConfiguredBy``. Readers of W3C PROV refuse such kinds. This module
accepts any word as a kind. ``provagent.reading.export.ivoa`` knows their meaning. Source:
https://www.w3.org/submissions/prov-json/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

_NAME_TYPES = ("prov:QUALIFIED_NAME", "xsd:QName")


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with a type or a language: ``{"$": "1", "type": "xsd:int"}``."""

    value: Any
    type: str | None = None
    lang: str | None = None

    @property
    def is_name(self) -> bool:
        return self.type in _NAME_TYPES


Value: TypeAlias = str | int | float | bool | Typed


@dataclass(slots=True)
class Record:
    """A statement. ``kind`` is its word in PROV-JSON. Keys of attributes are ``prefix:word``."""

    kind: str
    id: str
    attributes: dict[str, list[Value]]

    def take(self, attribute: str) -> list[Value]:
        """Remove an attribute, and return its values."""
        return self.attributes.pop(attribute, [])

    def first(self, attribute: str) -> str | None:
        """Return the text of the first value of an attribute."""
        return next(map(text_of, self.attributes.get(attribute, ())), None)


@dataclass(slots=True)
class Document:
    """The statements of a document, or of one of its bundles."""

    prefixes: dict[str, str] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    bundles: dict[str, Document] = field(default_factory=dict)

    def walk(self) -> Iterator[Document]:
        """Yield this document and its bundles."""
        yield self
        for bundle in self.bundles.values():
            yield from bundle.walk()


def name(text: str) -> Typed:
    """Return a value that is a qualified name."""
    return Typed(text, _NAME_TYPES[0])


def text_of(value: Value) -> str:
    """Return a value as text without its type. A name is returned as it is written."""
    plain = value.value if isinstance(value, Typed) else value
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def read_provjson(data: Any) -> Document:
    """Return the statements of PROV-JSON data, as returned by ``json.loads``.

    Raises ValueError with the place, if the data are not PROV-JSON.
    """
    return _document(data, "the document")


def write_provjson(document: Document) -> dict[str, Any]:
    """Return PROV-JSON for ``json.dumps``, which ``read_provjson`` reads as ``document``."""
    data: dict[str, Any] = {"prefix": dict(document.prefixes)} if document.prefixes else {}
    for record in document.records:
        group = data.setdefault(record.kind, {})
        fields = {key: _written(values) for key, values in record.attributes.items()}
        if record.id not in group:
            group[record.id] = fields
        elif isinstance(group[record.id], list):
            group[record.id].append(fields)
        else:
            group[record.id] = [group[record.id], fields]
    if document.bundles:
        data["bundle"] = {
            identifier: write_provjson(bundle) for identifier, bundle in document.bundles.items()
        }
    return data


def _document(data: Any, where: str, *, is_bundle: bool = False) -> Document:
    document = Document()
    for kind, group in _mapping(data, where).items():
        if kind == "prefix":
            document.prefixes = {
                prefix: _text(iri, f"{where}: prefix {prefix!r}")
                for prefix, iri in _mapping(group, f"{where}: prefix").items()
            }
        elif kind == "bundle":
            if is_bundle:
                raise ValueError(f"{where}: bundles must not be nested")
            document.bundles = {
                identifier: _document(bundle, f"bundle {identifier!r}", is_bundle=True)
                for identifier, bundle in _mapping(group, f"{where}: bundle").items()
            }
        else:
            document.records += _records(kind, group, where)
    return document


def _records(kind: str, group: Any, where: str) -> Iterator[Record]:
    for identifier, entries in _mapping(group, f"{where}: {kind}").items():
        place = f"{where}: {kind} {identifier!r}"
        for fields in entries if isinstance(entries, list) else [entries]:
            attributes = {
                key: [_value(each, f"{place}: {key}") for each in _listed(value)]
                for key, value in _mapping(fields, place).items()
            }
            yield Record(kind, identifier, attributes)


def _value(value: Any, where: str) -> Value:
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict) and "$" in value:
        lang, kind = value.get("lang"), value.get("type")
        if all(each is None or isinstance(each, str) for each in (lang, kind)):
            return Typed(value["$"], kind, lang)
    raise ValueError(f'{where}: expected a text, a number, or {{"$": value, "type": type}}')


def _written(values: list[Value]) -> Any:
    plain = [_plain(value) for value in values]
    return plain[0] if len(plain) == 1 else plain


def _plain(value: Value) -> Any:
    if not isinstance(value, Typed):
        return value
    fields = {"$": value.value, "type": value.type, "lang": value.lang}
    return {key: each for key, each in fields.items() if each is not None}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mapping(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected an object, not {type(data).__name__}")  # noqa: TRY004 - of a document
    return data


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected a text, not {type(value).__name__}")  # noqa: TRY004 - of a document
    return value
