"""A run as a job of OPUS reads it: flat, small, about the inputs and outputs of the job.

OPUS registers and serves a file for each entity with a location. So only files that the run made in
the job's folder have a location, relative to the folder. The place of other files is in another
attribute.
"""

from __future__ import annotations

import hashlib
import os.path
from typing import TYPE_CHECKING, Any

from provagent.contract.internal_provenance import JOB, MAX_ID, PREFIXES, Document, fitting
from provagent.contract.vocabulary import FILE, FILE_COLLECTION
from provagent.reading.export.identifiers import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provagent.reading.export.identifiers import Name
    from provagent.reading.record.model import Activity, Entity, Generation, Provenance, Usage

MAX_TEXT = 200  # maximum characters of a label
MAX_ENTITIES = 60
MAX_ACTIVITIES = 20


def to_internal(provenance: Provenance, *, namespace: str | None = None) -> Document:
    """Return the document of a run for OPUS, within the limits of its size.

    ``namespace`` is described in ``Names``.
    """
    return _Writer(provenance, namespace).document()


class _Writer:
    def __init__(self, provenance: Provenance, namespace: str | None) -> None:
        self.provenance = provenance
        self.run = provenance.run
        self.names = Names(self.run.id, namespace)
        self.base = self.names.namespaces["runs"]
        self.folder = self.run.process.cwd or ""

    def document(self) -> Document:
        made, used = self.made(), self.used()
        omitted = max(0, len(made) + len(used) - MAX_ENTITIES)
        made = dict(list(made.items())[:MAX_ENTITIES])
        used = dict(list(used.items())[: MAX_ENTITIES - len(made)])
        activities = {
            self.name(self.names.of("activity", each.id)): each
            for each in self.provenance.outermost[:MAX_ACTIVITIES]
        }
        program = self.name(self.names.program)
        document: Document = {
            "prefix": {**PREFIXES, "default": self.base, "runs": self.base},
            "activity": {
                JOB: _short_attributes(
                    {
                        "provagent:run_id": self.run.id,
                        "provagent:status": self.run.status,
                        "provagent:left_out": omitted or None,
                    }
                ),
                program: self.program(),
                **{name: _activity(each) for name, each in activities.items()},
            },
            "entity": {
                **{name: self.entity(each.entity, is_made=True) for name, each in made.items()},
                **{name: self.entity(each.entity, is_made=False) for name, each in used.items()},
            },
            "wasGeneratedBy": self.of_job(made),
            "used": self.of_job(used),
            "wasInformedBy": {
                f"_:{self.run.id}": {"prov:informed": program, "prov:informant": JOB}
            },
            "wasStartedBy": {
                f"_:{self.run.id}.{number}": {"prov:activity": name, "prov:starter": program}
                for number, name in enumerate(activities)
            },
        }
        return fitting({kind: records for kind, records in document.items() if records})

    def of_job(self, related: Mapping[str, Usage | Generation]) -> dict[str, Any]:
        return {
            f"_:{self.run.id}.{number}": _short_attributes(
                {"prov:entity": name, "prov:activity": JOB, "prov:role": each.role}
            )
            for number, (name, each) in enumerate(related.items())
        }

    def made(self) -> dict[str, Generation]:
        """Return the last state of each file that the run made."""
        last: dict[str, Generation] = {}
        for entity in self.files():
            if entity.generated_by:
                last.pop(entity.location or "", None)
                last[entity.location or ""] = entity.generated_by[0]
        return {self.entity_name(each.entity): each for each in last.values()}

    def used(self) -> dict[str, Usage]:
        """Return the files that the run used and did not make."""
        return {
            self.entity_name(entity): entity.used_by[0]
            for entity in self.files()
            if entity.used_by and not entity.generated_by
        }

    def files(self) -> list[Entity]:
        return [
            entity
            for entity in self.provenance.entities.values()
            if entity.type in (FILE, FILE_COLLECTION) and entity.location and not entity.missing
        ]

    def program(self) -> dict[str, Any]:
        process = self.run.process
        return _short_attributes(
            {
                "prov:label": " ".join(map(str, process.command)),
                "prov:startTime": process.start,
                "prov:endTime": process.end,
                "provagent:run_id": self.run.id,
                "provagent:status": self.run.status,
                "provagent:environment": process.environment_id,
            }
        )

    def entity(self, entity: Entity, *, is_made: bool) -> dict[str, Any]:
        location = entity.location or ""
        is_inside = is_made and bool(self.folder) and location.startswith(f"{self.folder}/")
        place = location.removeprefix(f"{self.folder}/") if is_inside else location
        return _short_attributes(
            {
                "prov:label": entity.name or os.path.basename(location),
                "prov:location" if is_inside else "provagent:location": place,
                "voprov:contentType": entity.content_type,
                "provagent:digest": entity.digest,
                "provagent:size": entity.size,
            }
        )

    def entity_name(self, entity: Entity) -> str:
        return self.name(self.names.of("entity", entity.id))

    def name(self, name: Name) -> str:
        """Return a name with a single prefix. A name that is too long ends with its digest."""
        local = self.names.iri(name).removeprefix(self.base)
        text = f"runs:{local}"
        if len(text) <= MAX_ID:
            return text
        digest = hashlib.sha256(local.encode()).hexdigest()[:16]
        return f"{text[: MAX_ID - 17]}.{digest}"


def _activity(activity: Activity) -> dict[str, Any]:
    return _short_attributes(
        {
            "prov:label": activity.name,
            "prov:startTime": activity.start,
            "prov:endTime": activity.end,
            "provagent:target": activity.target,
            "provagent:status": activity.status,
        }
    )


def _short_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes with a value, with shortened texts.

    A location that is too long is left out.
    """
    short = {}
    for name, value in attributes.items():
        if value is None or value == "":
            continue
        if not isinstance(value, str) or len(value) <= MAX_TEXT:
            short[name] = value if isinstance(value, int) else str(value)
        elif not name.endswith(":location"):
            short[name] = f"{value[:MAX_TEXT]}..."
    return short
