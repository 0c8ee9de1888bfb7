"""Compiles descriptions to plans, when a target is woven."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import CALL, ENTITIES, FILE, MEMBERS, PYTHON_OBJECT
from provagent.definition.condition import parse_condition
from provagent.definition.description import (
    ActivityDescription,
    Definition,
    EntityUse,
    MemberDescription,
    ParameterDescription,
)
from provagent.definition.limits import is_comparable
from provagent.definition.path import Call, PathError, Text, compile_on_value, parse_path
from provagent.definition.plain_data import describe
from provagent.identity.digests import Digests
from provagent.isolation import introspection
from provagent.recording.capture.conditions import Predicate, compile_condition, only_where
from provagent.recording.capture.entity_kinds import make_kind
from provagent.recording.capture.lookup import Selector
from provagent.recording.capture.plan import (
    ON_DISK,
    Callee,
    Flavour,
    Kind,
    Many,
    OnValue,
    Plan,
    Rules,
    Use,
)
from provagent.recording.capture.selectors import Signature, compile_selector, or_else, select_path

WITH_ENTITIES = (ENTITIES, MEMBERS)

if TYPE_CHECKING:
    from provagent.recording.capture.constraint_checks import ConstraintChecks


def find_description(
    callee: Callee, definitions: list[Definition]
) -> tuple[ActivityDescription, Definition] | None:
    """Return the description with the most specific name; a later definition has priority."""
    name = callee.qualname.rpartition(".")[2]
    through = [f"{introspection.qualname(receiver)}.{name}" for receiver in callee.receivers]
    for key in (callee.target, *callee.aliases, callee.qualname, *through, name):
        for definition in reversed(definitions):
            if key in definition.activities:
                return definition.activities[key], definition
    return None


Described = tuple[ActivityDescription, Definition]


class Planner:
    """Makes the plans of a process.

    ``digests`` has the settings of digests. ``complain`` is called with target, stage and error if
    the evaluation of a condition fails. ``note`` is called if a value is recorded in another way
    than the definition says.
    """

    def __init__(
        self,
        digests: Digests,
        complain: Callable[[str, str, BaseException], None],
        note: Callable[[str, str, str], None],
    ) -> None:
        self.digests = digests
        self.complain = complain
        self.note = note
        self.kinds: dict[Any, Kind] = {}
        # a bit for each definition; the first bit is for targets without one
        self._groups = {"": 0}

    def plan(self, callee: Callee, found: Described | None, rules: Rules, group: str) -> Plan:
        """Return the plan of a callable, from its description or from its signature alone.

        ``group`` is the definition that names the target.
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
            rules=rules,
            group=1 << self._groups.setdefault(group, len(self._groups)),
            log_entities=rules.level in WITH_ENTITIES,
            log_members=rules.level == MEMBERS,
        )
        if found is not None:
            _Compiler(plan, callee, found[1], self).compile(found[0])
        elif rules.level == CALL:
            plan.is_described = True  # as a description without parameters and entities
        return plan


def flavour_of(function: Any) -> Flavour:
    """Return how a call of the function runs; this determines when its activity ends."""
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(function) else "plain"


class _Compiler:
    """Compiles one activity description to the parts of a plan, and collects the problems."""

    def __init__(
        self, plan: Plan, callee: Callee, definition: Definition, planner: Planner
    ) -> None:
        self.planner = planner
        self.plan = plan
        self.callee = callee
        self.definition = definition
        self.made = False  # whether the compiled paths are read after the call
        self.level = plan.rules.level

    def compile(self, described: ActivityDescription) -> None:
        plan = self.plan
        plan.name = described.name
        plan.definition = self.definition.name
        plan.is_described = True
        plan.description = describe(described)
        plan.agents = tuple(map(describe, self.definition.agents.values()))
        plan.expected = self._expectations(described)
        plan.when = self._predicate(described.when)
        if self.level != CALL:
            plan.parameters = tuple(
                (parameter.name, selector)
                for parameter in described.parameters
                if (selector := self._parameter(parameter)) is not None
            )
        if self.level in WITH_ENTITIES:
            self._compile_uses(described)

    # The module is loaded only for a definition with constraints.
    def _expectations(self, described: ActivityDescription) -> ConstraintChecks | None:
        if not is_comparable(described, self.definition.entities):
            return None
        from provagent.recording.capture.constraint_checks import ConstraintChecks

        target, complain = self.plan.target, self.planner.complain
        entities = self.definition.entities
        failed = partial(complain, target, "comparing")
        return ConstraintChecks(described, entities, self.level, failed) or None

    def _compile_uses(self, described: ActivityDescription) -> None:
        plan = self.plan
        plan.usages = tuple(self._use(use) for use in described.usage)
        files = tuple(use.location for use in plan.usages if use.kind.type in ON_DISK)
        plan.files = files if len(files) > 1 else ()
        self.made = True
        plan.generations = tuple(self._use(use) for use in described.generation)
        plan.is_activity = not described.only_opens
        if described.opens is not None:
            file = self._selector(described.opens.file)
            mode = self._mode(described.opens.mode)
            plan.opens = None if file is None or mode is None else (file, mode)
        plan.places = tuple(
            place
            for use in (*plan.usages, *plan.generations)
            if use.kind.type in ON_DISK
            for place in (use.location or use.value,)
            if place is not None
        )

    def _mode(self, text: str | None) -> Selector | None:
        if text is None or text[0] in "'\"":
            event_fields = (text or "'r'")[1:-1]
            return lambda *_: event_fields
        return self._selector(text)

    def _selector(self, text: str | None, *, made: bool = False) -> Selector | None:
        if text is None:
            return None
        try:
            return compile_selector(
                text,
                self.plan.signature,
                self.callee.namespace,
                has_instance=self.callee.takes_instance,
                made=made,
            )
        except PathError as error:
            self.plan.problems.append(str(error))
            return None

    def _parameter(self, parameter: ParameterDescription) -> Selector | None:
        what = f"parameter {parameter.name!r}"
        found = self._selector(parameter.value)
        if found is not None and parameter.value is not None:
            found = self._or_before_call(parameter.value, found, what)
        return self._only_where(parameter.when, found, what)

    # A method that returns a whole configuration as data may fail at one value that it does not
    # know. Then the object of the method is recorded, value by value.
    def _or_before_call(self, text: str, select: Selector, what: str) -> Selector:
        path = parse_path(text)
        count = {Call: 2, Text: 1}.get(type(path.steps[-1]), 0) if path.steps else 0
        if not 0 < count <= len(path.steps):
            return select
        callee = self.callee
        before = select_path(
            replace(path, steps=path.steps[:-count]),
            self.plan.signature,
            callee.namespace,
            has_instance=callee.takes_instance,
        )
        return or_else(select, before, partial(self.planner.note, callee.target, what))

    def _only_where(self, when: str | None, select: Selector | None, what: str) -> Selector | None:
        holds = self._predicate(when)
        if holds is None or select is None:
            return select
        target, stage, complain = self.plan.target, f"{what}: when", self.planner.complain
        return only_where(holds, select, lambda error: complain(target, stage, error))

    def _predicate(self, text: str | None) -> Predicate | None:
        if text is None:
            return None
        callee, signature = self.callee, self.plan.signature
        return compile_condition(
            parse_condition(text),
            lambda path: select_path(
                path, signature, callee.namespace, has_instance=callee.takes_instance
            ),
        )

    def _use(self, use: EntityUse) -> Use:
        what = f"role {use.role!r}"
        has_members = use.has_members if self.level == MEMBERS else None
        kind = self._kind(use.entity_description, use)
        slot, slot_is_global = self._slot(use.value)
        overwrites = self.made and use.overwrite
        is_more = use.location or use.id or has_members or overwrites
        return Use(
            role=use.role,
            used_as=self._used_as(use),
            is_plain=kind.type == PYTHON_OBJECT and not is_more,
            is_name=_is_name(use, kind),
            overwrites=overwrites,
            looks_in=self.level == MEMBERS,
            kind=kind,
            value=self._only_where(use.when, self._selector(use.value, made=self.made), what),
            location=self._only_where(use.when, self._selector(use.location), what),
            id=self._only_where(use.when, self._selector(use.id), what),
            namespace=use.namespace,
            slot=slot,
            slot_name=None if slot is None else _public_name(slot),
            slot_is_global=slot_is_global,
            members=self._many(has_members, listed=use.value) if has_members else None,
            progenitors=tuple(self._progenitor(one) for one in use.has_progenitors),
        )

    def _used_as(self, use: EntityUse) -> dict[str, Any]:
        listed = use.has_members.list if use.has_members else None
        text = use.value or listed
        if text is not None:
            root, signature = parse_path(text).root, self.plan.signature
            if root in signature.names or root in (signature.var_positional, "self"):
                return signature.used_as(use.role, root)
        return {"used_role": use.role}

    # The value of an attribute or a global name can be replaced while no code of ours runs. An
    # argument or a result has no name that exists after the call.
    def _slot(self, text: str | None) -> tuple[str | None, bool]:
        if text is None:
            return None, False
        path = parse_path(text)
        signature = self.plan.signature
        contained = [signature.var_positional, signature.var_keyword]
        if not (self.made and self.callee.takes_instance):
            contained += signature.names
        if path.root in ("args", "kwargs", "result", *contained):
            return None, False
        if path.root == "self":
            return (text.removeprefix("self."), False) if path.steps else (None, False)
        return text, not self.callee.takes_instance

    def _progenitor(self, many: MemberDescription) -> Many:
        compiled = self._many(many)
        compiled.is_name = _is_name(many, compiled.kind)
        return compiled

    # Without a list, the paths of the single value are paths on the call.
    def _many(self, many: MemberDescription, *, listed: str | None = None) -> Many:
        listed = many.list or listed
        is_list = listed is not None
        return Many(
            kind=self._kind(many.entity_description, many),
            items=self._selector(listed or many.value or many.location or many.id, made=self.made),
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
        definition, kinds = self.definition, self.planner.kinds
        guess = None if name in definition.entities else _guessed_type(use)
        key = definition.name, name, guess
        if key not in kinds:
            planner = self.planner
            kinds[key] = make_kind(
                definition, name, guess, planner.digests, self._on_value, planner.note
            )
        return kinds[key]


def _public_name(path: str) -> str | None:
    """Return the last name of a path; None for a private name, which begins with an underscore."""
    name = parse_path(path).last_name
    return None if name.startswith("_") else name


def _is_name(use: EntityUse | MemberDescription, kind: Kind) -> bool:
    is_name = bool(use.id and not (use.value or use.location))
    kind.is_named = kind.is_named or is_name
    return is_name


def _guessed_type(use: EntityUse | MemberDescription) -> str:
    return FILE if use.location and not use.value else PYTHON_OBJECT
