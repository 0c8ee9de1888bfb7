"""A description in, a plan out: compiled when a target is woven."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from provagent.capture.plan import (
    ON_DISK,
    Callee,
    Flavour,
    Kind,
    Many,
    OnValue,
    Plan,
    Use,
)
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
from provagent.identity.digests import Digests
from provagent.identity.registry import Identity, identify, text_identifier
from provagent.terms import FILE, PYTHON_OBJECT

if TYPE_CHECKING:
    from provagent.capture.rules import Rules


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


def make_plan(
    callee: Callee, definitions: list[Definition], digests: Digests, kinds: dict[Any, Kind]
) -> Plan:
    """The plan for a callable: from its description, or from its signature alone.

    ``digests`` says how they are taken; ``kinds`` are those that other plans have made, and is
    added to.
    """
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
        _Compiler(plan, callee, found[1], digests, kinds).compile(found[0])
    return plan


def flavour_of(function: Any) -> Flavour:
    """How a call of the function runs, which says when its activity ends."""
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(function) else "plain"


def undescribed_kind(digests: Digests) -> Kind:
    """The kind of an object that no definition describes."""
    return Kind(
        name="",
        type=PYTHON_OBJECT,
        content_type=None,
        index=None,
        identify=partial(identify, **digests.options()),
        key=PYTHON_OBJECT,
        definition=None,
        is_described=False,
        description=None,
    )


class _Compiler:
    """Turns one activity description into the parts of a plan; collects what is wrong."""

    def __init__(
        self,
        plan: Plan,
        callee: Callee,
        definition: Definition,
        digests: Digests,
        kinds: dict[Any, Kind],
    ) -> None:
        self.digests = digests
        self.kinds = kinds
        self.plan = plan
        self.callee = callee
        self.definition = definition
        self.made = False  # whether what is compiled is read after the call

    def compile(self, described: ActivityDescription) -> None:
        plan = self.plan
        plan.name = described.name.rpartition(":")[2]
        plan.definition = self.definition.name
        plan.is_described = True
        plan.description = describe(described)
        plan.agents = tuple(map(describe, self.definition.agents.values()))
        plan.rules = _rules(described)
        plan.parameters = tuple(
            (parameter.name, selector)
            for parameter in described.parameters
            if (selector := self._selector(parameter.value)) is not None
        )
        plan.usages = tuple(self._use(use) for use in described.usage)
        files = tuple(use.location for use in plan.usages if use.kind.type in ON_DISK)
        plan.files = files if len(files) > 1 else ()
        self.made = True
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
                made=self.made,
            )
        except PathError as error:
            self.plan.problems.append(str(error))
            return None

    def _use(self, use: EntityUse) -> Use:
        kind = self._kind(use.entity_description, use)
        slot, slot_is_global = self._slot(use.value)
        overwrites = self.made and use.overwrite
        is_more = use.location or use.id or use.has_members or overwrites
        return Use(
            role=use.role,
            is_plain=kind.type == PYTHON_OBJECT and not is_more,
            is_name=_is_name(use, kind),
            overwrites=overwrites,
            kind=kind,
            value=self._selector(use.value),
            location=self._selector(use.location),
            id=self._selector(use.id),
            namespace=use.namespace,
            slot=slot,
            slot_name=None if slot is None else parse_path(slot).last_name,
            slot_is_global=slot_is_global,
            members=self._many(use.has_members, listed=use.value) if use.has_members else None,
            progenitors=tuple(self._progenitor(one) for one in use.has_progenitors),
        )

    # What stands in a place can be replaced while nothing of ours runs; an argument
    # or a result has no place that outlives the call.
    def _slot(self, text: str | None) -> tuple[str | None, bool]:
        if text is None:
            return None, False
        path = parse_path(text)
        signature = self.plan.signature
        held = [signature.var_positional, signature.var_keyword]
        if not (self.made and self.callee.takes_instance):
            held += signature.names
        if path.root in ("args", "kwargs", "result", *held):
            return None, False
        if path.root == "self":
            return (text.removeprefix("self."), False) if path.steps else (None, False)
        return text, not self.callee.takes_instance

    def _progenitor(self, many: MemberDescription) -> Many:
        compiled = self._many(many)
        compiled.is_name = _is_name(many, compiled.kind)
        return compiled

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
        guess = None if name in self.definition.entities else _guessed_type(use)
        key = self.definition.name, name, guess
        if key not in self.kinds:
            self.kinds[key] = self._make_kind(name, use)
        return self.kinds[key]

    def _make_kind(self, name: str | None, use: EntityUse | MemberDescription) -> Kind:
        described = self.definition.entities.get(name or "")
        type_ = described.type if described else _guessed_type(use)
        return Kind(
            name=name or "",
            type=type_,
            content_type=described.contentType if described else None,
            index=described.index if described else None,
            identify=compile_identifier(self._how(described), self.digests),
            key=f"{self.definition.name}:{name}" if name else type_,
            definition=self.definition.name if name else None,
            is_described=True,
            description=describe(described) if described else None,
        )

    def _how(self, described: EntityDescription | None) -> Any:
        if described is None:
            return None
        if isinstance(described.identifier, tuple):
            compiled = (self._on_value(path) for path in described.identifier)
            return tuple(path for path in compiled if path is not None)
        if described.identifier == "file" and described.type in ON_DISK:
            return None  # for an object where the definition says a file: no path leads to it
        return described.identifier


def compile_identifier(how: Any, digests: Digests) -> Callable[[Any], Identity]:
    """How objects are identified that a definition describes: as it says, or as they allow."""
    options = digests.options()
    by_text = text_identifier(digests.algorithm)
    by_itself: Callable[[Any], Identity] = partial(identify, **options)
    if how == "str":
        return by_text
    if how is not None and type(how) is not tuple:
        files = digests.new_files() if how == "file" else None
        return partial(identify, how=how, files=files, **options)

    def identify_object(value: Any) -> Identity:
        if how is not None:
            try:
                return identify(value, how, **options)
            except (AttributeError, LookupError, TypeError):
                pass  # not of the type that the identifier's paths were written for
        identity = by_itself(value)
        return by_text(value) if identity.digest is None else identity

    return identify_object


# Loaded where a definition has any.
def _rules(described: ActivityDescription) -> Rules | None:
    uses = (*described.usage, *described.generation)
    if not any(p.unit or p.min or p.max or p.options for p in described.parameters) and not any(
        use.multiplicity or (use.has_members and use.has_members.multiplicity) for use in uses
    ):
        return None
    from provagent.capture.rules import Rules

    return Rules(described) or None


def _is_name(use: EntityUse | MemberDescription, kind: Kind) -> bool:
    is_name = bool(use.id and not (use.value or use.location))
    kind.is_named = kind.is_named or is_name
    return is_name


def _guessed_type(use: EntityUse | MemberDescription) -> str:
    return FILE if use.location and not use.value else PYTHON_OBJECT
