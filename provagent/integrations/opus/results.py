"""The results of a job of OPUS, from the job's own list or from the server.

``results.yml`` in the folder of the job's data contains the hash and the place of each file. The
provenance of the server (ProvSAP) contains the identifiers of its store, and no hash. Source: the
batch files and responses of OPUS, https://github.com/ParisAstronomicalDataCentre/OPUS.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provagent.contract.errors import DocumentError, LinkError
from provagent.contract.file_errors import cause_and_remedy
from provagent.integrations.opus.fetch import SECONDS, fetch, without_secret
from provagent.recording.capture.jobs import NotAJob, opus_address

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1 << 20  # of results.yml
STORE = "opus_store"
_ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_VOPROV = "http://www.ivoa.net/documents/ProvenanceDM/index.html#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A file that a job has made or used.

    ``iri`` is its name. ``namespace`` is the beginning of the name, if the archive has a prefix for
    it. ``digest`` (``algorithm:hex``), ``path`` and ``url`` lead to its content, as far as they are
    known. ``is_made`` is false for inputs of the job.
    """

    iri: str
    file_name: str
    namespace: str = ""
    role: str | None = None
    content_type: str | None = None
    digest: str | None = None
    path: str | None = None
    url: str | None = None
    is_made: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAt:
    """A job of OPUS: the address of its server for requests, its name and its id."""

    url: str
    name: str
    id: str

    @property
    def iri(self) -> str:
        """Return the job's own address, without secrets."""
        return f"{without_secret(self.url)}/rest/{self.name}/{self.id}"

    def store(self, entity_id: str) -> str:
        """Return the address of a file in the store of the server."""
        return f"{self.url}/store?ID={urllib.parse.quote(entity_id)}"

    @property
    def provenance(self) -> str:
        return (
            f"{self.url}/provsap?ID={urllib.parse.quote(self.id)}"
            "&DEPTH=ALL&MODEL=W3C&RESPONSEFORMAT=PROV-JSON"
        )


def job_at(url: str, known: dict[str, Any] | None) -> JobAt:
    """Return the job with the address ``url``.

    For the address of a server, return the ``known`` job.

    Raises LinkError if neither names the job.
    """
    try:
        found = opus_address(url)
    except NotAJob:
        if known is None or not known.get("name"):
            raise LinkError(
                f"{without_secret(url)}: the record of the run does not name its job; "
                "give the address of the job, .../rest/<name>/<id>"
            ) from None
        return JobAt(url=url.rstrip("/"), name=str(known["name"]), id=str(known["id"]))
    return JobAt(url=found["url"], name=found["name"], id=found["id"])


def read_list(path: str, job_iri: str | None) -> list[Result]:
    """Return the results that the ``results.yml`` of a job lists.

    The names of results are their addresses on the server of the job, if ``job_iri`` is known.
    Otherwise they are the addresses of the files. Raises LinkError if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LinkError(f"{path}: cannot be read: {cause_and_remedy(error)}") from error
    if len(content) > MAX_BYTES:
        raise LinkError(f"{path}: has more than {MAX_BYTES} bytes; it is not a list of results")
    listed = _entries(path, content.decode("utf-8", "replace"))
    return [_listed(key, fields, job_iri) for key, fields in listed.items()]


# A shell script wrote these lines. They are valid YAML only if names contain no special characters.
def _entries(path: str, text: str) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith(" ") and line.endswith(":"):
            entry = entries[line[:-1]] = {}
        elif line.startswith("  ") and ": " in f"{line} " and entries:
            key, _, value = line.strip().partition(":")
            entry[key] = value.strip().removeprefix("'").removesuffix("'")
        elif line.strip():
            raise LinkError(
                f"{path}:{number}: is not a line of results.yml; expected 'file:' or '  key: value'"
            )
    return entries


def _listed(key: str, fields: dict[str, str], job_iri: str | None) -> Result:
    name = fields.get("file_name") or key
    place = os.path.join(fields.get("file_dir", ""), name)
    # A pattern may match several files. OPUS names each of them by its file.
    word = key if "*" in fields.get("result_value", "") else fields.get("result_name") or key
    value = fields.get("hash", "").lower()
    algorithm = _ALGORITHMS.get(len(value)) if value.isalnum() else None
    quoted = urllib.parse.quote(word)
    return Result(
        iri=f"{job_iri}/results/{quoted}" if job_iri else f"file://{urllib.parse.quote(place)}",
        file_name=name,
        role=fields.get("result_name"),
        content_type=fields.get("content_type"),
        digest=f"{algorithm}:{value}" if algorithm else None,
        path=place,
    )


def fetch_provenance(job: JobAt, *, seconds: float = SECONDS) -> tuple[bytes, list[Result]]:
    """Return the server's PROV-JSON about the job, and the files of its store in it.

    Parts that OPUS leaves out of its documents are added: a namespace that it uses, and unambiguous
    names of bundles. Raises FetchError, and DocumentError if the response is not PROV-JSON.
    """
    url = job.provenance
    content = fetch(url, seconds=seconds)
    try:
        document = json.loads(content)
        results = _mended(document, job)
    except (ValueError, RecursionError, TypeError, AttributeError, KeyError) as error:
        start = " ".join(content[:80].decode("utf-8", "replace").split())
        place = without_secret(url)
        raise DocumentError(
            f"{place}: the response is not PROV-JSON; it begins with {start!r}"
        ) from error
    return json.dumps(document).encode(), results


def _mended(document: dict[str, Any], job: JobAt) -> list[Result]:
    prefixes = document.setdefault("prefix", {})
    prefixes.setdefault("voprov", _VOPROV)
    prefixes.setdefault("opus_job", f"{without_secret(job.url)}/rest/")
    bundles = document.get("bundle", {})
    document["bundle"] = {
        f"opus_job:{job.name}/{job.id}{name}" if name.startswith("#") else name: records
        for name, records in bundles.items()
    }
    if not bundles:
        del document["bundle"]
    made = {each["prov:entity"] for _, each in _each(document.get("wasGeneratedBy", {}))}
    stored = {
        name: fields
        for name, fields in _each(document.get("entity", {}))
        if name.startswith(f"{STORE}:")
    }
    return [
        _stored(name, fields, job, prefixes[STORE], is_made=name in made)
        for name, fields in stored.items()
    ]


def _each(records: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each record of a kind. In PROV-JSON, records with the same name are a list."""
    for name, record in records.items():
        for one in record if isinstance(record, list) else [record]:
            yield name, one


def _stored(
    name: str, fields: dict[str, Any], job: JobAt, namespace: str, *, is_made: bool
) -> Result:
    entity_id = name.removeprefix(f"{STORE}:")
    return Result(
        iri=namespace + entity_id,
        namespace=namespace,
        file_name=str(fields.get("prov:label", entity_id)),
        role=fields.get("voprov:result_name"),
        content_type=fields.get("voprov:content_type"),
        url=job.store(entity_id),
        is_made=is_made,
    )
