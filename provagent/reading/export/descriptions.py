"""Descriptions of activities and entities in definitions, as IVOA descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import FILE, FILE_COLLECTION
from provagent.reading.export.datatypes import arraysize, datatype, known_datatype
from provagent.reading.export.ivoa import ELEMENTS
from provagent.reading.export.provdm import ATTRIBUTES
from provagent.reading.record.units import own_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provagent.reading.export.identifiers import Name, Names
    from provagent.reading.export.statements import Statements
    from provagent.reading.record.facts import Description
    from provagent.reading.record.model import Activity, Entity, Provenance

# Our names of attributes -> their names in the description classes of IVOA ProvenanceDM 1.0
_IVOA = {
    "name": "name",
    "role": "role",
    "version": "version",
    "description": "description",
    "docurl": "docurl",
    "type": "type",
    "subtype": "subtype",
    "multiplicity": "multiplicity",
    "contentType": "contentType",
    "datatype": "valueType",
    "unit": "unit",
    "ucd": "ucd",
    "utype": "utype",
    "min": "min",
    "max": "max",
    "default": "default",
    "options": "options",
}
_OWN = ("arraysize", "xtype", "contact")

_CLASSES = {"usage": "UsageDescription", "generation": "GenerationDescription"}


def is_value(entity: Entity) -> bool:
    """Return whether an entity is a ValueEntity: it has a value and is no file or collection."""
    return entity.value is not None and not (
        entity.members or entity.type in (FILE, FILE_COLLECTION)
    )


def array_of(entity: Entity) -> dict[str, Any]:
    """Return the attributes of an entity that is an array."""
    if entity.dtype is None:
        return {}
    form = _form(entity)
    kind = known_datatype(form)
    return {"provagent:dtype": entity.dtype, "provagent:valueType": kind} | _array(form)


def _form(entity: Entity) -> Any:
    """Return the data that show the type of an entity's value."""
    if entity.dtype is None:
        return entity.value
    return {"dtype": entity.dtype, "shape": entity.shape}


def _array(value: Any) -> dict[str, Any]:
    """Return the attributes of an array: the type of its items, and its size along each axis."""
    size = arraysize(value)
    if size is None:
        return {}
    return {"provagent:valueType": known_datatype(value), "provagent:arraysize": size}


class Described:
    """Writes parameters, and the descriptions that events of the run name."""

    def __init__(self, provenance: Provenance, names: Names, statements: Statements) -> None:
        self.entity_descriptions = provenance.entity_descriptions
        self.names = names
        self.statements = statements
        self.written: set[Name] = set()

    def write_activity(self, activity: Activity, name: Name) -> None:
        """Write the description and the parameters of an activity."""
        description = activity.description
        if description is not None:
            described = self._activity_description(description, activity.parameters)
            self.statements.influenced(name, described, self._is_described)
        for position, (word, value) in enumerate(activity.parameters.items()):
            parameter = self.names.of("parameter", activity.id, position)
            found = description.of("parameters", "name", word) if description else None
            attributes = {
                "prov:type": self.names.ivoa("Parameter"),
                "prov:label": word,
                "prov:value": "null" if value is None else [value],
                "voprov:name": word,
                **_array(value),
                "provagent:unit": own_unit(value) or (found and found[1].get("unit")),
                "provagent:mismatch": [
                    each.what
                    for each in activity.mismatches
                    if (each.of, each.name) == ("parameter", word)
                ],
            }
            self.statements.entity(parameter, attributes)
            configured = {
                "prov:type": self.names.ivoa("WasConfiguredBy"),
                "voprov:artefactType": "Parameter",
            }
            self.statements.influenced(name, parameter, configured)
            if description and found:
                item = self._item_name(description, "parameters", found[0])
                self.statements.influenced(parameter, item, self._is_described)
            for usage in activity.used:
                if usage.role == word and is_value(usage.entity):
                    origin = self.names.of("entity", usage.entity.id)
                    self.statements.influenced(
                        parameter, origin, {"prov:type": self.names.ivoa("HadReference")}
                    )
                    break  # a parameter has one origin

    def write_entity(self, entity: Entity, name: Name) -> None:
        if entity.description is not None:
            described = self._entity_description(entity.description, _form(entity))
            self.statements.influenced(name, described, self._is_described)

    def attributes(self, activity: Activity, group: str, role: str | None) -> dict[str, Any]:
        """Return the attributes of a usage or generation: its role, and its description."""
        attributes: dict[str, Any] = {"prov:role": role}
        found = activity.description and role and activity.description.of(group, "role", role)
        if activity.description and found:
            word = "usageDescription" if group == "usage" else "generationDescription"
            attributes[f"voprov:{word}"] = self._item_name(activity.description, group, found[0])
        return attributes

    @property
    def _is_described(self) -> dict[str, Any]:
        return {"prov:type": self.names.ivoa("IsDescribedBy")}

    def _activity_description(
        self, description: Description, parameters: Mapping[str, Any]
    ) -> Name:
        name = self.names.description(
            "activity_description", description.definition, description.name
        )
        if name not in self.written:
            self.written.add(name)
            self._write(name, ["ActivityDescription"], description.fields, {})
            for group in ("parameters", "usage", "generation"):
                for position, item in enumerate(description.fields.get(group, ())):
                    fields = dict(item)
                    if group == "parameters":
                        value = parameters.get(item.get("name"))
                        if "datatype" not in fields and (size := arraysize(value)) is not None:
                            fields.setdefault("arraysize", size)
                        fields.setdefault("datatype", datatype(value))
                    self._write_item(description, group, position, fields, of=name)
        return name

    def _write_item(
        self,
        description: Description,
        group: str,
        position: int,
        item: Mapping[str, Any],
        *,
        of: Name,
    ) -> None:
        links: dict[str, Any] = {"voprov:activityDescription": of}
        word = item.get("entity_description")
        entity = self.entity_descriptions.get((description.definition, word)) if word else None
        if entity is not None:
            links["voprov:entityDescription"] = self._entity_description(entity)
        name = self._item_name(description, group, position)
        self._write(name, [_CLASSES.get(group, "ParameterDescription")], item, links)

    def _item_name(self, description: Description, group: str, position: int) -> Name:
        kind = f"{group.removesuffix('s')}_description"
        return self.names.description(kind, description.definition, description.name, position)

    def _entity_description(self, description: Description, value: Any = None) -> Name:
        name = self.names.description(
            "entity_description", description.definition, description.name
        )
        if name not in self.written:
            self.written.add(name)
            fields = dict(description.fields)
            classes = ["EntityDescription"]
            is_of_files = fields.get("type") in (FILE, FILE_COLLECTION)
            if is_of_files and fields.get("contentType"):
                classes.append("DatasetDescription")
            elif not is_of_files and fields.keys() & {"unit", "ucd", "utype"}:
                classes.append("ValueDescription")
                fields.setdefault("datatype", datatype(value))
            self._write(name, classes, fields, {})
        return name

    def _write(
        self,
        name: Name,
        classes: list[str],
        fields: Mapping[str, Any],
        links: dict[str, Any],
    ) -> None:
        attributes: dict[str, Any] = {
            "prov:type": [self.names.ivoa(word) for word in classes],
            "prov:label": fields.get("name") or fields.get("role"),
        }
        known = {each.partition(":")[2] for each in ATTRIBUTES[ELEMENTS[classes[-1]]]}
        for key, word in _IVOA.items():
            if key in fields:  # if the class has no such attribute, the prefix is provagent
                attributes[f"{'voprov' if word in known else 'provagent'}:{word}"] = fields[key]
        attributes |= {f"provagent:{key}": fields[key] for key in _OWN if key in fields}
        self.statements.entity(name, attributes | links)
