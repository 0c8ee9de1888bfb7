"""internal_provenance.json: the provenance that a job of OPUS reads about its programs.

OPUS looks for a file with this name at the end of a job. OPUS reads the file twice: as YAML, for
the files to register in its store, and as PROV-JSON. Both readers together accept less than
PROV-JSON allows. ``problems`` lists the differences.

Only the standard library is imported: the recorder writes the first version of the file, the
exporter writes the complete file.
"""

from __future__ import annotations

import json
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from provagent.contract.errors import ExportError
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import fcntl, io, os, time

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "internal_provenance.json"
JOB = "current_job"  # the name of the job for OPUS, in the default namespace
MAX_BYTES = 32_000  # OPUS reads YAML at 2.4 seconds per MB, and answers no requests meanwhile
SECONDS = 2.0  # maximum time to wait for another run of the job
MAX_ID = 80  # maximum length of an identifier in the data base of OPUS, in characters

Document: TypeAlias = dict[str, Any]

_BASE = "urn:provagent:"
PREFIXES = {
    "default": _BASE,
    "runs": _BASE,
    "provagent": f"{_BASE}terms#",
    "voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#",
}
_RUNS, _LEFT_OUT = "provagent:run_id", "provagent:left_out"


def begun(run_id: str, start: str, store: str) -> Document:
    """Return the document for the start of a run: the start time, and the place of its record."""
    program = f"runs:run.{run_id}.program"
    return {
        "prefix": PREFIXES,
        "activity": {
            JOB: {_RUNS: run_id},
            program: {
                "prov:startTime": start,
                "provagent:run_id": run_id,
                "provagent:store": store,
            },
        },
        "wasInformedBy": {
            f"_:{run_id}": {"prov:informed": program, "prov:informant": JOB},
        },
    }


def problems(document: Any) -> list[str]:
    """Return the reasons why OPUS could not read a document.

    An empty list means a valid document.
    """
    found = _faults(document)
    size = len(as_bytes(document))
    if size > MAX_BYTES:
        found.append(f"has {size} bytes, more than {MAX_BYTES}")
    return found


def _faults(document: Any) -> list[str]:
    if not isinstance(document, dict) or not all(map(_is_object, document.values())):
        return ["is not an object of objects"]
    found = []
    prefixes = document.get("prefix", {})
    if not isinstance(prefixes.get("default"), str):
        found.append("has no default namespace; give prefix.default an IRI")
    if JOB not in document.get("activity", {}):
        found.append(f"has no activity {JOB!r}")
    if "bundle" in document:
        found.append("has a bundle; write all statements at the top level")
    for kind, records in document.items():
        if kind not in ("prefix", "bundle"):
            for name, record in records.items():
                found += [
                    f"{kind} {name[:MAX_ID]}: {what}" for what in _wrong(name, record, prefixes)
                ]
    return found


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _wrong(name: str, record: Any, prefixes: dict[str, Any]) -> list[str]:
    found = []
    if len(name) > MAX_ID:
        found.append(f"its name has {len(name)} characters, more than {MAX_ID}")
    prefix, colon, _ = name.partition(":")
    if colon and prefix != "_" and prefix not in prefixes:
        found.append(f"unknown prefix {prefix!r}")
    if not isinstance(record, dict):
        return [*found, "is not an object; use each name once"]
    if not isinstance(record.get("prov:location", ""), str):
        found.append("its prov:location is not a text (typed literals make the job fail)")
    if record.get("prov:type") == "Software":
        found.append("its prov:type is Software, which OPUS cannot resolve")
    return found


def as_bytes(document: Document) -> bytes:
    """Return JSON that a YAML reader reads in the same way.

    The YAML reader does not combine surrogate pairs, and knows all escapes of ASCII characters.
    """
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return "".join(
        char if " " <= char <= "~" or char == "\n" or char > "\uffff" else f"\\u{ord(char):04x}"
        for char in text
    ).encode()


def fitting(document: Document, max_bytes: int = MAX_BYTES) -> Document:
    """Return a document of at most ``max_bytes`` bytes: first entities, and a count of the rest.

    If this is not enough, activities are left out as well, but never the job.
    """
    for kind in ("entity", "activity"):
        while len(as_bytes(document)) > max_bytes and len(document.get(kind, ())) > 1:
            document = _without(document, kind, list(document[kind])[len(document[kind]) // 2 :])
    return document


def _without(document: Document, kind: str, names: list[str]) -> Document:
    gone = {name for name in names if name != JOB}
    if not gone:
        return {**document, kind: {JOB: document[kind][JOB]}}
    kept = {
        group: {
            name: record
            for name, record in records.items()
            if not (group == kind and name in gone)
            and (group in ("prefix", "entity", "activity") or not gone & _texts(record))
        }
        for group, records in document.items()
    }
    job = dict(kept["activity"][JOB])
    job[_LEFT_OUT] = int(job.get(_LEFT_OUT, 0)) + len(gone)
    kept["activity"] = {**kept["activity"], JOB: job}
    return kept


def _texts(record: dict[str, Any]) -> set[str]:
    return {value for value in record.values() if isinstance(value, str)}


def joined(earlier: Document, later: Document) -> Document:
    """Return one document about a job: all of ``later``, and the part of ``earlier`` that fits.

    Raises ExportError if one prefix has two meanings.
    """
    prefixes = {**earlier.get("prefix", {})}
    for prefix, iri in later["prefix"].items():
        if prefix != "default" and prefixes.setdefault(prefix, iri) != iri:
            raise ExportError(
                f"the prefix {prefix!r} has another meaning in it: {prefixes[prefix]}"
            )
    prefixes.setdefault("default", later["prefix"]["default"])
    both = {"prefix": prefixes}
    for kind in dict.fromkeys([*later, *earlier]):
        if kind != "prefix":
            both[kind] = {**later.get(kind, {})}
            for name, record in earlier.get(kind, {}).items():
                both[kind][name] = {**record, **both[kind].get(name, {})}
    runs = f"{earlier['activity'][JOB].get(_RUNS, '')} {later['activity'][JOB].get(_RUNS, '')}"
    both["activity"][JOB][_RUNS] = " ".join(dict.fromkeys(runs.split()))
    return fitting(both)


def write(path: str | os.PathLike[str], document: Document) -> None:
    """Write a document to the place where OPUS reads it.

    Statements of other runs of the job are kept.

    Raises ExportError if the file cannot be written, or if OPUS could not read the existing file.
    """
    path = os.fspath(path)
    temporary = f"{path}.{os.getpid()}"
    try:
        with _alone(os.path.dirname(path) or "."):
            there = _there(path)
            if there is not None:
                document = joined(there, document)
            if os.path.lexists(temporary):  # left by a killed process with the same number
                os.unlink(temporary)
            with io.open(temporary, "xb") as file:  # never through a link
                file.write(as_bytes(document))
            os.replace(temporary, path)
    except OSError as error:
        if is_the_programs(error):
            raise
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    except ExportError as error:
        raise ExportError(f"{path}: {error}; it was not changed") from error


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Lock the folder against other runs of the job, if the file system has locks."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            return  # this file system has no locks


def _there(path: str) -> Document | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # reading a pipe would never end
            raise ExportError("it is not a file")
        with io.open(path, "rb") as file:
            content = file.read(MAX_BYTES * 4 + 1)
    except FileNotFoundError:
        return None
    try:
        document: Document = json.loads(content)
    except (ValueError, RecursionError):
        raise ExportError("it is not JSON, or too long") from None
    faults = _faults(document)
    if faults:
        raise ExportError(f"the existing document {faults[0]}")
    return document
