"""The grammar of the path language: it splits a text into a root name and steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from provagent.contract.printable import quoted

Literal: TypeAlias = int | float | str | bool | None


class PathError(ValueError):
    """A text is not a path. ``position`` counts characters from 0."""

    def __init__(self, text: str, position: int, what: str, remedy: str) -> None:
        super().__init__(f"{text[:80]!r}, character {position + 1}: {what}; {remedy}")
        self.text = text
        self.position = position
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Name:
    """The step ``.name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """The step ``[key]``."""

    key: Literal


@dataclass(frozen=True, slots=True)
class Call:
    """The step ``(arguments, keyword=argument)``."""

    arguments: tuple[Literal, ...] = ()
    keywords: tuple[tuple[str, Literal], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """The step ``.__str__()`` of old definitions: the value as text."""


@dataclass(frozen=True, slots=True)
class Held:
    """The step ``.name?``: the value stored in the object itself.

    Without one, the path ends in None.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Each:
    """The step ``[*]``: the rest of the path on every item."""


Step: TypeAlias = Name | Item | Call | Text | Held | Each


def read_path(text: str) -> tuple[Name | Held, tuple[Step, ...]]:
    """Return the root and the steps of a path. Raise PathError if ``text`` is not a path."""
    reader = PathReader(text)
    return reader.named(), reader.rest()


def read_path_on_value(text: str) -> tuple[Step, ...]:
    """Return the steps of a path on a value, which may begin with ``[*]``. Raise PathError."""
    reader = PathReader(text)
    first = reader.step() if text.startswith("[*]") else reader.named()
    return (first, *reader.rest())


_LONGEST = 1000
_SPACE = re.compile(r"[ \t]*")
_NAME = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_WORD = re.compile(r"(?:True|False|None)(?![\w-])")
_NUMBER = re.compile(r"-?(?:(?P<whole>[0-9]+)(?![0-9.eE])|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)")
_STRING = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_WORDS = {"True": True, "False": False, "None": None}
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}

# The same grammar for JSON Schema and for editors that use it, as far as one expression can
# describe it.
_A_NAME = r"[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*(?:-[\w\u0080-\uffff]+)*"
_A_LITERAL = (
    r"(?:True|False|None|-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    r"""|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
)
_AN_ARGUMENT = rf"[ \t]*(?:{_A_NAME}[ \t]*=[ \t]*)?{_A_LITERAL}[ \t]*"
_A_STEP = (
    rf"\.__str__\(\)|\.(?!__\w+__(?!\w)){_A_NAME}\??|\[\*\]|\[[ \t]*{_A_LITERAL}[ \t]*\]"
    rf"|\([ \t]*\)|\({_AN_ARGUMENT}(?:,{_AN_ARGUMENT})*\)"
)
PATTERN = rf"^(?!__\w+__(?!\w)){_A_NAME}\??(?:{_A_STEP})*$|^$"
PATTERN_ON_VALUE = rf"^(?:\[\*\]|(?!__\w+__(?!\w)){_A_NAME}\??)(?:{_A_STEP})*$|^$"

# These names lead to any code without a dunder name.
_FRAMES = ("gi_frame", "cr_frame", "ag_frame", "tb_frame", "f_back", "f_builtins", "f_globals")
_INTERPRETER = frozenset(("builtins", "eval", "exec", "f_locals", *_FRAMES))

_GRAMMAR = (
    "write a name followed by .name, [literal], [*] or (literal, keyword=literal); a path cannot "
    "calculate"
)
_PLAIN_NAMES = "write the name of an attribute or item that holds data"
_LITERALS = "write a number, a text in quotes, True, False or None"


class PathReader:
    """Reads one text from left to right. ``definition.condition`` continues after a path."""

    kind = "path"

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            what = f"the {self.kind} is longer than {_LONGEST} characters"
            raise PathError(text, _LONGEST, what, "shorten it")
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        return self.position == len(self.text)

    def rest(self) -> tuple[Step, ...]:
        steps = []
        while not self.at_end():
            steps.append(self.step())
        return tuple(steps)

    def step(self) -> Step:
        if self._take("."):
            if self._take("__str__()"):
                return Text()
            return self.named()
        if self._take("[*]"):
            return Each()
        if self._take("["):
            key = self._key()
            self._expect("]")
            return Item(key)
        if self._take("("):
            return self._call()
        raise self._error(self.unexpected(), _GRAMMAR)

    def named(self) -> Name | Held:
        name = self.name()
        return Held(name) if self._take("?") else Name(name)

    def name(self) -> str:
        start = self.position
        match = self._match(_NAME)
        if match is None:
            raise self._error("missing name", _GRAMMAR)
        name = match[0]
        # A hyphen is also tried as an underscore. So a hyphen must not hide a dunder name either.
        if _is_special(name.replace("-", "_")):
            raise self._error(f"special names such as {name} are not allowed", _PLAIN_NAMES, start)
        if name in _INTERPRETER:
            raise self._error(f"the name {quoted(name)} is not allowed", _PLAIN_NAMES, start)
        return name

    def _key(self) -> Literal:
        start = self._skip_space()
        key = self._literal()
        if isinstance(key, str) and _is_special(key):
            raise self._error(f"special names such as {key} are not allowed", _PLAIN_NAMES, start)
        self._skip_space()
        return key

    def _call(self) -> Call:
        arguments: list[Literal] = []
        keywords: dict[str, Literal] = {}
        self._skip_space()
        if self._take(")"):
            return Call()
        while True:
            self._argument(arguments, keywords)
            if not self._take(","):
                break
        self._expect(")")
        return Call(tuple(arguments), tuple(keywords.items()))

    def _argument(self, arguments: list[Literal], keywords: dict[str, Literal]) -> None:
        start = self._skip_space()
        keyword = self._keyword()
        value = self._literal()
        if keyword is None and keywords:
            raise self._error(
                "a positional argument follows a keyword argument",
                "write positional arguments first",
                start,
            )
        if keyword is None:
            arguments.append(value)
        elif keyword in keywords:
            raise self._error(f"duplicate keyword {quoted(keyword)}", "remove one of them", start)
        else:
            keywords[keyword] = value
        self._skip_space()

    def _keyword(self) -> str | None:
        start = self.position
        if _WORD.match(self.text, start) or not _NAME.match(self.text, start):
            return None
        name = self.name()
        if "-" in name:
            what = f"the keyword {quoted(name)} contains a hyphen"
            raise self._error(what, "write _ for -", start)
        self._skip_space()
        if not self._take("="):
            raise self._error(f"the argument {quoted(name)} is not a literal", _LITERALS, start)
        self._skip_space()
        return name

    def _literal(self) -> Literal:
        if word := self._match(_WORD):
            return _WORDS[word[0]]
        if number := self._match(_NUMBER):
            return int(number[0]) if number["whole"] else float(number[0])
        quoted = self._quoted()
        if quoted is None:
            if self.text[self.position : self.position + 1] in ("'", '"'):
                raise self._error("a quote is not closed", "close it")
            raise self._error("missing literal", _LITERALS)
        return quoted

    def _quoted(self) -> str | None:
        string = self._match(_STRING)
        return None if string is None else self._unescape(string)

    def _unescape(self, string: re.Match[str]) -> str:
        inner = string[1] if string[1] is not None else string[2]
        for escape in _ESCAPE.finditer(inner):
            if escape[1] not in _ESCAPES:
                place = string.start() + 1 + escape.start()
                raise self._error(
                    f"unknown escape {escape[0]}", "write two backslashes for one", place
                )
        return _ESCAPE.sub(lambda escape: _ESCAPES[escape[1]], inner)

    def unexpected(self) -> str:
        """Return the problem of the rest of the text, after the place where the text should end."""
        rest = self.text[self.position :].lstrip()
        return f"unexpected {quoted(rest[0])}" if rest else "unexpected blank at the end"

    def _skip_space(self) -> int:
        self._match(_SPACE)
        return self.position

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._error(f"missing {token}", _GRAMMAR)

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token, self.position)
        self.position += len(token) if found else 0
        return found

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
        return match

    def _error(self, what: str, remedy: str, position: int | None = None) -> PathError:
        return PathError(self.text, self.position if position is None else position, what, remedy)


# Special names begin and end with __. A name such as __events_hdu is an ordinary private attribute.
def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
