"""The constraints of a definition, and the values of a call that break them.

A mismatch is recorded as it is, and marked. The comparison uses the encoded values of the record,
never the program's own objects.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from provagent.contract.values.show import text
from provagent.contract.vocabulary import ACTIVITY, CALL, ENTITIES, ENTITY, MEMBERS, SESSION
from provagent.definition.limits import bounds, declared_unit, limit
from provagent.redaction.secrets import is_secret

if TYPE_CHECKING:
    from provagent.definition.description import (
        ActivityDescription,
        EntityDescription,
        EntityUse,
        ParameterDescription,
    )
    from provagent.recording.capture.context import Events

Mismatch = dict[str, str]  # keys: of, name, key, what

_LONGEST = 200  # characters of a mismatch
_SHOWN = 60  # characters of the value in a mismatch


class ConstraintChecks:
    """Checks the calls of one target against the constraints of its definition."""

    def __init__(
        self,
        described: ActivityDescription,
        entities: Mapping[str, EntityDescription],
        level: str,
        complain: Callable[[BaseException], None],
    ) -> None:
        self.complain = complain
        has_parameters, has_entities = level != CALL, level in (ENTITIES, MEMBERS)
        both = {"used": described.usage, "generated": described.generation}
        tests = (ParameterTest(each) for each in described.parameters if not is_secret(each.name))
        self.parameters = tuple(test for test in tests if test.expects and has_parameters)
        self.needed = {verb: _needed(uses) if has_entities else () for verb, uses in both.items()}
        self.units = {
            verb: _with_unit(uses, entities) if has_entities else () for verb, uses in both.items()
        }
        self.members = {
            verb: _membered(uses) if level == MEMBERS else () for verb, uses in both.items()
        }

    def __bool__(self) -> bool:
        each = (self.needed, self.units, self.members)
        return any(
            (self.parameters, *(event_fields for verbs in each for event_fields in verbs.values()))
        )

    def mark(self, fields: dict[str, Any], events: Events) -> bool:
        """Add ``mismatches`` to an event that breaks constraints; return whether it breaks none."""
        try:
            found = self._broken(fields, events)
        except BaseException as error:
            self.complain(error)
            return True
        if found:
            fields["mismatches"] = found
        return not found

    def _broken(self, fields: dict[str, Any], events: Events) -> list[Mismatch]:
        if fields["event"] == SESSION:
            return [*self._of_parameters(fields["configuration"])]
        verb = "used" if fields["event"] == ACTIVITY else "generated"
        roles = {each[f"{verb}_role"]: each[f"{verb}_id"] for each in fields.get(verb, ())}
        return [
            *(self._of_parameters(fields.get("parameters", {})) if verb == "used" else ()),
            *_absent(verb, self.needed[verb], roles),
            *_of_units(verb, self.units[verb], roles, events),
            *_of_members(self.members[verb], roles, events),
        ]

    def _of_parameters(self, parameters: dict[str, Any]) -> Iterator[Mismatch]:
        for test in self.parameters:
            for key, what in test.broken(parameters.get(test.name)):
                yield {"of": "parameter", "name": test.name, "key": key, "what": what[:_LONGEST]}


def _needed(uses: tuple[EntityUse, ...]) -> tuple[tuple[str, str], ...]:
    """Return the roles that each call must have; roles with a condition are optional."""
    event_fields = (
        (use.role, use.multiplicity) for use in uses if use.multiplicity and not use.when
    )
    return tuple((role, words) for role, words in event_fields if bounds(words)[0] > 0)


def _with_unit(
    uses: tuple[EntityUse, ...], entities: Mapping[str, EntityDescription]
) -> tuple[tuple[str, str], ...]:
    event_fields = ((use.role, declared_unit(use, entities)) for use in uses)
    return tuple((role, unit) for role, unit in event_fields if unit)


def _membered(uses: tuple[EntityUse, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (use.role, use.has_members.multiplicity)
        for use in uses
        if use.has_members is not None and use.has_members.multiplicity
    )


def _absent(
    of: str, needed: tuple[tuple[str, str], ...], roles: dict[str, str]
) -> Iterator[Mismatch]:
    for role, words in needed:
        if role not in roles:
            yield {
                "of": of,
                "name": role,
                "key": "multiplicity",
                "what": f"none found, expected {words}",
            }


def _of_units(
    of: str, declared: tuple[tuple[str, str], ...], roles: dict[str, str], events: Events
) -> Iterator[Mismatch]:
    for role, requested in declared:
        for event, _ in events:
            if event["event"] == ENTITY and event["entity_id"] == roles.get(role):
                try:
                    _converted(1.0, event.get("unit", ""), requested)
                except _NoNumberError:
                    what = f"unit {event['unit']}, expected {requested}"[:_LONGEST]
                    yield {"of": of, "name": role, "key": "unit", "what": what}


# A collection without an event in ``events`` was known before, and was marked then.
def _of_members(
    membered: tuple[tuple[str, str], ...], roles: dict[str, str], events: Events
) -> Iterator[Mismatch]:
    for role, words in membered:
        for event, _ in events:
            if event["event"] == ENTITY and event["entity_id"] == roles.get(role):
                count, (low, high) = len(event.get("members", ())), bounds(words)
                if not low <= count <= high:
                    what = f"{count or 'none'} found, expected {words}"
                    yield {"of": "members", "name": role, "key": "multiplicity", "what": what}


class _NoNumberError(Exception):
    """A value is no number; the text of the error describes the value."""


class ParameterTest:
    """Checks the value of one parameter."""

    __slots__ = ("high", "low", "name", "options", "unit")

    def __init__(self, described: ParameterDescription) -> None:
        self.name = described.name
        self.unit = described.unit or ""
        self.low, self.high = limit(described.min), limit(described.max)
        self.options = described.options

    @property
    def expects(self) -> bool:
        return bool(self.low or self.high or self.options or self.unit)

    def broken(self, data: Any) -> Iterator[tuple[str, str]]:
        """Yield each key that an encoded value breaks, and a text; None means no value."""
        if data is None:
            return
        if self.options and not all(map(self._is_option, _items(data))):
            yield "options", f"{_shown(data)} is not one of {', '.join(self.options)}"
        if not (self.low or self.high or _kind(data) == "quantity"):
            return
        try:
            numbers = list(_numbers(data))
            for key, bound in (("min", self.low), ("max", self.high)):
                if bound is not None and not self._is_within(numbers, key, bound):
                    word = "less" if key == "min" else "more"
                    own = bound[1] or self.unit
                    yield key, f"{_shown(data)} is {word} than {bound[0]:g} {own}".rstrip()
            if self.unit and self.low is self.high is None:
                for number, unit in numbers[:1]:
                    _converted(number, unit, self.unit)
        except _NoNumberError as error:
            key = "unit" if _kind(data) == "quantity" else "min" if self.low else "max"
            yield key, f"{_shown(data)} {error}"

    def _is_within(
        self, numbers: list[tuple[float, str]], key: str, bound: tuple[float, str]
    ) -> bool:
        edge, unit = bound
        found = (_converted(number, its, unit or self.unit) for number, its in numbers)
        # Written so that NaN, for which both comparisons are false, is not within.
        return all(each >= edge if key == "min" else each <= edge for each in found)

    def _is_option(self, data: Any) -> bool:
        words = _words(data)
        if words is None or not words.isdisjoint(self.options):
            return True
        try:
            return any(float(option) == float(word) for option in self.options for word in words)
        except ValueError:
            return False


def _kind(data: Any) -> str | None:
    return data.get("$type") if type(data) is dict else None


def _items(data: Any) -> Any:
    """Return the items to compare with the options: the items of a list, or the value itself."""
    return data if type(data) is list else data["value"] if _kind(data) in _LISTS else [data]


_LISTS = frozenset(("tuple", "set", "frozenset"))


def _words(data: Any) -> set[str] | None:
    """Return the texts that may mean the value; None for a value without such a text."""
    if isinstance(data, bool):
        return {str(data), str(data).lower()}
    if isinstance(data, str | int | float):
        return {str(data)}
    kind = _kind(data)
    if kind == "enum":
        return {str(data["name"]), str(data["value"])}
    if kind == "quantity" and isinstance(data["value"], int | float):
        return {f"{data['value']:g} {data['unit']}".rstrip(), f"{data['value']} {data['unit']}"}
    return {str(data["value"])} if kind in ("path", "Decimal") else None


def _numbers(data: Any) -> Iterator[tuple[float, str]]:
    """Yield the numbers of a value with their units, as far as the record contains them."""
    kind = _kind(data)
    if isinstance(data, int | float):
        yield float(data), ""
    elif type(data) is list or kind in _LISTS:
        for item in _items(data):
            yield from _numbers(item)
    elif kind == "quantity":
        for number, _ in _numbers(data["value"]):
            yield number, data["unit"]
    elif kind == "numpy":
        yield from _numbers(data.get("value") or [])
    elif kind in ("float", "Decimal"):
        yield float(data["value"]), ""
    elif kind == "int":
        yield float(int(data["value"], 0)), ""
    elif isinstance(data, str):
        raise _NoNumberError("is not a number")


def _converted(number: float, unit: str, requested: str) -> float:
    """Convert a number with astropy, if the program has loaded it: units come only from astropy."""
    if not unit or unit == requested:
        return number
    units = sys.modules.get("astropy.units")
    if units is None:
        raise _NoNumberError(f"cannot be converted to {requested or 'a number without a unit'}")
    try:
        return float(units.Unit(unit).to(units.Unit(requested), number))
    except Exception:
        what = (
            f"cannot be converted to {requested}"
            if requested
            else "has a unit, but the description has none"
        )
        raise _NoNumberError(what) from None


def _shown(data: Any) -> str:
    try:
        shown = text(data, _SHOWN)
    except (ValueError, KeyError, TypeError):
        shown = str(data)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
