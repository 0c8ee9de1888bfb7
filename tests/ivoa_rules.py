"""The rules of the IVOA's Provenance Data Model 1.0, checked on PROV-JSON.

The rules were written from the tables of the recommendation, not from the tested code. They accept
the PROV-JSON of IVOA tools, and plain PROV in which ``prov:type`` names the classes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

# class: (mandatory attributes, optional ones); an attribute has one value, but for options.
CLASSES = {
    "Activity": ([], ["name", "startTime", "endTime", "comment"]),
    "Entity": ([], ["name", "location", "generatedAtTime", "invalidatedAtTime", "comment"]),
    "Agent": (["name"], ["type", "comment", "email", "affiliation", "phone", "address", "url"]),
    "ActivityDescription": (["name"], ["version", "description", "docurl", "type", "subtype"]),
    "UsageDescription": (["role"], ["description", "type", "multiplicity"]),
    "GenerationDescription": (["role"], ["description", "type", "multiplicity"]),
    "EntityDescription": (["name"], ["description", "docurl", "type"]),
    "Parameter": (["name", "value"], []),
    "ParameterDescription": (
        ["name", "valueType"],
        ["unit", "ucd", "utype", "min", "max", "default", "options", "description"],
    ),
    "ConfigFile": (["name", "location"], ["comment"]),
    "ConfigFileDescription": (["name", "contentType"], ["description"]),
}
KINDS_OF = {
    "Collection": ("Entity", [], []),
    "ValueEntity": ("Entity", ["value"], []),
    "DatasetEntity": ("Entity", [], []),
    "ValueDescription": ("EntityDescription", ["valueType"], ["unit", "ucd", "utype"]),
    "DatasetDescription": ("EntityDescription", ["contentType"], []),
}
for word, (general, mandatory, optional) in KINDS_OF.items():
    own = CLASSES[general]
    CLASSES[word] = (own[0] + mandatory, own[1] + optional)
RELATIONS = {  # kind: (mandatory ends, other attributes)
    "used": (["prov:activity", "prov:entity"], ["role", "time"]),
    "wasGeneratedBy": (["prov:entity", "prov:activity"], ["role"]),
    "wasAssociatedWith": (["prov:activity", "prov:agent"], ["role"]),
    "wasAttributedTo": (["prov:entity", "prov:agent"], ["role"]),
    "wasDerivedFrom": (["prov:generatedEntity", "prov:usedEntity"], []),
    "wasInformedBy": (["prov:informed", "prov:informant"], []),
    "hadMember": (["prov:collection", "prov:entity"], []),
}
INFLUENCES = {  # plain PROV: wasInfluencedBy of this type
    "IsDescribedBy": ("isDescribedBy", "voprov:described", "voprov:descriptor"),
    "IsRelatedTo": ("isRelatedTo", "voprov:related", "voprov:relator"),
    "WasConfiguredBy": ("wasConfiguredBy", "voprov:configured", "voprov:configurator"),
    "HadReference": ("hadReference", "voprov:referrer", "voprov:referenced"),
}
DESCRIBED = {  # class: those that may describe it
    "Activity": {"ActivityDescription"},
    "Entity": {"EntityDescription", "ValueDescription", "DatasetDescription"},
    "Collection": {"EntityDescription", "ValueDescription", "DatasetDescription"},
    "ValueEntity": {"EntityDescription", "ValueDescription"},
    "DatasetEntity": {"EntityDescription", "DatasetDescription"},
    "Parameter": {"ParameterDescription"},
    "ConfigFile": {"ConfigFileDescription"},
    "used": {"UsageDescription"},
    "wasGeneratedBy": {"GenerationDescription"},
}
PARTS_OF_ACTIVITY = {
    "UsageDescription", "GenerationDescription", "ParameterDescription", "ConfigFileDescription",
}  # fmt: skip
MULTIPLICITY = re.compile(r"(\d+|\*)(\.\.(\d+|\*))?")
AGENTS = {"Person", "Organization", "SoftwareAgent"}
LINKS = {
    "voprov:usageDescription": ("isDescribedBy", True),
    "voprov:generationDescription": ("isDescribedBy", True),
    "voprov:activityDescription": ("isRelatedTo", True),
    "voprov:entityDescription": ("isRelatedTo", False),
}


def listed(value):
    return value if isinstance(value, list) else [value]


def text(value):
    return value.get("$") if isinstance(value, dict) else value


def word_of(key):
    return key.partition(":")[2]


class Told(list):
    def unless(self, fine, what):
        if not fine:
            self.append(what)


def broken(data, *, is_plain=False):
    """Return what a document of PROV-JSON breaks, each as a text."""
    told = Told()
    things, relations = collect(data)
    counts = Counter(identifier for identifier, _, _ in things)
    told += [f"{each}: stated {number} times" for each, number in counts.items() if number > 1]
    classes = {identifier: word for identifier, word, _ in things}
    fields = {identifier: attributes for identifier, _, attributes in things}
    for identifier, word, attributes in things:
        check_attributes(told, identifier, word, attributes, *CLASSES[word])
        for each in attributes.get("voprov:multiplicity", ()):
            told.unless(MULTIPLICITY.fullmatch(str(each)), f"{identifier}: multiplicity {each}")
        if word == "Agent" and "voprov:type" in attributes:
            told.unless(set(attributes["voprov:type"]) <= AGENTS, f"{identifier}: type of agent")
    ends = defaultdict(list)
    for kind, identifier, attributes in relations:
        if kind in RELATIONS:
            mandatory, optional = RELATIONS[kind]
            for each in mandatory:
                told.unless(len(attributes.get(each, [])) == 1, f"{kind} {identifier}: no {each}")
            own = ["time"] if is_plain and kind == "wasGeneratedBy" else []
            check_attributes(told, f"{kind} {identifier}", kind, attributes, [], optional + own)
            classes[identifier], fields[identifier] = kind, attributes
        ends[kind].append(attributes)
    check_generations(told, ends, is_plain=is_plain)
    check_descriptions(told, ends, classes, fields)
    check_configurations(told, ends, classes)
    return told


def collect(data):
    """Return (id, class, attributes) of things, and (kind, id, attributes) of relations."""
    things, relations = [], []
    for part in (data, *data.get("bundle", {}).values()):
        for kind, group in part.items():
            if kind in ("prefix", "bundle"):
                continue
            for identifier, said in group.items():
                for each in listed(said):
                    attributes = {key: [*map(text, listed(value))] for key, value in each.items()}
                    types = {
                        str(one).removeprefix("voprov:") for one in attributes.get("prov:type", ())
                    }
                    if "prov:influencee" in attributes:
                        kind_of = next((one for one in INFLUENCES if one in types), None)
                        if kind_of is None:
                            continue
                        word, begin, end = INFLUENCES[kind_of]
                        plain = {
                            begin: attributes["prov:influencee"],
                            end: attributes["prov:influencer"],
                        }
                        relations.append((word, identifier, attributes | plain))
                    elif kind[:1].islower() and class_of(kind, types):
                        things.append((identifier, class_of(kind, types), attributes))
                    else:
                        relations.append((kind, identifier, attributes))
                    for key, (word, is_begin) in LINKS.items():
                        for other in attributes.get(key, ()):
                            pair = (identifier, other) if is_begin else (other, identifier)
                            names = [*INFLUENCES.values()]
                            _, begin, end = next(one for one in names if one[0] == word)
                            relations.append((word, "", {begin: [pair[0]], end: [pair[1]]}))
    return things, relations


def class_of(kind, types):
    own = kind[:1].upper() + kind[1:]
    if own not in CLASSES:
        return None
    special = [word for word in (*KINDS_OF, *CLASSES) if word in types]
    return special[0] if own in ("Entity", "Activity", "Agent") and special else own


def check_attributes(told, where, word, attributes, mandatory, optional):
    said = defaultdict(list)
    for key, values in attributes.items():
        if key.startswith("voprov:") and key not in LINKS:
            said[word_of(key)] += values
            told.unless(word_of(key) in mandatory + optional, f"{where}: {word} has no {key}")
        elif key in ("prov:name", "prov:role", "prov:value", "prov:location", "prov:startTime",
                     "prov:endTime", "prov:time", "prov:atLocation"):  # fmt: skip
            known = {"atLocation": "location"}.get(word_of(key), word_of(key))
            told.unless(known in mandatory + optional, f"{where}: {word} has no {key}")
            said[known] += values
    for each in mandatory:
        told.unless(said[each] and None not in said[each], f"{where}: {word} without {each}")
    for each, values in said.items():
        told.unless(each == "options" or len(values) == 1, f"{where}: {len(values)} {each}")


def check_generations(told, ends, *, is_plain):
    if is_plain:
        return
    made = Counter(each["prov:entity"][0] for each in ends["wasGeneratedBy"])
    told += [f"{entity}: generated {count} times" for entity, count in made.items() if count > 1]


def check_descriptions(told, ends, classes, fields):
    descriptions = Counter()
    for each in ends["isDescribedBy"]:
        (described,), (descriptor,) = each["voprov:described"], each["voprov:descriptor"]
        descriptions[described] += 1
        word, what = classes.get(described), classes.get(descriptor)
        told.unless(what in DESCRIBED.get(word, ()), f"{described}: {word} described by {what}")
        for key in ("name", "role"):
            if word in ("Parameter", "ConfigFile", "used", "wasGeneratedBy"):
                one, other = named(fields[described], key), named(fields[descriptor], key)
                told.unless(one == other, f"{described}: {key} {one}, described as {other}")
    told += [f"{each}: {count} descriptions" for each, count in descriptions.items() if count > 1]
    owners = Counter()
    for each in ends["isRelatedTo"]:
        (related,), (relator,) = each["voprov:related"], each["voprov:relator"]
        pair = classes.get(related), classes.get(relator)
        if pair[0] in PARTS_OF_ACTIVITY:
            told.unless(pair[1] == "ActivityDescription", f"{related}: part of a {pair[1]}")
            owners[related] += 1
        else:
            fine = pair[0] in DESCRIBED["Entity"] and pair[1] in (
                "UsageDescription",
                "GenerationDescription",
            )
            told.unless(fine, f"{related}: a {pair[0]} of a {pair[1]}")
    for identifier, word in classes.items():
        if word in PARTS_OF_ACTIVITY:
            told.unless(
                owners[identifier] == 1, f"{identifier}: in {owners[identifier]} activities"
            )


def named(attributes, key):
    return next(
        (
            attributes[f"{prefix}:{key}"]
            for prefix in ("prov", "voprov")
            if f"{prefix}:{key}" in attributes
        ),
        None,
    )


def check_configurations(told, ends, classes):
    configurations = Counter()
    for each in ends["wasConfiguredBy"]:
        (configured,), (configurator,) = each["voprov:configured"], each["voprov:configurator"]
        word = classes.get(configurator)
        told.unless(word in ("Parameter", "ConfigFile"), f"{configured}: configured by a {word}")
        told.unless(each.get("voprov:artefactType") == [word], f"{configurator}: artefactType")
        told.unless(
            classes.get(configured) == "Activity",
            f"{configured}: a configured {classes.get(configured)}",
        )
        configurations[configurator] += 1
    references = Counter()
    for each in ends["hadReference"]:
        (referrer,), (referenced,) = each["voprov:referrer"], each["voprov:referenced"]
        told.unless(
            classes.get(referrer) == "Parameter", f"{referrer}: refers, and is no Parameter"
        )
        told.unless(
            classes.get(referenced) == "ValueEntity",
            f"{referenced}: referred to, and is no ValueEntity",
        )
        references[referrer] += 1
    told += [f"{each}: {count} references" for each, count in references.items() if count > 1]
    for identifier, word in classes.items():
        if word == "Parameter":
            told.unless(
                configurations[identifier] == 1,
                f"{identifier}: a Parameter of {configurations[identifier]} activities",
            )
        elif word == "ConfigFile":
            told.unless(configurations[identifier], f"{identifier}: a ConfigFile of no activity")
