"""Draft a definition from installed code: signatures, annotations, docstrings, source code."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

from provagent.contract.errors import DraftError, TargetError
from provagent.recording.weave.site import Site, find_raw, unwoven
from provagent.tools.draft.argument_kinds import (
    class_named,
    datatype,
    file_type,
    is_written,
    type_text,
)
from provagent.tools.draft.callables import sites_of, takes_instance
from provagent.tools.draft.documented import Documented, DocumentedValue, read_docstring
from provagent.tools.draft.instance_attributes import (
    returns_something,
    state_of,
    stored_by_constructor,
)
from provagent.tools.draft.write import NOTE, Draft

_NAMES_NOTHING = re.compile(r"(?:^|_)(?:config|settings|log|logger)$")
_WRITTEN_NOTE = "Assumed to be written (by its name); if it is read, move it to usage."
_READ_NOTE = "Assumed to be read (by its name); if it is written, move it to generation."
_STATE_NOTE = "Attribute of the instance: keep it if the result depends on it."
_ENTITY_NOTE = "To identify it, add identifier: content, or a list of paths on the value."


def draft_targets(targets: tuple[str, ...]) -> Draft:
    """Return a draft for the callables of the targets. This imports their modules.

    Raises DraftError if a target does not exist.
    """
    draft = Draft(targets=list(targets))
    for target in targets:
        try:
            sites = sites_of(target)
        except TargetError as error:
            raise DraftError(str(error)) from error
        for site in sites:
            _require(draft, site.module)
            qualname, described = site.qualname, _Activity(site, draft).described()
            known = draft.activities.get(qualname)
            # If two callables share a name, the key of the second is its whole target.
            draft.activities[site.target if known not in (None, described) else qualname] = (
                described
            )
    return draft


def add_entity(draft: Draft, name: str) -> str:
    """Describe an entity if it is not yet described. Return its name."""
    draft.entities.setdefault(name, {"description": f"A {name}", NOTE: [_ENTITY_NOTE]})
    return name


def _require(draft: Draft, module: str) -> None:
    for name in packages_distributions().get(module.partition(".")[0], [])[:1]:
        try:
            release = re.match(r"\d+(?:\.\d+)*", version(name))
        except PackageNotFoundError:
            continue
        if release:
            draft.requires.setdefault(name, f">={release[0]}")


class _Activity:
    """One callable, and everything about it that the code shows."""

    def __init__(self, site: Site, draft: Draft) -> None:
        self.site = site
        self.draft = draft
        self.is_constructor = site.kind == "constructor"
        self.namespace = getattr(inspect.unwrap(site.function), "__globals__", {})
        self.documented = self._documented()
        self.parameters: dict[str, dict[str, Any]] = {}
        self.usage: dict[str, dict[str, Any]] = {}
        self.generation: dict[str, dict[str, Any]] = {}

    def described(self) -> dict[str, Any]:
        for parameter in self._signature():
            self._take(parameter)
        if not self.is_constructor:
            if self.site.kind in ("method", "getter"):
                self._describe_state()
            self._describe_result()
        summary = self.documented.summary
        described: dict[str, Any] = {NOTE: []} if summary else {NOTE: ["Describe what it does."]}
        if summary:
            described["description"] = summary
        for key in ("parameters", "usage", "generation"):
            items = list(getattr(self, key).values())
            if items:
                described[key] = items
        return described

    def _documented(self) -> Documented:
        own = read_docstring(self.site.function)
        if not self.is_constructor or self.site.owner is None or own.parameters:
            return own
        return read_docstring(self.site.owner)  # numpydoc describes the constructor there

    def _signature(self) -> list[inspect.Parameter]:
        try:
            parameters = list(inspect.signature(self.site.function).parameters.values())
        except (ValueError, TypeError):
            return []  # compiled
        return parameters[1:] if takes_instance(self.site) else parameters

    def _take(self, parameter: inspect.Parameter) -> None:
        name = parameter.name
        found = self.documented.parameters.get(name, DocumentedValue())
        kind = type_text(parameter.annotation) or found.type
        on_disk = file_type(name, kind)
        # A constructor is no activity: its arguments are the configuration of the session.
        is_use = parameter.kind is not parameter.VAR_KEYWORD and not self.is_constructor
        if on_disk is not None and is_use:
            self._describe_file(parameter, found, on_disk)
            return
        thing = class_named(kind, self.namespace)
        if thing is not None and not self.is_constructor:
            used = {"role": name, "entity_description": add_entity(self.draft, thing)}
            self.usage[name] = used | _text(found) | {"value": name} | _multiplicity(parameter)
            return
        item = {"name": name} | _text(found) | datatype(kind, parameter.default)
        if isinstance(parameter.default, (bool, int, float, str)):
            item["default"] = str(parameter.default)
        self.parameters[name] = item

    def _describe_file(
        self, parameter: inspect.Parameter, found: DocumentedValue, on_disk: str
    ) -> None:
        self._add_file(
            parameter.name, parameter.name, on_disk, _text(found) | _multiplicity(parameter)
        )

    def _add_file(self, name: str, path: str, on_disk: str, more: dict[str, Any]) -> None:
        written = is_written(self.site.name, name)
        item = {"role": name, "entity_description": on_disk, **more, "location": path}
        item[NOTE] = [_WRITTEN_NOTE if written else _READ_NOTE]
        (self.generation if written else self.usage).setdefault(name, item)

    def _describe_state(self) -> None:
        owner = self.site.receivers[0] if self.site.receivers else self.site.owner
        if owner is None:
            return
        state, given = state_of(owner, self.site.name), stored_by_constructor(owner)
        changing = _changed_by_methods(owner)
        for chain in state.read:
            first = chain.partition(".")[0]
            if _is_method(owner, first) or _NAMES_NOTHING.search(chain):
                continue
            if first in given and (first not in changing or _NAMES_NOTHING.search(first)):
                if not any(other.startswith(f"{chain}.") for other in state.read):
                    self._add_setting(chain)
            elif first in changing:
                self._add_state(self.usage, first)
        for name in state.stored:
            if not name.startswith("_"):
                self._add_state(self.generation, name)
        if self.generation and not self.usage and not state.stored:
            thing = add_entity(self.draft, owner.__name__)
            item = {"role": _as_role(thing), "entity_description": thing, "value": "self"}
            self.usage["self"] = {**item, NOTE: ["Assumed to be written (by its name)."]}

    def _add_state(self, group: dict[str, dict[str, Any]], name: str) -> None:
        group.setdefault(name, {"role": name, "value": f"self.{name}", NOTE: [_STATE_NOTE]})

    def _add_setting(self, chain: str) -> None:
        name = chain.rpartition(".")[2]
        on_disk = file_type(name, "")
        if on_disk is not None:
            self._add_file(name, f"self.{chain}", on_disk, {})
            return
        name = chain if name in self.parameters else name
        self.parameters.setdefault(name, {"name": name, "value": f"self.{chain}"})

    def _describe_result(self) -> None:
        annotation = getattr(self.site.function, "__annotations__", {}).get("return", "")
        kind = "None" if annotation is None else type_text(annotation)
        found = self.documented.returns or DocumentedValue()
        if kind == "None" or not (kind or returns_something(self.site.function)):
            return
        thing = class_named(kind, self.namespace) or class_named(found.type, self.namespace)
        if kind in ("Self", "typing.Self") and self.site.owner is not None:
            thing = self.site.owner.__name__
        role = found.name or "result"
        item = {"role": role} | _text(found) | {"value": "result"}
        if thing is not None:
            item["entity_description"] = add_entity(self.draft, thing)
        note = [] if found.name else ["Choose a role: a short name for its purpose."]
        self.generation.setdefault(role, {**item, NOTE: note})


def _as_role(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _text(found: DocumentedValue) -> dict[str, str]:
    return {"description": found.text} if found.text else {}


def _multiplicity(parameter: inspect.Parameter) -> dict[str, str]:
    return {"multiplicity": "0..1"} if parameter.default is None else {}


def _is_method(owner: type, name: str) -> bool:
    raw: Any = unwoven(find_raw(owner, name)[1])
    return callable(getattr(raw, "__func__", raw))


def _changed_by_methods(owner: type) -> frozenset[str]:
    package = owner.__module__.partition(".")[0]
    names = {
        name
        for base in owner.__mro__
        if base.__module__.partition(".")[0] == package
        for name in vars(base)
        if name != "__init__" and _is_method(owner, name)
    }
    return frozenset(stored for name in names for stored in state_of(owner, name).stored)
