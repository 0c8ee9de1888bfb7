"""Find parts of a definition that do not match the installed version."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import cache
from types import CodeType
from typing import Any

from provagent.contract.errors import Problem, TargetError
from provagent.contract.printable import quoted
from provagent.definition.condition import parse_condition, paths_of
from provagent.definition.description import (
    ActivityDescription,
    Definition,
    EntityUse,
    MemberDescription,
    OpenedFile,
    ParameterDescription,
)
from provagent.definition.path import Item, Name, Path, parse_path
from provagent.definition.report import Origins, SourcePosition, did_you_mean
from provagent.definition.requires import unmet
from provagent.recording.capture.plan_compiler import find_description
from provagent.recording.capture.selectors import Signature
from provagent.recording.weave.site import Site, unwoven
from provagent.tools.draft.callables import callee_of, sites_of, takes_instance

_PATHS = ("value", "location", "id", "file", "mode")
_ALWAYS = ("self", "args", "kwargs", "result")


def find_drift(definition: Definition, origins: Origins) -> list[Problem]:
    """Compare a definition with installed packages. This imports the modules of its targets.

    A problem is an impossible statement. A warning is a statement that only an instance could
    confirm.
    """
    drift = _Drift(definition, origins)
    drift.check_requires()
    sites = drift.check_targets()
    if drift.is_complete:  # otherwise an activity may belong to a missing module
        drift.check_activities(sites)
    return sorted(drift.problems, key=lambda problem: (problem.line, problem.column))


class _Drift:
    def __init__(self, definition: Definition, origins: Origins) -> None:
        self.definition = definition
        self.origins = origins
        self.problems: list[Problem] = []
        self.is_complete = True

    def add(
        self, place: SourcePosition, where: str, what: str, remedy: str, *, warn: bool = False
    ) -> None:
        line, column = place
        file = self.definition.location
        self.problems.append(
            Problem(file, line, where, what, remedy, column=column, is_warning=warn)
        )

    def check_requires(self) -> None:
        reason = unmet(self.definition.requires)
        if reason:
            self.add(
                SourcePosition(1),
                "requires",
                reason,
                "the definition is not used with this version",
            )

    def check_targets(self) -> list[Site]:
        found: dict[str, Site] = {}
        for index, pattern in enumerate(self.definition.targets):
            try:
                for site in sites_of(pattern.text):
                    found.setdefault(site.target, site)
            except TargetError as error:
                self.is_complete = False
                what = str(error).removeprefix(f"{pattern.text}: ")
                what, _, remedy = what.partition("; ")
                remedy = remedy or "use a name of the installed version"
                self.add(SourcePosition(pattern.line), f"targets[{index}]", what, remedy)
        if not self.definition.targets:
            self.is_complete = False
            what = "no targets to compare with the installed packages"
            self.add(SourcePosition(1), "", what, "add targets:", warn=True)
        return list(found.values())

    def check_activities(self, sites: list[Site]) -> None:
        described: dict[int, list[Site]] = {}
        for site in sites:
            found = find_description(callee_of(site), [self.definition])
            if found is not None:
                described.setdefault(id(found[0]), []).append(site)
        for name, activity in self.definition.activities.items():
            if id(activity) in described:
                self.check_paths(activity, described[id(activity)])
            else:
                self.miss_activity(name, activity, sites)

    def miss_activity(self, name: str, activity: ActivityDescription, sites: list[Site]) -> None:
        names = {form for site in sites for form in (site.name, site.qualname, site.target)}
        place, where = self.origins.of(activity)
        if name in names:
            what = f"each callable named {quoted(name)} has a more specific description"
            remedy = "remove this one"
        else:
            what = f"no target contains the callable {quoted(name)}"
            remedy = did_you_mean(name, names) or "add its function or class to targets:"
        self.add(place, where, what, remedy)

    def check_paths(self, activity: ActivityDescription, sites: list[Site]) -> None:
        for thing, key, path in _paths(activity):
            faults = [_fault(path, site) for site in sites]
            if None in faults:
                # The path is right for one of the callables that share the description.
                continue
            what, remedy, is_sure = faults[0]  # type: ignore[misc]
            place, where = self.origins.of(thing)
            self.add(place, f"{where}.{key}", what, remedy, warn=not is_sure)


def _paths(activity: ActivityDescription) -> Iterator[tuple[Any, str, Path]]:
    """Yield each path on the call: the description that contains it, its key, and the path."""
    yield from _condition_paths(activity)
    things: list[ParameterDescription | EntityUse | MemberDescription | OpenedFile] = [
        *activity.parameters
    ]
    for use in (*activity.usage, *activity.generation):
        things.append(use)
        if use.has_members is not None and use.has_members.list:
            things.append(use.has_members)
        things.extend(use.has_progenitors)
    if activity.opens is not None:
        things.append(activity.opens)
    for thing in things:
        if not isinstance(thing, (MemberDescription, OpenedFile)):
            yield from _condition_paths(thing)
        listed = thing.list if isinstance(thing, MemberDescription) else None
        if listed:
            yield thing, "list", parse_path(listed)
            continue  # its other keys are paths on each item
        for key in _PATHS:
            text = getattr(thing, key, None)
            if text and text[0] not in "'\"":  # not a mode in quotes
                yield thing, key, parse_path(text)


def _condition_paths(
    thing: ActivityDescription | ParameterDescription | EntityUse,
) -> Iterator[tuple[Any, str, Path]]:
    if thing.when is not None:
        for path in paths_of(parse_condition(thing.when)):
            yield thing, "when", path


def _fault(path: Path, site: Site) -> tuple[str, str, bool] | None:
    """Return the fault of a path on this callable, the remedy, and whether the fault is certain."""
    signature = Signature(site.function, has_instance=takes_instance(site))
    names = [*signature.names, signature.var_positional, signature.var_keyword]
    if path.root in names or path.root == "result":
        return None
    first = path.steps[0] if path.steps else None
    if path.root in ("args", "kwargs") and isinstance(first, Name):
        return _name_fault(path.root, first.name, site, signature)
    if path.root == "args":
        return _args_fault(first, site, signature)
    if path.root == "kwargs":
        return None
    if path.root == "self" and not takes_instance(site):
        return f"{site.target} has no self", "begin the path with a parameter", True
    known = [name for name in names if name]
    if takes_instance(site):
        return _self_fault(path, first, site, known)
    known += [name for name in (*_globals(site), *signature.stored) if not name.startswith("__")]
    if path.root in known:
        return None
    if not signature.is_known:
        what = f"{site.target} has no signature that Python can read"
        return what, f'write args[0], or kwargs["{path.root}"]', True
    what = f"{site.target} has no parameter {quoted(path.root)}"
    return what, did_you_mean(path.root, known) or _parameters(signature), True


def _args_fault(first: Any, site: Site, signature: Signature) -> tuple[str, str, bool] | None:
    if not isinstance(first, Item) or not isinstance(first.key, int) or signature.var_positional:
        return None
    if not signature.is_known:
        return None
    if -len(signature.positional) <= first.key < len(signature.positional):
        return None
    what = f"{site.target} takes only {len(signature.positional)} positional arguments"
    return what, _parameters(signature), True


def _name_fault(
    root: str, name: str, site: Site, signature: Signature
) -> tuple[str, str, bool] | None:
    if not signature.is_known:
        return None
    is_open = signature.var_keyword if root == "kwargs" else hasattr(tuple, name)
    if is_open or name in signature.names:
        return None
    what = f"{site.target} has no parameter {quoted(name)}"
    return what, did_you_mean(name, signature.names) or _parameters(signature), True


def _self_fault(
    path: Path, first: Any, site: Site, parameters: list[str]
) -> tuple[str, str, bool] | None:
    name = path.root if path.root != "self" else getattr(first, "name", None)
    owner = site.receivers[0] if site.receivers else site.owner
    if name is None or owner is None:
        return None
    held = _attributes(owner)
    if held is None or name in held or name.replace("-", "_") in held:
        return None
    is_global = path.root != "self" and name in _globals(site)
    if is_global:
        return None
    what = f"attribute {quoted(name)} not found in {owner.__qualname__}"
    near = did_you_mean(name, [*parameters, *held], cutoff=0.7)
    return what, near or "check that instances have it", False


def _parameters(signature: Signature) -> str:
    return (
        f"its parameters are {', '.join(signature.names)}"
        if signature.names
        else "it has no parameters"
    )


def _globals(site: Site) -> dict[str, Any]:
    return getattr(site.function, "__globals__", {})


@cache
def _attributes(owner: type) -> frozenset[str] | None:
    """Return the names of attributes of instances, from the class and its code.

    Return None if any name is possible.
    """
    names: set[str] = set()
    for base in owner.__mro__:
        held = vars(base)
        if "__getattr__" in held or (base is not object and "__getattribute__" in held):
            return None
        names.update(held, held.get("__annotations__", ()), held.get("__slots__", ()))
        for value in held.values():
            code = getattr(_function(value), "__code__", None)
            if isinstance(code, CodeType):
                names.update(_stored(code))
    return frozenset(names)


def _function(value: Any) -> Any:
    value = unwoven(value)
    value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    return getattr(value, "__wrapped__", value)


def _stored(code: CodeType) -> Iterator[str]:
    for one in dis.get_instructions(code):
        if one.opname == "STORE_ATTR":
            yield one.argval
