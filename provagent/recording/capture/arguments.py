"""The arguments of a call by name, and the record of a call without a description."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from provagent.contract.values.encode import encode
from provagent.recording.capture.context import Events, Links, OpenActivity
from provagent.recording.capture.entity_tracker import Call, EntityTracker
from provagent.recording.capture.plan import Plan
from provagent.redaction.secrets import is_secret
from provagent.settings.table import Settings

_CODE = (FunctionType, ModuleType, type)  # arguments that are code, not data
_NUMBERS = frozenset((int, float, bool, type(None)))


def arguments(plan: Plan, call: Call) -> list[tuple[str, Any, bool]]:
    """Return name and value of each argument, and whether it is only a keyword argument.

    The third item is true for an argument that is not among the positional arguments. An argument
    that is the default object of its parameter is skipped: the call does not show whether the user
    passed it.
    """
    names, defaults = plan.signature.positional, plan.signature.defaults
    _, args, kwargs, _ = call
    found = [(name, value, False) for name, value in zip(names, args, strict=False)]
    if len(args) > len(names):  # more arguments than names: the user passed all of them
        found.append((plan.signature.var_positional or "args", args[len(names) :], False))
    elif defaults:
        found = [each for each in found if defaults.get(each[0], plan) is not each[1]]
    known = {name for name, _, _ in found}
    for name, value in kwargs.items():
        if name not in known and defaults.get(name, plan) is not value:
            found.append((name, value, True))
    return found


def own_names(call: Call) -> Call:
    """Return the call with keywords of type ``str``: a subclass may have its own ``__eq__``."""
    instance, args, kwargs, result = call
    for name in kwargs:
        if type(name) is not str:
            plain = {str.__str__(name): value for name, value in kwargs.items()}
            return instance, args, plain, result
    return call


def is_plain(parameters: dict[str, Any]) -> bool:
    """Return whether all values are numbers and no name is a secret: nothing to redact or cut."""
    for name, data in parameters.items():
        if type(data) not in _NUMBERS or is_secret(name):
            return False
    return True


def is_object(data: Any) -> bool:
    """Return whether a value was encoded as a bare object, for lack of a better encoding."""
    return type(data) is dict and data.get("$type") == "object"


class Undescribed:
    """Records calls that no definition describes."""

    def __init__(self, tracker: EntityTracker, settings: Settings) -> None:
        self._tracker = tracker
        self._settings = settings

    def parameters(self, plan: Plan, call: Call) -> dict[str, Any]:
        """Return every argument, encoded."""
        return {name: self._encode(value) for name, value, _ in arguments(plan, call)}

    def inputs(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> tuple[dict[str, Any], Links]:
        """Return the arguments that are data as parameters, and the objects as usages."""
        settings, tracker = self._settings, self._tracker
        log_entities = settings.log_args_as_entities and plan.log_entities
        parameters: dict[str, Any] = {}
        used = []
        for name, value, by_keyword in arguments(plan, call):
            data = self._encode(value)
            is_data = not is_object(data) or issubclass(type(value), _CODE)
            if is_data and (settings.log_kwargs if by_keyword else settings.log_args):
                parameters[name] = data
            if not log_entities:
                continue
            more = name == plan.signature.var_positional and type(value) is tuple
            for at, one in enumerate(value if more else (value,)):
                is_whole = is_object(self._encode(one)) if more else not is_data
                contained = (
                    tracker.inside.contained(one, is_made=False) if plan.log_members else None
                )
                if is_whole or contained is not None or tracker.inside.is_recorded(one):
                    known = tracker.inside.entity(one, name, activity, events, False, contained)
                    used_as = plan.signature.used_as(name, name, at)
                    used.append({"used_id": known.entity_id, **used_as})
        return parameters, used

    def outputs(
        self, plan: Plan, result: Any, activity: OpenActivity, events: Events
    ) -> list[dict[str, str]]:
        """Return the result as the only generation."""
        if result is None or not (self._settings.log_returned_result and plan.log_entities):
            return []
        inside = self._tracker.inside
        contained = inside.contained(result, is_made=True) if plan.log_members else None
        known = inside.entity(result, "result", activity, events, True, contained)
        return [{"generated_id": known.entity_id, "generated_role": "result"}]

    def _encode(self, value: Any) -> Any:
        return encode(value, max_items=self._settings.max_items)
