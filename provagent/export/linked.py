"""A run's document, with the results of its job in it, and what the job's own server says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prov.model import ProvDocument, ProvException

from provagent.errors import LinkError
from provagent.export.document import to_document
from provagent.export.names import Names
from provagent.export.reading import parse_document
from provagent.terms import COPIED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prov.identifier import QualifiedName
    from prov.model import ProvBundle

    from provagent.record.model import Provenance


def linked_document(
    provenance: Provenance,
    joined: Iterable[Any],
    missed: Iterable[Any],
    served: tuple[str, bytes] | None,
    *,
    namespace: str | None = None,
    form: str = "activities",
) -> ProvDocument:
    """Return one document of a run and of its job's results.

    ``joined`` are results with the entity of equal content, as ``link.join`` finds them,
    ``missed`` the results without; ``served`` is PROV-JSON of the job's server, and where it
    came from. A result is a ``specializationOf`` the content, and ``wasDerivedFrom`` the
    file of which it is the copy. Raises LinkError where the two contradict each other.
    """
    document = to_document(provenance, namespace=namespace, form=form)
    names = Names(document, provenance.run.id, namespace)
    place = document if form == "activities" else next(iter(document.bundles))
    foreign = parse_document(served[0], served[1], "json")[0] if served else None
    writer = _Writer(document, place, names, foreign)
    for each in joined:
        writer.write(each)
    for result in missed:
        writer.result(result)
    if foreign is None:
        return document
    try:
        document.update(foreign)
        return document.unified()
    except ProvException as error:
        what = " ".join(str(error).split())
        raise LinkError(f"{served and served[0]}: contradicts the run's record: {what}") from error


class _Writer:
    def __init__(
        self, document: ProvDocument, place: ProvBundle, names: Names, foreign: ProvDocument | None
    ) -> None:
        self.document = document
        self.place = place
        self.names = names
        self.told = set() if foreign is None else {
            each.identifier.uri for each in foreign.get_records() if each.identifier
        }  # fmt: skip
        self.count = 0

    def write(self, each: Any) -> None:
        result, digest = self.result(each.result), each.entity.digest
        self.place.specialization(result, self.names.content(digest))
        if each.is_copied:
            self.count += 1
            self.place.derivation(
                result,
                self.names.of("entity", each.entity.id),
                identifier=self.names.of("linked", str(self.count)),
                other_attributes={"provagent:how": COPIED},
            )

    def result(self, result: Any) -> QualifiedName:
        """Name a result, and state it where nobody else does."""
        name = self.names.foreign(result.iri, "opus_store")
        if name.uri not in self.told:
            self.told.add(name.uri)
            attributes = {
                "prov:label": result.file_name,
                "prov:type": self.names.ivoa("DatasetEntity"),
                "voprov:contentType": result.content_type,
            }
            said = {key: value for key, value in attributes.items() if value is not None}
            self.place.entity(name, said)
        return name
