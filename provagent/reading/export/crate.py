"""A run as an RO-Crate: a zip with its products, script, definitions and PROV document.

The crate follows the profile Process Run Crate 0.5 on RO-Crate 1.1. The run and its outermost
activities are CreateActions. Not packed: inputs, and files that have changed since the run. The
crate names them with their digests. Sources:
https://www.researchobject.org/ro-crate/specification/1.1/,
https://www.researchobject.org/workflow-run-crate/profiles/process_run_crate/.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.person import Person
from rocrate.rocrate import ROCrate

from provagent.contract.file_names import text_to_name
from provagent.contract.vocabulary import ERROR, FILE, OK
from provagent.identity.algorithms import hash_constructor
from provagent.identity.hashing import hash_whole
from provagent.reading.export.prov_literals import as_json, literal, moment
from provagent.reading.record.facts import FileState
from provagent.reading.record.labels import entity_text

if TYPE_CHECKING:
    from provagent.reading.record.model import Activity, Entity, Process, Provenance

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_PROV = "https://www.w3.org/ns/prov#"
_ACTIONS = 500  # maximum number of activities; the PROV document contains all
_STATUS = {OK: "CompletedActionStatus", ERROR: "FailedActionStatus"}

WriteDocument = Callable[[IO[bytes]], None]


def write_crate(provenance: Provenance, write_document: WriteDocument, file: IO[bytes]) -> None:
    """Write the zip. ``write_document`` writes the PROV-JSON of the run into a binary stream."""
    for chunk in _Crate(provenance, write_document).crate.stream_zip():
        file.write(chunk)


class _Crate:
    def __init__(self, provenance: Provenance, write_document: WriteDocument) -> None:
        self.provenance = provenance
        self.crate = ROCrate(version="1.1")
        self.names: set[str] = set()
        self.things: dict[str, Any] = {}
        self._describe(write_document)
        run = provenance.run.process
        program = run.program
        self._act(
            "#run",
            name=" ".join(map(str, run.command)) or f"run {provenance.run.id}",
            of=run,
            instrument=self._script(run),
            used=program.used,
            generated=program.generated,
        )
        for activity in provenance.outermost[:_ACTIONS]:
            self._act(
                f"#{activity.id}",
                name=activity.name or activity.id,
                of=activity,
                instrument=self._package(activity),
                used=activity.used,
                generated=activity.generated,
            )

    def _describe(self, write_document: WriteDocument) -> None:
        run, root = self.provenance.run, self.crate.root_dataset
        self.crate.name = f"Run {run.id}"
        self.crate.description = (
            f"What came of {' '.join(map(str, run.process.command)) or 'a program'}, "
            "and how, as provagent recorded it."
        )
        # The date is the time of the run, not of the writing, so that a run always has the same
        # crate.
        root["datePublished"] = moment(run.end) or moment(run.start) or "1970-01-01"
        # RO-Crate requires a licence. The publisher of the crate replaces this text.
        root["license"] = "No licence was stated when this crate was written."
        profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        root["conformsTo"] = self.crate.add(ContextEntity(self.crate, _PROFILE, profile))
        document = io.BytesIO()
        write_document(document)
        about = {
            "name": "Provenance of the run, as W3C PROV",
            "encodingFormat": "application/json",
            "conformsTo": {"@id": _PROV},
        }
        path = self._free("provenance.json", "")
        self.crate.add_file(io.StringIO(document.getvalue().decode()), path, properties=about)
        vocabulary = {"@type": "CreativeWork", "name": "W3C PROV"}
        self.crate.add(ContextEntity(self.crate, _PROV, vocabulary))
        for definition in run.process.definitions:
            state = FileState(location=definition.location, digest=definition.digest)
            self._file(state.location, state.digest, "definitions", {"description": "definition"})

    def _act(
        self, identifier: str, *, name: str, of: Process | Activity, instrument: Any,
        used: list[Any], generated: list[Any],
    ) -> None:  # fmt: skip
        properties = {
            "@type": "CreateAction",
            "name": name,
            "startTime": moment(of.start),
            "endTime": moment(of.end),
            "actionStatus": {"@id": f"http://schema.org/{_STATUS[of.status]}"}
            if of.status in _STATUS
            else None,
            "error": f"{of.error.type}: {literal(of.error.message)}" if of.error else None,
        }
        action = ContextEntity(
            self.crate, identifier, {key: value for key, value in properties.items() if value}
        )
        self.crate.add(action)
        action["instrument"] = instrument
        agent = self._person()
        if agent is not None:
            action["agent"] = agent
        for key, relations, folder in (("object", used, None), ("result", generated, "products")):
            for thing in dict.fromkeys(one.entity for one in relations):
                action.append_to(key, self._thing(thing, folder))
        for word, value in getattr(of, "parameters", {}).items():
            action.append_to("object", self._parameter(identifier, word, value))
        self.crate.root_dataset.append_to("mentions", action)

    def _thing(self, entity: Entity, folder: str | None) -> Any:
        if entity.id not in self.things:
            made = None
            if entity.type == FILE and entity.location and (folder or entity.generated_by):
                made = self._file(entity.location, entity.digest, "products", {})
            self.things[entity.id] = made or self._outside(
                entity.id, entity_text(entity), entity.location, entity.digest
            )
        return self.things[entity.id]

    def _outside(self, key: str, name: str, location: str | None, digest: str | None) -> Any:
        properties = {
            "@type": "CreativeWork", "name": name, "identifier": digest,
            "description": f"not in this crate; it was at {location}" if location else None,
        }  # fmt: skip
        present = {name: value for name, value in properties.items() if value}
        return self.crate.add(ContextEntity(self.crate, f"#{key}", present))

    def _file(
        self, location: str, digest: str | None, folder: str, more: dict[str, Any]
    ) -> Any | None:
        """Pack a file if it has not changed since it was recorded. Otherwise return None."""
        if location in self.things:
            return self.things[location]
        file = text_to_name(location)
        if not _is_still(file, digest):
            return None
        properties = {"name": os.path.basename(location), "identifier": digest, **more}
        path = self._free(os.path.basename(location), folder)
        self.things[location] = self.crate.add_file(file, path, properties=properties)
        return self.things[location]

    def _free(self, name: str, folder: str) -> str:
        stem, end = os.path.splitext(name)
        path, number = f"{folder}/{name}".lstrip("/"), 1
        while path in self.names:
            number += 1
            path = f"{folder}/{stem}-{number}{end}".lstrip("/")
        self.names.add(path)
        return path

    def _script(self, process: Process) -> Any:
        script = process.script
        if script is not None:
            more = {"@type": ["File", "SoftwareSourceCode", "SoftwareApplication"]}
            found = self._file(script.location, script.digest, "script", more)
            if found is not None:
                return found
        name = os.path.basename(script.location) if script else process.module or "program"
        properties = {
            "@type": "SoftwareApplication", "name": name,
            "description": as_json(process.command),
            "identifier": script.digest if script and script.digest else name,
        }  # fmt: skip
        return self.crate.add(ContextEntity(self.crate, "#script", properties))

    def _package(self, activity: Activity) -> Any:
        package = (activity.target or "program").replace(":", ".").partition(".")[0]
        identifier = f"#software-{package}"
        found = self.crate.get(identifier)
        if found is not None:
            return found
        process = self.provenance.processes.get(activity.process_id)
        key = process.environment_id if process else None
        environment = self.provenance.environments.get(key or "")
        version = environment.packages.get(package) if environment else None
        properties = {"@type": "SoftwareApplication", "name": package, "softwareVersion": version}
        present = {name: value for name, value in properties.items() if value}
        return self.crate.add(ContextEntity(self.crate, identifier, present))

    def _person(self) -> Any | None:
        user = self.provenance.run.process.user
        if user is None:
            return None
        return self.crate.get("#user") or self.crate.add(
            Person(self.crate, "#user", properties={"name": user})
        )

    def _parameter(self, activity: str, word: str, value: Any) -> Any:
        properties = {"@type": "PropertyValue", "name": word, "value": literal(value)}
        return self.crate.add(ContextEntity(self.crate, f"{activity}-{word}", properties))


def _is_still(location: str, digest: str | None) -> bool:
    """Return whether the file exists and has the recorded digest."""
    algorithm, _, found = (digest or "").partition(":")
    if not os.path.isfile(location):  # reading a pipe or a device never ends
        return False
    try:
        new = hash_constructor(algorithm)
        with io.FileIO(location) as file:
            hasher = hash_whole(file.fileno(), os.fstat(file.fileno()).st_size, new, 0)
    except (OSError, ValueError):
        return False
    return hasher is not None and hasher.hexdigest() == found
