"""The classes of the IVOA's Provenance Data Model 1.0 and their attributes.

Source: the VO-DML of the recommendation, https://www.ivoa.net/documents/ProvenanceDM/. Attributes
have the names of the PROV-JSON of the IVOA's tools. The identifier is not listed: it is the
identifier of the statement.
"""

from __future__ import annotations

_CORE = (
    "prov:name",
    "prov:location",
    "voprov:generatedAtTime",
    "voprov:invalidatedAtTime",
    "voprov:comment",
)
_OF_ROLE = ("prov:role", "voprov:description", "voprov:type", "voprov:multiplicity")
_OF_ENTITY = ("prov:name", "voprov:description", "voprov:docurl", "voprov:type")
_OF_VALUE = ("voprov:valueType", "voprov:unit", "voprov:ucd", "voprov:utype")

# By kind of statement in PROV-JSON
ATTRIBUTES = {
    "activity": ("prov:name", "prov:startTime", "prov:endTime", "voprov:comment"),
    "entity": _CORE,
    "collection": _CORE,  # in PROV-JSON an entity of the type voprov:Collection
    "valueEntity": (*_CORE, "voprov:value"),
    "datasetEntity": _CORE,
    "agent": (
        "prov:name", "voprov:type", "voprov:comment", "voprov:email", "voprov:affiliation",
        "voprov:phone", "voprov:address", "voprov:url",
    ),
    "used": ("prov:activity", "prov:entity", "prov:role", "prov:time"),
    "wasGeneratedBy": ("prov:entity", "prov:activity", "prov:role"),
    "wasAssociatedWith": ("prov:activity", "prov:agent", "prov:role"),
    "wasAttributedTo": ("prov:entity", "prov:agent", "prov:role"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasInformedBy": ("prov:informed", "prov:informant"),
    "hadMember": ("prov:collection", "prov:entity"),
    "activityDescription": (
        "prov:name", "voprov:version", "voprov:description", "voprov:docurl", "voprov:type",
        "voprov:subtype",
    ),
    "usageDescription": _OF_ROLE,
    "generationDescription": _OF_ROLE,
    "entityDescription": _OF_ENTITY,
    "valueDescription": (*_OF_ENTITY, *_OF_VALUE),
    "datasetDescription": (*_OF_ENTITY, "voprov:contentType"),
    "parameter": ("prov:name", "prov:value"),
    "parameterDescription": (
        "prov:name", *_OF_VALUE, "voprov:min", "voprov:max", "voprov:default", "voprov:options",
        "voprov:description",
    ),
    "configFile": ("prov:name", "prov:location", "voprov:comment"),
    "configFileDescription": ("prov:name", "voprov:contentType", "voprov:description"),
    "wasConfiguredBy": ("voprov:configured", "voprov:configurator", "voprov:artefactType"),
    "isDescribedBy": ("voprov:described", "voprov:descriptor"),
    "isRelatedTo": ("voprov:related", "voprov:relator"),
    "hadReference": ("voprov:referenced", "voprov:referrer"),
}  # fmt: skip


def class_of(kind: str) -> str:
    """Return the class of a kind of statement: ``WasConfiguredBy`` for ``wasConfiguredBy``."""
    return f"{kind[:1].upper()}{kind[1:]}"
