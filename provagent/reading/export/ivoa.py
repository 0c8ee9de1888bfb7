"""Convert statements between W3C PROV and the PROV-JSON of the IVOA's tools.

``to_ivoa`` converts typed plain PROV (``prov:type voprov:Parameter``) to the kinds, relations and
attribute names of the IVOA's tools. ``to_plain`` converts such a document to W3C PROV. Sources:
Provenance Data Model 1.0, https://www.ivoa.net/documents/ProvenanceDM/, and its VO-DML. The kinds
are the kinds of voprov 0.0.4, which OPUS writes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from provagent.contract.vocabulary import PERHAPS, VOPROV_NAMESPACE
from provagent.reading.export.provjson import Document, Record, Value, name, text_of

# Classes that W3C PROV does not have. A subclass comes before its base class.
ELEMENTS = {
    "ActivityDescription": "activityDescription",
    "UsageDescription": "usageDescription",
    "GenerationDescription": "generationDescription",
    "DatasetDescription": "datasetDescription",
    "ValueDescription": "valueDescription",
    "EntityDescription": "entityDescription",
    "ParameterDescription": "parameterDescription",
    "ConfigFileDescription": "configFileDescription",
    "Parameter": "parameter",
    "ConfigFile": "configFile",
    "ValueEntity": "valueEntity",
    "DatasetEntity": "datasetEntity",
}
# Relations that W3C PROV does not have -> (kind, influenced element, influencing element)
RELATIONS = {
    "IsDescribedBy": ("isDescribedBy", "voprov:described", "voprov:descriptor"),
    "IsRelatedTo": ("isRelatedTo", "voprov:related", "voprov:relator"),
    "WasConfiguredBy": ("wasConfiguredBy", "voprov:configured", "voprov:configurator"),
    "HadReference": ("hadReference", "voprov:referrer", "voprov:referenced"),
}
KINDS = frozenset((*ELEMENTS.values(), *(kind for kind, _, _ in RELATIONS.values())))

_CLASS_OF = {kind: word for word, kind in ELEMENTS.items()}
_RELATION_OF = {kind: (word, *ends) for word, (kind, *ends) in RELATIONS.items()}
_SUPERCLASSES = {"Activity": "activity", "Entity": "entity", "Agent": "agent"}
# (kinds, attribute in plain PROV, attribute in the IVOA's PROV-JSON)
_RENAMED = (
    ({*ELEMENTS.values(), *_SUPERCLASSES.values()}, "voprov:name", "prov:name"),
    ({"usageDescription", "generationDescription"}, "voprov:role", "prov:role"),
    ({"valueEntity"}, "prov:value", "voprov:value"),
)
# Attributes of plain PROV that become relations -> (the relation, whether the element with the
# attribute is its first end)
_LINKS = {
    "voprov:usageDescription": ("IsDescribedBy", True),
    "voprov:generationDescription": ("IsDescribedBy", True),
    "voprov:activityDescription": ("IsRelatedTo", True),
    "voprov:entityDescription": ("IsRelatedTo", False),
}
# Relations of the model that replace an influence with the evidence ``perhaps``, and their ends
_POSSIBLE = {
    "used": ("prov:activity", "prov:entity"),
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "wasInformedBy": ("prov:informed", "prov:informant"),
}
_DESCRIBED = {"used": "usageDescription", "wasGeneratedBy": "generationDescription"}


Link: TypeAlias = tuple[str, str, str]  # a relation of RELATIONS, its first end, its second end


def to_plain(document: Document) -> Document:
    """Return a document of the IVOA's tools in the terms of W3C PROV.

    The prefix ``voprov`` is added if the document uses it without a declaration, as voprov does.
    """
    plain = Document(dict(document.prefixes))
    kinds = {record.id: record.kind for part in document.walk() for record in part.records}
    for part, whole in zip(_parts(plain, document), document.walk(), strict=True):
        new = [_plain_record(record) for record in whole.records]
        uses = {each.id: each for each in new if each.kind in _DESCRIBED}
        for record, each in zip(whole.records, new, strict=True):
            use = uses.get(record.first("voprov:described") or "")
            descriptor = record.first("voprov:descriptor") or ""
            if use is not None and kinds.get(descriptor) == _DESCRIBED[use.kind]:
                _add(use, f"voprov:{_DESCRIBED[use.kind]}", name(descriptor))
            else:
                part.records.append(each)
        if "voprov" not in {**document.prefixes, **part.prefixes} and _speaks_voprov(part):
            part.prefixes["voprov"] = VOPROV_NAMESPACE
    return plain


def to_ivoa(document: Document) -> Document:
    """Return a document of typed plain PROV in the terms of the IVOA's tools.

    The model has no bundles: the statements of all bundles are combined. An entity has at most one
    generation, a recorded one if possible. Further generations become influences with the type
    ``prov:Generation``. The time of the first is the entity's ``generatedAtTime``. An influence
    with the evidence ``perhaps`` becomes a usage and a generation with this evidence.
    """
    found = Document(dict(document.prefixes))
    records = [record for part in document.walk() for record in part.records]
    for part in document.walk():
        found.prefixes |= part.prefixes
    links: list[Link] = []
    for record in _possible_as_usage(records):
        new, linked = _ivoa_record(record)
        found.records.append(new)
        links += linked
    influences = {record.id: record for record in _settled(found.records)}
    kept = []
    for link in links:
        if link[1] in influences:
            _add(influences[link[1]], "provagent:generationDescription", name(link[2]))
        else:
            kept.append(link)
    taken = {record.id for record in found.records}
    numbers = (f"_:id{number}" for number in range(1, len(kept) + len(taken) + 1))
    free = (each for each in numbers if each not in taken)
    found.records += [_relation(word, next(free), begin, end) for word, begin, end in kept]
    return found


def _possible_as_usage(records: list[Record]) -> Iterator[Record]:
    """Replace influences with the evidence ``perhaps`` by usages and generations."""
    activities = {record.id for record in records if record.kind == "activity"}
    there = {_ends(record) for record in records if record.kind in _POSSIBLE}
    for record in records:
        if record.kind != "wasInfluencedBy" or record.first("provagent:evidence") != PERHAPS:
            yield record
            continue
        attributes = {**record.attributes}
        later, earlier = (
            text_of(attributes.pop(end)[0]) for end in ("prov:influencee", "prov:influencer")
        )
        within = [text_of(each) for each in attributes.pop("provagent:activity", ())]
        between = [end for end in (later, earlier) if end in activities] or within
        if not between:
            yield record
            continue
        if len(between) > 1:
            found = [("wasInformedBy", later, earlier)]
        else:
            found = [("used", between[0], earlier), ("wasGeneratedBy", later, between[0])]
        for kind, one, two in found:
            if one != two and (kind, one, two) not in there:
                there.add((kind, one, two))
                begin, end = _POSSIBLE[kind]
                yield Record(kind, f"{record.id}.{kind}", {begin: [one], end: [two], **attributes})


def _ends(record: Record) -> tuple[str, ...]:
    return record.kind, *(text_of(record.first(end) or "") for end in _POSSIBLE[record.kind])


def _parts(plain: Document, document: Document) -> Iterable[Document]:
    yield plain
    for identifier, bundle in document.bundles.items():
        plain.bundles[identifier] = Document(dict(bundle.prefixes))
        yield plain.bundles[identifier]


def _plain_record(record: Record) -> Record:
    attributes = {key: list(values) for key, values in record.attributes.items()}
    if record.kind in _RELATION_OF:
        word, begin, end = _RELATION_OF[record.kind]
        new = Record("wasInfluencedBy", record.id, attributes)
        ends = {"prov:influencee": new.take(begin), "prov:influencer": new.take(end)}
        new.attributes = {key: each for key, each in ends.items() if each} | new.attributes
        _add(new, "prov:type", name(f"voprov:{word}"))
        return new
    new = Record(record.kind, record.id, attributes)
    if record.kind in _CLASS_OF:
        new.kind = "entity"
        _add(new, "prov:type", name(f"voprov:{_CLASS_OF[record.kind]}"))
    for of_kinds, plain, own in _RENAMED:
        if record.kind in of_kinds:
            _rename(new, own, plain)
    return new


def _ivoa_record(record: Record) -> tuple[Record, list[Link]]:
    """Return a statement in the IVOA's terms, and the links from its attributes."""
    new = Record(record.kind, record.id, {key: [*each] for key, each in record.attributes.items()})
    words = [text_of(each).removeprefix("voprov:") for each in new.attributes.get("prov:type", ())]
    if record.kind == "wasInfluencedBy":
        return _ivoa_relation(new, words), []
    if record.kind == "wasDerivedFrom":  # in the model, a derivation has no activity
        _rename(new, "prov:activity", "provagent:activity")
    if record.kind == "wasAssociatedWith":  # in the model, an association has no plan
        _rename(new, "prov:plan", "provagent:plan")
    links = list(_links(new))
    if record.kind == "entity":
        new.kind = next((kind for word, kind in ELEMENTS.items() if word in words), "entity")
    _drop_types(new, {*ELEMENTS, *_SUPERCLASSES})
    for kinds, plain, own in _RENAMED:
        if new.kind in kinds:
            _rename(new, plain, own)
    return new, links


def _ivoa_relation(new: Record, words: list[str]) -> Record:
    word = next((each for each in words if each in RELATIONS), None)
    if word is not None:
        new.kind, begin, end = RELATIONS[word]
        ends = {begin: new.take("prov:influencee"), end: new.take("prov:influencer")}
        new.attributes = ends | new.attributes
        _drop_types(new, {word})
    return new


def _links(new: Record) -> Iterator[Link]:
    for attribute, (word, is_begin) in _LINKS.items():
        for each in map(text_of, new.take(attribute)):
            yield (word, new.id, each) if is_begin else (word, each, new.id)


def _settled(records: list[Record]) -> Iterator[Record]:
    """Keep one generation per entity. Yield the generations that became influences."""
    entities = {record.id: record for record in records}
    generated: set[str] = set()
    made = [record for record in records if record.kind == "wasGeneratedBy"]
    for record in sorted(made, key=lambda each: "provagent:evidence" in each.attributes):
        subject = record.first("prov:entity") or ""
        if subject in generated:
            record.kind = "wasInfluencedBy"
            _rename(record, "prov:entity", "prov:influencee")
            _rename(record, "prov:activity", "prov:influencer")
            _rename(record, "prov:time", "provagent:time")
            _rename(record, "prov:role", "provagent:role")
            _add(record, "prov:type", name("prov:Generation"))
            yield record
        elif subject in entities:
            generated.add(subject)
            time = record.take("prov:time")
            if time:
                entities[subject].attributes.setdefault("voprov:generatedAtTime", time)


def _relation(word: str, identifier: str, begin: str, end: str) -> Record:
    kind, first, second = RELATIONS[word]
    return Record(kind, identifier, {first: [begin], second: [end]})


def _add(record: Record, attribute: str, value: Value) -> None:
    values = record.attributes.setdefault(attribute, [])
    if value not in values:
        values.append(value)


def _rename(record: Record, old: str, new: str) -> None:
    """Rename an attribute. A value that the new attribute already has is not added again."""
    for value in record.take(old):
        _add(record, new, value)


def _drop_types(record: Record, words: set[str]) -> None:
    kept = [
        each
        for each in record.take("prov:type")
        if text_of(each).removeprefix("voprov:") not in words
        or not text_of(each).startswith("voprov:")
    ]
    if kept:
        record.attributes["prov:type"] = kept


def _speaks_voprov(document: Document) -> bool:
    for record in document.records:
        for key, values in record.attributes.items():
            if key.startswith("voprov:") or any(
                text_of(each).startswith("voprov:") for each in values
            ):
                return True
    return False
