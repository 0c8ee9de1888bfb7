"""A lenient reader for the text of a Python dict, or of a flow mapping of YAML.

``str`` of a dict contains the ``repr`` of its values, whatever it is: ``array([1, 2])``,
``<Quantity 5 TeV>``, text of several lines. Such a value becomes its text. A value with a meaning
in Python or in YAML is parsed. No code is run, no alias is followed, and the time is proportional
to the length of the text.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import Any

MAX_DEPTH = 100

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"""[bBuUrR]{0,2}(?:'(?:[^'\\\n]|\\.|'')*'|"(?:[^"\\\n]|\\.)*")""")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[-+.]{0,2}\w+|~")
_WORDS = {
    "None": None, "null": None, "~": None, "True": True, "true": True, "False": False,
    "false": False, "nan": math.nan, ".nan": math.nan, "inf": math.inf, ".inf": math.inf,
    "-inf": -math.inf, "-.inf": -math.inf,
}  # fmt: skip
_MARKS = re.compile(r"""[,:(){}\[\]<>'"]""")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}


def read_lenient(text: str) -> Any:
    """Return the value of ``text``; raise ValueError if the value is incomplete."""
    reader = _Reader(text)
    value = reader.value("", 0)
    reader.skip_space()
    if reader.at < len(text):
        raise ValueError(f"something follows the value: {text[reader.at : reader.at + 30]!r}")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def value(self, ends: str, depth: int) -> Any:
        """Return the value at this position, up to one of ``ends`` or a comma."""
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        self.skip_space()
        start = self.at
        value = self._plain(depth)
        self.skip_space()
        if value is not _RAW and self._is_at_end(ends):
            return value
        if self.text[start : start + 1] in ("'", '"'):
            raise ValueError(f"a text without an end: {self.text[start : start + 30]!r}")
        self.at = start
        return self._raw(ends)

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _is_at_end(self, ends: str) -> bool:
        following = self.text[self.at : self.at + 1]
        return following in ends if following else not ends

    def _plain(self, depth: int) -> Any:
        """Return the value, or ``_RAW`` if the text has no meaning."""
        first = self.text[self.at : self.at + 1]
        if first in _CLOSERS and first != "<":
            return self._container(first, depth)
        if (match := _STRING.match(self.text, self.at)) is not None:
            self.at = match.end()
            return _string(match[0])
        for pattern, meaning in ((_NUMBER, _number), (_WORD, _word)):
            match = pattern.match(self.text, self.at)
            if match is not None and not self.text[match.end() : match.end() + 1].isalnum():
                self.at = match.end()
                value = meaning(match[0])
                if value is not _RAW:
                    return value
        return _RAW

    def _container(self, opener: str, depth: int) -> Any:
        closer = _CLOSERS[opener]
        self.at += 1
        items: list[Any] = []
        pairs: dict[Any, Any] = {}
        has_comma = False
        while True:
            self.skip_space()
            if self._take(closer):
                return _made(opener, items, pairs, has_comma=has_comma)
            item = self.value(f",:{closer}" if opener == "{" else f",{closer}", depth + 1)
            if opener == "{" and self._take(":"):
                pairs[_key(item)] = self.value(f",{closer}", depth + 1)
            else:
                items.append(item)
            self.skip_space()
            if self._take(","):
                has_comma = True
            elif self.at >= len(self.text):
                raise ValueError(f"no {closer} closes a {opener}")

    def _take(self, char: str) -> bool:
        taken = self.text.startswith(char, self.at)
        self.at += taken
        return taken

    def _raw(self, ends: str) -> str:
        """Return the text up to one of ``ends`` outside of brackets and quotes."""
        start, awaited = self.at, [""]
        while (match := _MARKS.search(self.text, self.at)) is not None:
            char, self.at = match[0], match.end()
            if char == awaited[-1]:
                awaited.pop()
            elif len(awaited) == 1 and char in ends:
                self.at = match.start()
                break
            elif char in "'\"":
                self._pass_string(match.start())
            elif char in _CLOSERS and (char != "<" or self.text[self.at : self.at + 1].isalpha()):
                awaited.append(_CLOSERS[char])
                if len(awaited) > MAX_DEPTH:
                    raise ValueError(f"nested more than {MAX_DEPTH} deep")
        else:
            self.at = len(self.text)
            if ends:
                raise ValueError(f"a value without an end: {self.text[start : start + 30]!r}")
        return self.text[start : self.at].strip()

    def _pass_string(self, start: int) -> None:
        """Skip a text in quotes; a quote inside a word, as in *it's*, starts no text."""
        before = self.text[start - 1 : start]
        if before.isalnum() or before in ("'", '"'):
            return
        match = _STRING.match(self.text, start)
        if match is not None:
            self.at = match.end()


_RAW = object()


def _string(token: str) -> Any:
    if token[0] == "'" and "''" in token[1:-1]:  # YAML's escape, which repr never writes
        return token[1:-1].replace("''", "'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about unknown escapes
            return ast.literal_eval(token)
    except (ValueError, SyntaxError):
        return token.strip("'\"")


def _number(token: str) -> Any:
    try:
        return int(token) if token.lstrip("+-").isdigit() else float(token)
    except ValueError:  # more digits than Python reads
        return _RAW


def _word(token: str) -> Any:
    return _WORDS.get(token, _RAW)


def _key(item: Any) -> Any:
    return item if isinstance(item, str | int | float | bool | None) else str(item)


def _made(opener: str, items: list[Any], pairs: dict[Any, Any], *, has_comma: bool) -> Any:
    if opener == "[":
        return items
    if opener == "(":
        return tuple(items) if has_comma or not items else _RAW
    if items and pairs:
        raise ValueError("a dict with a value without a key, or a set with a key")
    return _set(items) if items else pairs


def _set(items: list[Any]) -> Any:
    try:
        return set(items)
    except TypeError:  # not valid in Python; YAML has such mappings
        return items
