"""The dialects of older definitions: tables of other names for the same keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provagent.contract import vocabulary
from provagent.contract.printable import quoted
from provagent.definition.nodes import Entry, Mapping, Scalar, Sequence, child
from provagent.definition.path import PathError, parse_path
from provagent.definition.report import did_you_mean

if TYPE_CHECKING:
    from provagent.definition.nodes import Node
    from provagent.definition.report import Report

_ENTITY_REFERENCE = dict.fromkeys(
    ("entityType", "entitytype", "entityName"),
    "entity_description",
)
_DOCURL = {"doculink": "docurl", "url": "docurl"}

# For each kind of description: key of an older definition -> key of today
SYNONYMS: dict[str, dict[str, str]] = {
    "definition": {
        "activity_description": "activities",
        "activity_descriptions": "activities",
        "entity_description": "entities",
        "entity_descriptions": "entities",
        "entityTypes": "entities",
    },
    "activity": _DOCURL,
    "parameter": {"location": "value"},
    "use": {
        "name": "role",
        "path": "location",
        "is_derived_from": "has_progenitors",
        **_ENTITY_REFERENCE,
    },
    "member": _ENTITY_REFERENCE,
    "entity": {"content_type": "contentType", **_DOCURL},
}

_SECTION = SYNONYMS["definition"]

# Keys of older definitions that no reader has ever used.
IGNORED: dict[str, frozenset[str]] = {
    "activity": frozenset({"filter", "filters"}),
    "use": frozenset({"filepath"}),  # an example path from one run
    "entity": frozenset({"path"}),  # a default path
}

ENTITY_TYPE_SYNONYMS = {"SetCollection": vocabulary.FILE_COLLECTION}

# A usage can take its location from a parameter, in one of two ways: location_from_parameter: <name
# of the parameter>, or from_parameter: {location: <name of the parameter>}.
_KEEP_ONE = "remove one of them"
FROM_PARAMETER = ("location_from_parameter", "from_parameter")


def with_activities(root: Mapping, sections: frozenset[str], activity: frozenset[str]) -> Mapping:
    """Return ``root`` with activities that are at the top level moved under ``activities:``.

    Very old definitions have their activities at the top level. ``sections`` and ``activity`` are
    the valid keys of a definition and of an activity.
    """
    others = {key: entry for key, entry in root.entries.items() if key not in sections}
    described = [entry.node for entry in others.values() if not _is_null(entry.node)]
    has_section = any(_SECTION.get(key, key) == "activities" for key in root.entries)
    if has_section or not described or not all(_has_only(node, activity) for node in described):
        return root
    kept = {key: entry for key, entry in root.entries.items() if key in sections}
    under = Entry(root.place, Mapping(root.place, others))
    return Mapping(root.place, {**kept, "activities": under})


def with_locations(activity: Mapping, report: Report, where: str) -> Mapping:
    """Return ``activity``, with a location for each usage that takes it from a parameter."""
    paths = _parameter_paths(activity)
    entries = dict(activity.entries)
    for key in ("usage", "generation"):
        entry = entries.get(key)
        if entry is not None and isinstance(entry.node, Sequence):
            place = child(where, key)
            items = tuple(
                _with_location(item, paths, report, child(place, index))
                for index, item in enumerate(entry.node.items)
            )
            entries[key] = Entry(entry.place, Sequence(entry.node.place, items))
    return Mapping(activity.place, entries)


def _parameter_paths(activity: Mapping) -> dict[str, Node]:
    entry = activity.entries.get("parameters")
    items = entry.node.items if entry and isinstance(entry.node, Sequence) else ()
    paths: dict[str, Node] = {}
    for item in items:
        path = _at(item, "value") or _at(item, "location") or _at(item, "name")
        name = _text_at(item, "name") or _last_name(path)
        if name is not None and path is not None:
            paths[name] = path
    return paths


def _last_name(path: Node | None) -> str | None:
    try:
        return parse_path(path.text or "").last_name if isinstance(path, Scalar) else None
    except PathError:
        return None


def _with_location(item: Node, paths: dict[str, Node], report: Report, where: str) -> Node:
    key = next((key for key in FROM_PARAMETER if _at(item, key)), None)
    if key is None or not isinstance(item, Mapping):
        return item
    entries = dict(item.entries)
    entry = entries.pop(key)
    name = _text_at(item, key) or _text_at(entry.node, "location")
    if name in paths:
        if "location" in entries:
            what = f"location has no effect beside {quoted(key)}"
            report.warn(entries["location"].place, child(where, "location"), what, _KEEP_ONE)
        entries["location"] = Entry(entry.place, paths[name])
    else:
        remedy = did_you_mean(name or "", paths) or "write the name of a parameter of this activity"
        report.add(
            entry.place, child(where, key), f"unknown parameter {quoted(name or '')}", remedy
        )
    return Mapping(item.place, entries)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None


def _has_only(node: Node, keys: frozenset[str]) -> bool:
    return isinstance(node, Mapping) and bool(node.entries) and node.entries.keys() <= keys


def _at(node: Node, key: str) -> Node | None:
    entry = node.entries.get(key) if isinstance(node, Mapping) else None
    return entry.node if entry else None


def _text_at(node: Node, key: str) -> str | None:
    found = _at(node, key)
    return found.text if isinstance(found, Scalar) else None
