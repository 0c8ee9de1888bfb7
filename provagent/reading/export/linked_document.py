"""The document of a run, with the results of its job and the statements of the job's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prov.model import ProvDocument, ProvException

from provagent.contract.errors import LinkError
from provagent.contract.vocabulary import COPIED
from provagent.reading.export.document import state
from provagent.reading.export.foreign_documents import parse_document
from provagent.reading.export.identifiers import Names
from provagent.reading.export.prov_library import InDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prov.identifier import QualifiedName

    from provagent.reading.record.model import Provenance


def linked_document(
    provenance: Provenance,
    joined: Iterable[Any],
    missed: Iterable[Any],
    served: tuple[str, bytes] | None,
    *,
    namespace: str | None = None,
    form: str = "activities",
    for_rdf: bool = False,
) -> ProvDocument:
    """Return one document of a run and of the results of its job.

    ``joined`` are results with an entity of equal content, from ``opus.join``. ``missed`` are
    results without such an entity. ``served`` is the address of the job's server and its PROV-JSON.
    A result is a ``specializationOf`` the content, and ``wasDerivedFrom`` the file of which it is a
    copy. Raises LinkError if the two documents contradict each other.
    """
    sink = InDocument(for_rdf=for_rdf)
    state(provenance, sink, namespace=namespace, form=form)
    foreign = parse_document(served[0], served[1], "json")[0] if served else ProvDocument()
    declared = {each.identifier.uri for each in foreign.get_records() if each.identifier}
    writer = _Writer(sink, Names(provenance.run.id, namespace), declared)
    for each in joined:
        writer.write(each)
    for result in missed:
        writer.result(result)
    try:
        sink.document.update(foreign)
        return sink.document.unified()
    except ProvException as error:
        what = " ".join(str(error).split())
        raise LinkError(f"{served and served[0]}: contradicts the run's record: {what}") from error


class _Writer:
    """Writes results. ``declared`` are the IRIs of elements that the server's document states."""

    def __init__(self, sink: InDocument, names: Names, declared: set[str]) -> None:
        self.sink = sink
        self.names = names
        self.declared = declared
        self.count = 0

    def write(self, each: Any) -> None:
        name, place = self.result(each.result), self.sink.place
        place.specialization(name, self.sink.name(self.names.content(each.entity.digest)))
        if each.is_copied:
            self.count += 1
            place.derivation(
                name,
                self.sink.name(self.names.of("entity", each.entity.id)),
                identifier=self.sink.name(self.names.of("linked", str(self.count))),
                other_attributes={"provagent:how": COPIED},
            )

    def result(self, result: Any) -> QualifiedName:
        """Return the name of a result. State the result unless the server's document does."""
        found = self.names.foreign(result.iri, "opus_store", result.namespace)
        prefix, _, local = found.partition(":")
        namespace = self.sink.document.add_namespace(prefix, self.names.namespaces[prefix])
        name = namespace[local]
        if name.uri not in self.declared:
            self.declared.add(name.uri)
            attributes = {
                "prov:label": result.file_name,
                "prov:type": self.sink.name(self.names.ivoa("DatasetEntity")),
                "voprov:contentType": result.content_type,
            }
            present = {key: value for key, value in attributes.items() if value is not None}
            self.sink.place.entity(name, present)
        return name
