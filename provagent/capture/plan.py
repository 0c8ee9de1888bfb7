"""Plans: what to do at a call of one target, compiled when it is woven.

A call does no YAML, no ``inspect``, and reads no path's text: all that is here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provagent.capture.select import Selector, Signature, compile_selector
from provagent.definition.data import describe
from provagent.definition.description import (
    ActivityDescription,
    Definition,
    EntityDescription,
    EntityUse,
    MemberDescription,
)
from provagent.definition.path import PathError, compile_on_value, parse_path
from provagent.terms import FILE, FILE_COLLECTION, PYTHON_OBJECT

Flavour = Literal["plain", "coroutine", "generator", "async generator"]
OnValue = Callable[[Any], Any]

_UNDESCRIBED = EntityDescription(name="")


@dataclass(slots=True, kw_only=True)
class Kind:
    """What sort of entity: its description, and how its identity is found.

    ``how`` goes to ``identity.identify``; ``key`` names the method, since digests
    taken by two methods cannot be compared.
    """

    name: str
    type: str
    content_type: str | None
    index: str | None
    how: Any
    key: str
    definition: str | None
    is_described: bool
    description: dict[str, Any] | None


@dataclass(slots=True, kw_only=True)
class Many:
    """Members, or progenitors: where they are listed, and what each of them is.

    Without ``is_list`` what ``items`` finds is the one thing meant.
    """

    kind: Kind
    items: Selector | None
    is_list: bool
    id: OnValue | None
    location: OnValue | None
    value: OnValue | None
    namespace: str | None


@dataclass(slots=True, kw_only=True)
class Use:
    """A usage or a generation, compiled. ``slot`` is the place that holds the value.

    ``is_plain``: an object found by its value alone, as most are.
    """

    role: str
    is_plain: bool
    kind: Kind
    value: Selector | None
    location: Selector | None
    id: Selector | None
    namespace: str | None
    slot: str | None
    slot_name: str | None
    slot_is_global: bool
    members: Many | None
    progenitors: tuple[Many, ...]


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that a call of one target needs to know."""

    target: str
    name: str
    definition: str | None
    flavour: Flavour
    owner: type | None
    receivers: list[type]
    takes_instance: bool
    signature: Signature
    parameters: tuple[tuple[str, Selector], ...] = ()
    usages: tuple[Use, ...] = ()
    generations: tuple[Use, ...] = ()
    is_described: bool = False
    description: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """The callable to plan for, as the weaver found it; ``aliases`` are targets for it too."""

    target: str
    qualname: str
    function: Any
    namespace: Mapping[str, Any]
    owner: type | None
    receivers: list[type]
    takes_instance: bool
    aliases: tuple[str, ...] = ()


def find_description(
    callee: Callee, definitions: list[Definition]
) -> tuple[ActivityDescription, Definition] | None:
    """The description with the most specific name; a later definition wins over an earlier."""
    name = callee.qualname.rpartition(".")[2]
    through = [f"{receiver.__qualname__}.{name}" for receiver in callee.receivers]
    for key in (callee.target, *callee.aliases, callee.qualname, *through, name):
        for definition in reversed(definitions):
            if key in definition.activities:
                return definition.activities[key], definition
    return None


def make_plan(callee: Callee, definitions: list[Definition]) -> Plan:
    """The plan for a callable: from its description, or from its signature alone."""
    plan = Plan(
        target=callee.target,
        name=callee.qualname,
        definition=None,
        flavour=flavour_of(callee.function),
        owner=callee.owner,
        receivers=callee.receivers,
        takes_instance=callee.takes_instance,
        signature=Signature(callee.function, has_instance=callee.takes_instance),
    )
    found = find_description(callee, definitions)
    if found is not None:
        _Compiler(plan, callee, found[1]).compile(found[0])
    return plan


def flavour_of(function: Any) -> Flavour:
    """How a call of the function runs, which says when its activity ends."""
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(function) else "plain"


def undescribed_kind(type_: str = PYTHON_OBJECT) -> Kind:
    """The kind of an entity that no definition describes."""
    return Kind(
        name="",
        type=type_,
        content_type=None,
        index=None,
        how="file" if type_ == FILE else None,
        key=type_,
        definition=None,
        is_described=False,
        description=None,
    )


class _Compiler:
    """Turns one activity description into the parts of a plan; collects what is wrong."""

    def __init__(self, plan: Plan, callee: Callee, definition: Definition) -> None:
        self.plan = plan
        self.callee = callee
        self.definition = definition

    def compile(self, described: ActivityDescription) -> None:
        plan = self.plan
        plan.name = described.name.rpartition(":")[2]
        plan.definition = self.definition.name
        plan.is_described = True
        plan.description = describe(described)
        plan.parameters = tuple(
            (parameter.name, selector)
            for parameter in described.parameters
            if (selector := self._selector(parameter.value)) is not None
        )
        plan.usages = tuple(self._use(use) for use in described.usage)
        plan.generations = tuple(self._use(use) for use in described.generation)

    def _selector(self, text: str | None) -> Selector | None:
        if text is None:
            return None
        try:
            return compile_selector(
                text,
                self.plan.signature,
                self.callee.namespace,
                has_instance=self.callee.takes_instance,
            )
        except PathError as error:
            self.plan.problems.append(str(error))
            return None

    def _use(self, use: EntityUse) -> Use:
        kind = self._kind(use.entity_description, use)
        slot, slot_is_global = self._slot(use.value)
        return Use(
            role=use.role,
            is_plain=not (use.location or use.id) and kind.type == PYTHON_OBJECT,
            kind=kind,
            value=self._selector(use.value),
            location=self._selector(use.location),
            id=self._selector(use.id),
            namespace=use.namespace,
            slot=slot,
            slot_name=None if slot is None else parse_path(slot).last_name,
            slot_is_global=slot_is_global,
            members=self._many(use.has_members, listed=use.value) if use.has_members else None,
            progenitors=tuple(self._many(one) for one in use.has_progenitors),
        )

    # What stands in a place can be replaced while nothing of ours runs; an argument
    # or a result has no place that outlives the call.
    def _slot(self, text: str | None) -> tuple[str | None, bool]:
        if text is None:
            return None, False
        path = parse_path(text)
        signature = self.plan.signature
        held = (*signature.names, signature.var_positional, signature.var_keyword)
        if path.root in ("args", "kwargs", "result", *held):
            return None, False
        if path.root == "self":
            return (text.removeprefix("self."), False) if path.steps else (None, False)
        return text, not self.callee.takes_instance

    # Where nothing is listed, the paths of the one thing meant are paths on the call.
    def _many(self, many: MemberDescription, *, listed: str | None = None) -> Many:
        listed = many.list or listed
        is_list = listed is not None
        return Many(
            kind=self._kind(many.entity_description, many),
            items=self._selector(listed or many.value or many.location or many.id),
            is_list=is_list,
            id=self._on_value(many.id) if is_list else None,
            location=self._on_value(many.location) if is_list else None,
            value=self._on_value(many.value) if is_list else None,
            namespace=many.namespace,
        )

    def _on_value(self, text: str | None) -> OnValue | None:
        if text is None:
            return None
        try:
            return compile_on_value(text)
        except PathError as error:
            self.plan.problems.append(str(error))
            return None

    def _kind(self, name: str | None, use: EntityUse | MemberDescription) -> Kind:
        described = self.definition.entities.get(name or "")
        type_ = described.type if described else _guessed_type(use)
        return Kind(
            name=name or "",
            type=type_,
            content_type=described.contentType if described else None,
            index=described.index if described else None,
            how=self._how(described or _UNDESCRIBED, type_),
            key=f"{self.definition.name}:{name}" if name else type_,
            definition=self.definition.name if name else None,
            is_described=True,
            description=describe(described) if described else None,
        )

    def _how(self, described: EntityDescription, type_: str) -> Any:
        if isinstance(described.identifier, tuple):
            compiled = (self._on_value(path) for path in described.identifier)
            return tuple(path for path in compiled if path is not None)
        return described.identifier or ("file" if type_ in (FILE, FILE_COLLECTION) else None)


def _guessed_type(use: EntityUse | MemberDescription) -> str:
    return FILE if use.location and not use.value else PYTHON_OBJECT
