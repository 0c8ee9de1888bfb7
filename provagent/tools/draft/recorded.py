"""Draft a definition from a recorded run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from provagent.contract.errors import DraftError
from provagent.contract.vocabulary import FILE, PYTHON_OBJECT, READ, WRITTEN
from provagent.reading.record.model import Activity, Entity, Generation, Provenance, Usage
from provagent.tools.draft.argument_kinds import file_type, is_written
from provagent.tools.draft.signature import add_entity
from provagent.tools.draft.write import NOTE, Draft

_DATATYPES = {bool: "boolean", int: "long", float: "double", str: "char"}


def draft_run(provenance: Provenance) -> Draft:
    """Return a draft that describes every recorded callable of a run, as it was called.

    Raises DraftError if the run recorded no call.
    """
    draft = Draft(targets=[])
    calls: dict[str, list[Activity]] = {}
    for activity in provenance.activities.values():
        if activity.target:
            calls.setdefault(activity.target, []).append(activity)
    if not calls:
        raise DraftError(f"run {provenance.run.id} contains no calls; record targets with --target")
    cwd = provenance.run.process.cwd or ""
    for target, activities in calls.items():
        draft.targets.append(target)
        qualname = target.partition(":")[2]
        name = target if qualname in draft.activities else qualname
        draft.activities[name] = _described(activities, draft, cwd)
    return draft


def _described(activities: list[Activity], draft: Draft, cwd: str) -> dict[str, Any]:
    count = len(activities)
    described: dict[str, Any] = {NOTE: [f"Called {count} time{'s' if count > 1 else ''}."]}
    text = next(
        (one.description.fields.get("description") for one in activities if one.description), None
    )
    if text:
        described["description"] = text
    parameters, files = _parameters(activities, cwd)
    groups = {"parameters": parameters, "usage": files["usage"], "generation": files["generation"]}
    for activity in activities:
        for key, relations in (("usage", activity.used), ("generation", activity.generated)):
            for relation in relations:
                if relation.role and not _is_noticed(relation):
                    item = _use(activity, key, relation.role, relation.entity, draft)
                    groups[key].setdefault(relation.role, item)
    return described | {key: list(group.values()) for key, group in groups.items() if group}


def _parameters(
    activities: list[Activity], cwd: str
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, dict[str, Any]]]]:
    parameters: dict[str, dict[str, Any]] = {}
    files: dict[str, dict[str, dict[str, Any]]] = {"usage": {}, "generation": {}}
    for activity in activities:
        noticed = dict(_noticed(activity))
        for name, value in activity.parameters.items():
            known = activity.description and activity.description.of("parameters", "name", name)
            text = _text_of(value)
            if known:
                parameters.setdefault(name, dict(_texts(known[1])))
            elif text is not None and os.path.join(cwd, text) in noticed:
                found = {"role": name, "entity_description": FILE, "location": name}
                files[noticed[os.path.join(cwd, text)]].setdefault(name, found)
            elif text is not None and _names_file(name, text, cwd):
                key = "generation" if is_written(activity.name or "", name) else "usage"
                note = f"Value in the run: {os.path.basename(text)}. Is it read or written?"
                item = {"role": name, "entity_description": FILE, "location": name, NOTE: [note]}
                files[key].setdefault(name, item)
            else:
                parameters.setdefault(name, {"name": name, **_datatype(value)})
    return parameters, files


def _noticed(activity: Activity) -> Iterator[tuple[str, str]]:
    """Yield the paths of files that were seen to be opened, and their group in a definition."""
    for key, relations in (("usage", activity.used), ("generation", activity.generated)):
        for relation in relations:
            if _is_noticed(relation) and relation.entity.location:
                yield relation.entity.location, key


def _is_noticed(relation: Usage | Generation) -> bool:
    """Return whether the file was opened but not declared: no path of a definition leads to it."""
    return relation.role in (READ, WRITTEN) and relation.entity.type == FILE


def _use(activity: Activity, key: str, role: str, entity: Entity, draft: Draft) -> dict[str, Any]:
    known = activity.description and activity.description.of(key, "role", role)
    if known:
        item = dict(_texts(known[1]))
        if item.get("entity_description"):
            _keep_entity(draft, item["entity_description"], entity)
        return item
    item = {"role": role, "value": role}  # as values without a description are recorded
    if entity.type == PYTHON_OBJECT and entity.class_name:
        home, _, name = entity.class_name.partition(":")
        if home != "builtins":
            item["entity_description"] = add_entity(draft, name.rpartition(".")[2])
    return item


def _keep_entity(draft: Draft, name: str, entity: Entity) -> None:
    if name in (PYTHON_OBJECT, FILE) or name in draft.entities:
        return
    fields = entity.description.fields if entity.description else {}
    kept = {key: value for key, value in fields.items() if key != "name" and value}
    draft.entities[name] = {key: list(v) if isinstance(v, tuple) else v for key, v in kept.items()}


# Members and progenitors are not drafted: only the old definition knows their paths.
def _texts(fields: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in fields.items() if isinstance(value, str)}


def _text_of(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("value")  # an encoded Path
    return value if isinstance(value, str) else None


def _names_file(name: str, text: str, cwd: str) -> bool:
    if file_type(name, "") is not None:
        return True
    return os.path.splitext(text)[1] != "" and os.path.isfile(os.path.join(cwd, text))


def _datatype(value: Any) -> dict[str, str]:
    word = _DATATYPES.get(type(value))
    if word is None:
        return {}
    return {"datatype": word, "arraysize": "*"} if word == "char" else {"datatype": word}
