"""Conditions on a call: ``mode in [w, a] and not self.is_open``.

A condition is one of the following forms, or several of them with ``and``, ``or``, ``not`` and
parentheses::

    path                                   the value is true in Python
    path == value      != < <= > >=        a comparison
    path in [value, value]      not in     the value equals one of the list
    path matches glob    not matches       a text or a file name, and ``*``, ``?``, ``[abc]``
    path is None    is not None

``definition.path`` describes paths. A value is a number, a text, ``True``, ``False`` or ``None``. A
text needs quotes only if it contains blanks or signs. There are no other forms. A condition runs no
code, except the calls in its paths.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, TypeAlias

from provagent.contract.printable import quoted
from provagent.definition.grammar import Literal, Name, PathError, PathReader
from provagent.definition.path import Path
from provagent.isolation import introspection
from provagent.isolation.originals import os


@dataclass(frozen=True, slots=True)
class Clause:
    """A path and a test of its value. An empty ``how`` tests whether the value is true."""

    path: Path
    how: str = ""
    values: tuple[Literal, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions with ``and`` or ``or`` between them."""

    word: str
    parts: tuple[Condition, ...]


Condition: TypeAlias = Clause | Not | Joined


def parse_condition(text: str) -> Condition:
    """Return the parsed condition. Raise PathError if ``text`` is not a condition."""
    return _ConditionReader(text).condition()


def paths_of(condition: Condition) -> Iterator[Path]:
    """Yield the paths of a condition in their order."""
    match condition:
        case Clause(path):
            yield path
        case Not(part):
            yield from paths_of(part)
        case Joined(_, parts):
            for part in parts:
                yield from paths_of(part)


def compile_clause(clause: Clause) -> Callable[[Any], bool]:
    """Return the function that tests whether a value passes.

    The function raises the exceptions of the comparison, for example for an array of several items.
    """
    values = clause.values
    if not clause.how:
        return bool
    if clause.how in _COMPARISONS:
        compare, (value,) = _COMPARISONS[clause.how], values
        return lambda found: bool(compare(found, value))
    if clause.how == "in":
        return lambda found: found in values
    if clause.how == "is":
        return lambda found: found is None
    matches = re.compile("|".join(translate(str(value)) for value in values)).match

    def fits(found: Any) -> bool:
        if introspection.lookup(type(found), "__fspath__") is not None:
            found = os.fspath(found)
        found = os.fsdecode(found) if introspection.is_a(found, bytes) else found
        return introspection.is_a(found, str) and matches(str.__str__(found)) is not None

    return fits


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_DEEPEST = 20  # maximum nested levels of parentheses and of not
_BARE = re.compile(r"""[^\s,()\[\]'"<>=!]+""")
_NUMBER = re.compile(
    r"-?(?:(?P<whole>\d+)|(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)", re.ASCII
)
_CONSTANTS = {"True": True, "False": False, "None": None}
_WORDS = ("and", "or", "not", "in", "is", "matches")

_GRAMMAR = (
    "write a path, or a path with == != < <= > >= and a value, in [values], matches a glob, or "
    "is None; combine conditions with and, or, not and ( )"
)
_VALUES = "write a number, a text, True, False or None"


class _ConditionReader(PathReader):
    """Reads a condition from left to right."""

    kind = "condition"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def condition(self) -> Condition:
        found = self._any()
        self._skip_space()
        if not self.at_end():
            raise self._error(self.unexpected(), _GRAMMAR)
        return found

    def _any(self) -> Condition:
        return self._joined("or", self._all)

    def _all(self) -> Condition:
        return self._joined("and", self._one)

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} nested levels", "use fewer levels")
        try:
            if self._word("not"):
                return Not(self._one())
            if not self._take("("):
                return self._clause()
            inner = self._any()
            self._skip_space()
            if not self._take(")"):
                raise self._error("missing )", _GRAMMAR)
            return inner
        finally:
            self._depth -= 1

    def _clause(self) -> Condition:
        path = self._path()
        if self._word("is"):
            is_not = self._word("not")
            if not self._word("None"):
                raise self._error(
                    "missing None after is", "write is None, is not None, or == and a value"
                )
            return _negated(Clause(path, "is"), is_not)
        is_not = self._word("not")
        if self._word("in"):
            return _negated(Clause(path, "in", self._list()), is_not)
        if self._word("matches"):
            globs = self._list() if self._next() == "[" else (self._value(),)
            return _negated(Clause(path, "matches", globs), is_not)
        if is_not:
            raise self._error("missing in or matches after not", _GRAMMAR)
        self._skip_space()
        for sign in _COMPARISONS:
            if self._take(sign):
                return Clause(path, sign, (self._value(),))
        if self._next() == "=":
            raise self._error("= is not a comparison", "write ==")
        return Clause(path)

    def _path(self) -> Path:
        start = self._skip_space()
        bare = _BARE.match(self.text, start)
        if bare and bare[0] in _WORDS[:-1]:
            raise self._error(f"missing path before {quoted(bare[0])}", _GRAMMAR)
        root = Name(self.name())
        steps = []
        while self._next_is_step():
            steps.append(self.step())
        return Path(text=self.text[start : self.position], root=root.name, steps=tuple(steps))

    def _next_is_step(self) -> bool:
        return not self.at_end() and self.text[self.position] in ".[("

    def _list(self) -> tuple[Literal, ...]:
        self._skip_space()
        if not self._take("["):
            raise self._error("missing list", "write the values in brackets, as in [w, a]")
        values = [self._value()]
        while self._next() == ",":
            self._take(",")
            values.append(self._value())
        if not self._take("]"):
            raise self._error("missing ]", "write the values in brackets, as in [w, a]")
        return tuple(values)

    def _value(self) -> Literal:
        start = self._skip_space()
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        bare = self._match(_BARE)
        word = bare[0] if bare else ""
        if not word or word in _WORDS:
            raise self._error("missing value", _VALUES, start)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word.capitalize() in _CONSTANTS or word == "null":
            right = "None" if word == "null" else word.capitalize()
            raise self._error(
                f"{word} is not a value", f"write {right}, or put the text in quotes", start
            )
        number = _NUMBER.fullmatch(word)
        if number is None:
            return word
        return int(word) if number["whole"] else float(word)

    def _next(self) -> str:
        self._skip_space()
        return self.text[self.position : self.position + 1]

    def _word(self, word: str) -> bool:
        start = self._skip_space()
        bare = _BARE.match(self.text, start)
        if bare is None or bare[0] != word:
            return False
        self.position = bare.end()
        return True


def _negated(condition: Condition, is_not: bool) -> Condition:
    return Not(condition) if is_not else condition


__all__ = ["Clause", "Condition", "PathError", "compile_clause", "parse_condition", "paths_of"]
