"""Make documents of the library prov, which writes most formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from prov.constants import PROV_N_MAP
from prov.model import PROV, PROV_REC_CLS, ProvDocument

from provagent.reading.export.identifiers import LOCATIONS, ROLES, Name, legal
from provagent.reading.export.prov_literals import Moment
from provagent.reading.export.provjson import name, write_provjson

if TYPE_CHECKING:
    from prov.identifier import Namespace, QualifiedName
    from prov.model import ProvBundle

    from provagent.reading.export.provjson import Document
    from provagent.reading.export.statements import Pairs, Terms

_IN_IRI = "/:?#[]@!$&'()*+,;=%"
_OWN = "run", "lineage"  # prefixes of names in our documents
_TYPES = {PROV_N_MAP[type_]: type_ for type_ in PROV_REC_CLS}


class InDocument:
    """A sink that adds statements to ``document``. ``place`` is the current document or bundle.

    ``for_rdf``: roles and locations are IRIs, as in PROV-O; otherwise they are text.
    """

    def __init__(self, *, for_rdf: bool = False) -> None:
        self.document = ProvDocument()
        self.place: ProvBundle = self.document
        self._for_rdf = for_rdf
        self._namespaces: dict[str, Namespace] = {}

    def begin(self, namespaces: Mapping[str, str]) -> None:
        for prefix, iri in namespaces.items():
            self._namespaces[prefix] = self.document.add_namespace(prefix, iri)

    def bundle(self, name: Name) -> None:
        self.place = self.document.bundle(self.name(name))

    def state(self, kind: str, name: Name | None, terms: Terms, pairs: Pairs) -> None:
        type_ = _TYPES[kind]
        formal = [
            (attribute, self._value(term))
            for attribute, term in zip(PROV_REC_CLS[type_].FORMAL_ATTRIBUTES, terms, strict=True)
            if term is not None
        ]
        more = [(key, self._value(value)) for key, value in pairs]
        if self._for_rdf:
            more = [(key, self._resource(key, value)) for key, value in more]
        self.place.new_record(type_, name and self.name(name), formal, more)

    def end(self) -> None:
        pass

    def _value(self, value: Any) -> Any:
        if type(value) is Name:
            return self.name(value)
        return datetime.fromisoformat(value) if type(value) is Moment else value

    def _resource(self, key: str, value: Any) -> Any:
        found = resource(key, value) if isinstance(value, str) else None
        if found is None:
            return value
        prefix, iri, local = found
        return self._namespace(prefix, iri)[local]

    def _namespace(self, prefix: str, iri: str) -> Namespace:
        return self.document.add_namespace(prefix, iri)  # equal arguments return the same object

    def name(self, name: Name) -> QualifiedName:
        """Return a name as an object of the library."""
        prefix, _, local = name.partition(":")
        return self._namespaces.get(prefix, PROV)[local]


def resource(key: str, value: str) -> tuple[str, str, str] | None:
    """Return the prefix, namespace and local name of a value that PROV-O requires as a resource."""
    if key == "prov:role":
        return "role", ROLES, legal(value)
    if key != "prov:location":
        return None
    if value.startswith("/"):
        return "file", "file://", quote(value)
    scheme, colon, rest = value.partition(":")
    if colon and scheme.isalpha() and len(scheme) > 1:  # a single letter is a drive
        return scheme.lower(), f"{scheme.lower()}:", quote(rest, safe=_IN_IRI)
    return "location", LOCATIONS, legal(value)


def from_provjson(document: Document, *, for_rdf: bool = False) -> ProvDocument:
    """Return statements of plain PROV as a document. ``for_rdf`` is described in ``InDocument``."""
    own = next((prefix for prefix in _OWN if prefix in document.prefixes), None)
    for number, record in enumerate(document.records if for_rdf else ()):
        if own and record.kind == "wasInfluencedBy" and record.id.startswith("_:"):
            record.id = f"{own}:related.{number}"  # otherwise RDF names it at random
        for key, values in record.attributes.items():
            for index, value in enumerate(values):
                found = resource(key, value) if isinstance(value, str) else None
                if found is not None:
                    prefix, document.prefixes[prefix], local = found
                    values[index] = name(f"{prefix}:{local}")
    text = json.dumps(write_provjson(document))
    return ProvDocument.deserialize(content=text, format="json")
