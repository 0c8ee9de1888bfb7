"""The embedded payload: facts of the last step, and the document if it is small enough.

Names of facts are the names of the reference metadata of CTAO products in FITS headers, HDF5
attributes and ECSV (ctapipe.io.metadata writes the same names), and names of provagent.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provagent.contract.errors import EmbedError
from provagent.reading.export.identifiers import Names
from provagent.reading.export.write import export
from provagent.reading.record.selection import cut, entity_of, within

if TYPE_CHECKING:
    from provagent.reading.record.model import Activity, Entity, Provenance

MAX_BYTES = 64 * 1024
OWN = "PROVAGENT "
RUN, BEFORE, DOCUMENT, KEPT = (OWN + word for word in ("RUN", "BEFORE", "DOCUMENT", "KEPT"))
WHOLE, LAST_STEP, NOTHING = "whole", "last step", "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """``facts`` by name, and the PROV-JSON of the run, of its last step, or none (empty).

    The fact ``PROVAGENT DOCUMENT`` is the digest of the whole document of the run. ``PROVAGENT
    KEPT`` shows which part of the document is embedded. ``PROVAGENT BEFORE`` is the digest of the
    file before the embedding: the digest in the record.
    """

    facts: dict[str, str]
    document: bytes

    @property
    def packed(self) -> bytes:
        """The document as it is embedded: compressed by gzip, with the same bytes each time."""
        return gzip.compress(self.document, mtime=0) if self.document else b""


def make_payload(
    provenance: Provenance, file: str, before: str, *, namespace: str | None, max_bytes: int
) -> Payload:
    """Return the payload for ``file``, whose digest is ``before``.

    Raises EmbedError if the run did not make the file in its current state.
    """
    entity = entity_of(provenance, file)
    if entity.digest != before:
        raise EmbedError(
            f"{file}: differs from the output of run {provenance.run.id}; its digest is {before}, "
            f"recorded is {entity.digest or 'no digest'}"
        )
    whole = _document(provenance, None, namespace)
    facts = _facts(provenance, entity, namespace)
    facts[BEFORE] = before
    facts[DOCUMENT] = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    process = provenance.run.process
    last = entity.generated_by[-1].activity if entity.generated_by else process.program
    for kept, of in ((WHOLE, None), (LAST_STEP, last.id)):
        document = whole if of is None else _document(provenance, of, namespace)
        payload = Payload(facts=facts | {KEPT: kept}, document=document)
        if len(payload.packed) <= max_bytes:
            return payload
    return Payload(facts=facts | {KEPT: NOTHING}, document=b"")


def _document(provenance: Provenance, of: str | None, namespace: str | None) -> bytes:
    content = io.BytesIO()
    chosen = None if of is None else within(provenance, of)
    part = provenance if chosen is None else cut(provenance, *chosen)
    export(part, "json", content, namespace=namespace)
    return content.getvalue()


def _facts(provenance: Provenance, entity: Entity, namespace: str | None) -> dict[str, str]:
    names = Names(provenance.run.id, namespace)
    process = provenance.run.process
    activity = entity.generated_by[-1].activity if entity.generated_by else process.program
    is_program = activity.id not in provenance.activities
    name = process.module or (process.script.location if process.script else "program")
    identifier = names.program if is_program else names.of("activity", activity.id)
    software, version = _software(provenance, activity)
    facts = {
        "CTA PRODUCT ID": names.iri(names.of("entity", entity.id)),
        "CTA PRODUCT CREATION TIME": _time(process.end if is_program else activity.end),
        "CTA ACTIVITY NAME": name if is_program else activity.name,
        "CTA ACTIVITY TYPE": "software",
        "CTA ACTIVITY ID": names.iri(identifier),
        "CTA ACTIVITY START TIME": _time(process.start if is_program else activity.start),
        "CTA ACTIVITY SOFTWARE NAME": software,
        "CTA ACTIVITY SOFTWARE VERSION": version,
        RUN: names.iri(names.bundle),
    }
    return {name: value for name, value in facts.items() if value}


def _software(provenance: Provenance, activity: Activity) -> tuple[str, str]:
    process = provenance.processes.get(activity.process_id, provenance.run.process)
    environment = provenance.environments.get(process.environment_id or "")
    package = (activity.target or "").replace(":", ".").partition(".")[0]
    if environment is None:
        return package, ""
    if package in environment.packages:
        return package, environment.packages[package]
    return "Python", environment.python.get("version", "")


def _time(time: str | None) -> str:
    """Return a time in the format of ``astropy.time.Time.iso``, in UTC."""
    return (time or "").replace("T", " ").removesuffix("Z").removesuffix("+00:00")
