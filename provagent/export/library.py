"""Statements into a document of the library prov, which writes what is not written here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from prov.constants import PROV_N_MAP
from prov.model import PROV, PROV_REC_CLS, ProvDocument

from provagent.export.literals import Moment
from provagent.export.names import LOCATIONS, ROLES, Name, legal

if TYPE_CHECKING:
    from prov.identifier import Namespace, QualifiedName

    from provagent.export.statements import Pairs, Terms

_IN_IRI = "/:?#[]@!$&'()*+,;=%"
_TYPES = {PROV_N_MAP[type_]: type_ for type_ in PROV_REC_CLS}


class InDocument:
    """A sink whose ``document`` holds the bundle.

    ``for_rdf``: roles and locations are IRIs, as PROV-O has them; elsewhere they are text.
    """

    def __init__(self, *, for_rdf: bool = False) -> None:
        self.document = ProvDocument()
        self._for_rdf = for_rdf
        self._namespaces: dict[str, Namespace] = {}

    def begin(self, namespaces: Mapping[str, str], bundle: Name) -> None:
        for prefix, iri in namespaces.items():
            self._namespaces[prefix] = self.document.add_namespace(prefix, iri)
        self._bundle = self.document.bundle(self._name(bundle))

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
        self._bundle.new_record(type_, name and self._name(name), formal, more)

    def end(self) -> None:
        pass

    def _value(self, value: Any) -> Any:
        if type(value) is Name:
            return self._name(value)
        return datetime.fromisoformat(value) if type(value) is Moment else value

    def _resource(self, key: str, value: Any) -> Any:
        if not isinstance(value, str) or key not in ("prov:role", "prov:location"):
            return value
        if key == "prov:role":
            return self._namespace("role", ROLES)[legal(value)]
        if value.startswith("/"):
            return self._namespace("file", "file://")[quote(value)]
        scheme, colon, rest = value.partition(":")
        if colon and scheme.isalpha() and len(scheme) > 1:  # one letter is a drive
            return self._namespace(scheme.lower(), f"{scheme.lower()}:")[quote(rest, safe=_IN_IRI)]
        return self._namespace("location", LOCATIONS)[legal(value)]

    def _namespace(self, prefix: str, iri: str) -> Namespace:
        return self.document.add_namespace(prefix, iri)  # the same one each time

    def _name(self, name: Name) -> QualifiedName:
        prefix, _, local = name.partition(":")
        return self._namespaces.get(prefix, PROV)[local]
