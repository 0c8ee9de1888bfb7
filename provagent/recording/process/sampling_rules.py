"""The sampling rules of each target, from settings and definitions in their order of priority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provagent.recording.capture.plan import Rules
from provagent.recording.weave.target import Target
from provagent.settings.table import EACH, each_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provagent.definition.description import ActivityDescription, Definition
    from provagent.settings.table import Settings

Names = list[tuple[str, str]]  # modules and qualified names of one callable


@dataclass(frozen=True, slots=True)
class _Rule:
    target: Target
    value: Any

    def covers(self, names: Names) -> bool:
        return any(self.target.covers(*name) for name in names)


class SamplingRules:
    """Finds the rules of a callable: its level, and how many of its calls are recorded.

    Each rule is searched by itself, in this order: the settings, for a target that covers the
    callable; the activity of the callable in the definition; the targets of the definition, the
    last one that covers the callable; the definition, for all targets; the settings, for all
    targets.
    """

    def __init__(self, settings: Settings) -> None:
        self._everything: dict[str, Any] = {}
        self._settings: dict[str, list[_Rule]] = {}
        self._definitions: dict[str, dict[str, list[_Rule]]] = {}
        for key in EACH:
            own = each_of(settings, key)
            self._everything[key] = own.pop("")
            self._settings[key] = [_Rule(Target(text), value) for text, value in own.items()]

    def rules(
        self,
        names: Names,
        activity: ActivityDescription | None,
        definitions: Sequence[Definition],
    ) -> Rules:
        """Return the rules of the callable with these ``names`` and this ``activity``."""
        return Rules(**{key: self._rule(key, names, activity, definitions) for key in EACH})

    def _rule(
        self,
        key: str,
        names: Names,
        activity: ActivityDescription | None,
        definitions: Sequence[Definition],
    ) -> Any:
        found = _last(self._settings[key], names)
        if found is None and activity is not None:
            found = getattr(activity, key)
        for definition in reversed(definitions):
            if found is None:
                found = _last(self._of_targets(definition)[key], names)
            if found is None:
                found = getattr(definition, key)
        return self._everything[key] if found is None else found

    def _of_targets(self, definition: Definition) -> dict[str, list[_Rule]]:
        if definition.location not in self._definitions:
            self._definitions[definition.location] = {
                key: [
                    _Rule(Target(pattern.text), getattr(pattern, key))
                    for pattern in definition.targets
                    if getattr(pattern, key) is not None
                ]
                for key in EACH
            }
        return self._definitions[definition.location]


def _last(rules: list[_Rule], names: Names) -> Any:
    return next((rule.value for rule in reversed(rules) if rule.covers(names)), None)
