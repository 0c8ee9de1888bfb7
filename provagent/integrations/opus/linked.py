"""Link a run and the archive of its job in one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provagent.integrations.opus.fetch import SECONDS, without_secret
from provagent.integrations.opus.join import Joins, join
from provagent.integrations.opus.results import JobAt, fetch_provenance, job_at, read_list
from provagent.reading.export.linked_document import linked_document
from provagent.recording.capture.jobs import opus_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provagent.integrations.opus.results import Result
    from provagent.reading.record.model import Provenance

MAX_BYTES = 2**30  # maximum size of one file of the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """The document, a ``ProvDocument``, and the joined results."""

    document: Any
    joins: Joins

    def lines(self) -> list[str]:
        """Return readable lines about joined results and others."""
        lines = [
            f"{each.result.file_name}: {'copied from' if each.is_copied else 'equal to'} "
            f"{each.entity.location}"
            for each in self.joins.found
        ]
        lines += [f"{each.file_name}: not joined: {why}" for each, why in self.joins.missed]
        lines += [
            f"{each.location}: output of the run, but not a result of the job"
            for each in self.joins.unmatched
        ]
        return [*lines, f"{len(self.joins.found)} joined, {len(self.joins.missed)} not"]


def link_run(
    provenance: Provenance,
    sources: Iterable[str],
    *,
    namespace: str | None = None,
    form: str = "activities",
    for_rdf: bool = False,
    seconds: float = SECONDS,
    max_bytes: int = MAX_BYTES,
) -> Linked:
    """Join a run with the results of the job of OPUS that contains it.

    ``sources`` are paths of ``results.yml``, and the address of a server or of a job. The
    provenance of the job is fetched from this address and merged. ``namespace``, ``form`` and
    ``for_rdf`` are described in ``to_document``. ``seconds`` and ``max_bytes`` limit each response
    of the server.

    Raises LinkError, FetchError and DocumentError for sources that cannot be read.
    """
    known: Any = opus_of(provenance.run.jobs)
    job: JobAt | None = None
    results: list[Result] = []
    content = b""
    for source in sources:
        if "://" in source:
            job = job_at(source, known)
            content, served = fetch_provenance(job, seconds=seconds)
            results += served
        else:
            results += read_list(source, known and known.get("iri"))
    joins = join(
        provenance, results,
        in_job=known is not None and (job is None or job.id == known["id"]),
        seconds=seconds, max_bytes=max_bytes,
    )  # fmt: skip
    said = None if job is None else (without_secret(job.provenance), content)
    document = linked_document(
        provenance, joins.found, [each for each, _ in joins.missed], said,
        namespace=namespace, form=form, for_rdf=for_rdf,
    )  # fmt: skip
    return Linked(document=document, joins=joins)
