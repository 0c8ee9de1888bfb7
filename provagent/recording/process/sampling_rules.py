"""How the calls of each target are recorded: what settings and definitions say, in their order."""

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

Names = list[tuple[str, str]]  # modules and qualified names by which one callable is known


@dataclass(frozen=True, slots=True)
class _Rule:
    target: Target
    value: Any

    def covers(self, names: Names) -> bool:
        return any(self.target.covers(*name) for name in names)


class SamplingRules:
    """Finds the rules of a callable: its level, and how many of its calls are recorded.

    The first of these that says something counts, for each rule by itself: the settings, for a
    target that covers it; its activity in the definition; the definition's targets, the last that
    covers it; the definition, for all of them; the settings, for everything.
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
        """The rules of the callable that ``names`` name, and ``activity`` describes."""
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
