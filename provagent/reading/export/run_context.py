"""The context of a process: its script, its definitions, its environment.

provagent itself describes these, in the way in which a definition describes activities: the program
used a script and an environment, and definitions configured its recording.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from provagent.reading.export.prov_literals import as_json, moment

if TYPE_CHECKING:
    from provagent.reading.export.definition_agents import People
    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.facts import DefinitionUsed
    from provagent.reading.record.model import Environment, Process, Provenance

# Role -> (its type, a reserved word of the IVOA; its description)
_USED = {
    "script": ("Main", "the script that was run"),
    "environment": ("Context", "the interpreter, its packages, and the platform"),
}


class Surroundings:
    """Writes the context of processes."""

    def __init__(
        self, provenance: Provenance, names: Names, statements: Statements, people: People
    ) -> None:
        self.people = people
        self.provenance = provenance
        self.names = names
        self.statements = statements
        self.description = names.of("activity_description", "program")

    def write(self, process: Process, name: Name) -> Name | None:
        """Write the script, definitions and environment of a process. Return its plan, or None."""
        environment = self.provenance.environments.get(process.environment_id or "")
        if process.script or process.definitions or environment:
            self._write_description(name)
        plan = self._script(process, name) or self._notebook(process)
        for definition in process.definitions:
            self._write_definition(definition, name)
        if environment is not None:
            self._write_usage(process, name, self._environment(environment), "environment")
        return plan

    def _script(self, process: Process, name: Name) -> Name | None:
        if process.script is None:
            return None
        script = self.names.of("script", process.id)
        location, digest = process.script.location, process.script.digest
        word = base_name(location)
        self._write_file(script, location, digest, "DatasetEntity", word, is_plan=True)
        self._write_usage(process, name, script, "script")
        return script

    def _notebook(self, process: Process) -> Name | None:
        """Write the cells of a notebook that a process ran, as its plan."""
        cells = [one for one in process.code if one.cell is not None]
        if not cells:
            return None
        listed = [{"cell": one.cell, "digest": one.digest} for one in cells]
        word = base_name(process.notebook) or "notebook"
        attributes = {
            "prov:type": [self.names.ivoa("Entity"), self.names.prov("Plan")],
            "prov:label": word,
            "prov:location": process.notebook or None,
            "voprov:name": word,
            "provagent:cells": as_json(listed),
        }
        return self.statements.entity(self.names.of("notebook", process.id), attributes)

    def _write_description(self, name: Name) -> None:
        attributes = {
            "prov:type": self.names.ivoa("ActivityDescription"),
            "prov:label": "program",
            "voprov:name": "program",
            "voprov:description": "a Python program, as provagent records it",
        }
        self.statements.entity(self.description, attributes)
        self.statements.influenced(
            name, self.description, {"prov:type": self.names.ivoa("IsDescribedBy")}
        )

    def _write_usage(self, process: Process, name: Name, entity: Name, role: str) -> None:
        kind, text = _USED[role]
        item = self.names.of("usage_description.program", role)
        attributes = {
            "prov:type": self.names.ivoa("UsageDescription"),
            "prov:label": role,
            "voprov:role": role,
            "voprov:type": kind,
            "voprov:description": text,
            "voprov:activityDescription": self.description,
        }
        self.statements.entity(item, attributes)
        usage = {"prov:role": role, "voprov:usageDescription": item}
        self.statements.used(name, entity, moment(process.start), usage)

    def _write_definition(self, definition: DefinitionUsed, name: Name) -> None:
        word = base_name(definition.location) or definition.name
        item = self.names.of("config_file_description.program", word)
        attributes = {
            "prov:type": self.names.ivoa("ConfigFileDescription"),
            "prov:label": word,
            "voprov:name": word,
            "voprov:contentType": "application/yaml",
            "voprov:description": "a definition: what was to be recorded of the program",
            "voprov:activityDescription": self.description,
        }
        self.statements.entity(item, attributes)
        config = self.names.of("definition", definition.name)
        location = definition.location or definition.name
        self._write_file(config, location, definition.digest, "ConfigFile", word)
        configured = {
            "prov:type": self.names.ivoa("WasConfiguredBy"),
            "voprov:artefactType": "ConfigFile",
        }
        self.statements.influenced(name, config, configured)
        self.statements.influenced(config, item, {"prov:type": self.names.ivoa("IsDescribedBy")})
        self.people.write_definition(definition.name, config)

    def _write_file(
        self,
        name: Name,
        location: str,
        digest: str | None,
        kind: str,
        word: str | None,
        *,
        is_plan: bool = False,
    ) -> None:
        attributes = {
            "prov:type": [self.names.ivoa(kind), *([self.names.prov("Plan")] if is_plan else [])],
            "prov:label": word,
            "prov:location": location,
            "voprov:name": word,
            "provagent:digest": digest,
        }
        self.statements.entity(name, attributes)
        if digest:
            write_content(self.names, self.statements, name, digest)

    def _environment(self, environment: Environment) -> Name:
        attributes = {
            "prov:type": [self.names.ivoa("Entity"), self.names.term("Environment")],
            "prov:label": "environment",
            "provagent:python": as_json(environment.python),
            "provagent:platform": as_json(environment.platform),
            "provagent:packages": as_json(environment.packages),
            "provagent:git": as_json(environment.git) if environment.git else None,
            "provagent:variables": as_json(environment.variables),
        }
        return self.statements.entity(self.names.of("environment", environment.id), attributes)


def write_content(names: Names, statements: Statements, name: Name, digest: str) -> None:
    """State that the element ``name`` has this content."""
    content = names.content(digest)
    attributes = {"prov:type": names.term("Content"), "provagent:digest": digest}
    statements.specialised(name, statements.entity(content, attributes))


def base_name(location: str | None) -> str | None:
    """Return the last part of a path. The last part of the root is the root, and of None, None."""
    return os.path.basename(location.rstrip("/")) or location if location else None
