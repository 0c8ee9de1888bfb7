"""A line of a shard, byte for byte: its texts, the keys of the texts, and replacements.

JSON is not parsed and written again, because this would change other parts of the line. The code
finds the tokens, and changes only tokens that contain a match. So it also works for damaged lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from provagent.reading.store.redaction_search import SearchedSecrets, Span

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
# Texts under these keys describe the kind of a value, and contain nothing of the value.
_IS_OF_FORM = re.compile(r'"(?:\$type|class|dtype|unit|zone|digest)"\s*:\s*$')
_REDACTED = '{"$type":"redacted"}'
# Keys that connect events or describe their type: their values come from provagent, not from the
# program.
_OWN = frozenset(
    """
    v event run_id process_id parent_process_id activity_id session_id parent_id entity_id
    progenitor_id environment_id parent_run parent_activity digest startTime endTime time status
    mode type how thread pid count seconds size exit_code identified used_id generated_id
    member_id between first_line last_line line number read end cell
    """.split()  # noqa: SIM905 - one word a line would be a page
)
_OF_EVENTS = (
    "used", "generated", "members", "script", "definitions", "between", "site", "code", "callers",
    "inner_site", "opened",
)  # fmt: skip
_OF_PROGRAMS = ("parameters", "configuration")


@dataclass(slots=True)
class Line:
    """A line after redaction; ``fields`` counts the matches, by key. ``kept``: matches that remain.

    ``values`` are texts of the parameters that were given by name.
    """

    text: str
    fields: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    values: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """An open object or list: its key in the enclosing one, and the next position in it."""

    is_object: bool
    key: str = ""
    position: int = 0
    is_key: bool = True
    is_cut: bool = False  # its value is the beginning of a text


def redacted_line(text: str, sought: SearchedSecrets) -> Line:
    """Return the line without the secrets."""
    return _Redacting(text, sought).line()


class _Redacting:
    def __init__(self, text: str, sought: SearchedSecrets) -> None:
        self.sought = sought
        self.text = text
        self.result = Line(text)
        self.parts: list[str] = []
        self.done = 0  # characters of the text that are done
        self.open: list[_Open] = []
        self.value_ends = -1  # depth at which the value to replace began
        self.value_start = 0
        self.name = ""  # of the entity with the current value

    def line(self) -> Line:
        if self.text.lstrip().startswith("{"):
            for token in _TOKEN.finditer(self.text):
                self._take(token)
            if self.value_ends >= 0:  # the line ends inside the value
                self._replace_value(len(self.text))
            self._end()
        if not _is_json(self.text):
            # The whole line is text too: outside of strings, and beside an object.
            is_cut = not self.text.endswith("\n")
            for start, end, mask in self.sought.spans(self.text.rstrip("\r\n"), is_cut=is_cut):
                self._put(start, end, mask, "line")
            self._end()
        return self.result

    def _end(self) -> None:
        self.text = self.result.text = "".join([*self.parts, self.text[self.done :]])
        self.parts, self.done = [], 0

    def _take(self, token: re.Match[str]) -> None:
        word = token[0]
        around = self.open[-1] if self.open else None
        if word in "{[":
            self._begin_value(token.start())
            self.open.append(_Open(is_object=word == "{"))
        elif word in "}]":
            if self.open:
                self.open.pop()
            self._end_value(token.end())
        elif word == ":":
            if around is not None:
                around.is_key = False
        elif word == ",":
            if around is not None:
                around.is_key, around.position = True, around.position + 1
        elif around is not None and around.is_object and around.is_key:
            around.key = _decoded(word)
            self._text(token, self._path() if len(self.open) > 1 else "", is_key=True)
        else:
            self._begin_value(token.start())
            self._text(token, self._path(), is_key=False)
            self._end_value(token.end())

    def _begin_value(self, start: int) -> None:
        if self.value_ends < 0 and self._is_meant():
            self.value_ends, self.value_start = len(self.open), start

    def _end_value(self, end: int) -> None:
        if self.value_ends == len(self.open):
            self._replace_value(end)

    def _replace_value(self, end: int) -> None:
        self.value_ends = -1
        value = self.text[self.value_start : end]
        if value not in (_REDACTED, "null", "true", "false"):
            self._put(self.value_start, end, _REDACTED, self._path())
            self.result.values += _texts(value)

    def _is_meant(self) -> bool:
        """Return whether the value that begins belongs to a parameter that was given by name."""
        names = self.sought.parameters
        if not names or not self.open or not self.open[-1].is_object:
            return False
        keys = [one.key for one in self.open]
        if len(keys) > 1 and keys[0] in _OF_PROGRAMS:
            return keys[-1] in names
        return len(keys) == 1 and keys[0] == "value" and _name_of(self.text) in names

    def _text(self, token: re.Match[str], path: str, *, is_key: bool) -> None:
        if self.value_ends >= 0 or not self.open:
            return  # it is replaced as a whole, or is in no object
        word = token[0]
        if word[0] == '"':
            is_cut = self.open[-1].is_cut or len(word) == 1 or not word.endswith('"')
            spans = self.sought.spans(_decoded(word), is_cut=is_cut)
        else:
            spans = self._number(word)
        if not is_key and self.open[-1].key == "$type" and word == '"cut"':
            self.open[-1].is_cut = True
        if not spans:
            return
        if not is_key and self._is_own():
            self.result.kept += len(spans)
        elif word[0] == '"':
            self._put_in_string(token, spans, path)
        else:
            self._put(token.start(), token.end(), _REDACTED, path)

    def _number(self, word: str) -> list[Span]:
        """Return the place of a number of the program that is, as a whole, a secret."""
        is_programs = self.open and self.open[0].key in (*_OF_PROGRAMS, "value")
        return [(0, len(word), "")] if is_programs and word in self.sought.texts else []

    def _is_own(self) -> bool:
        keys = [one.key for one in self.open]
        of_event = len(keys) == 1 or (keys[0] in _OF_EVENTS and len(keys) <= 3)  # noqa: PLR2004
        return of_event and (keys[-1] in _OWN or keys[0] == "between")

    def _put_in_string(self, token: re.Match[str], spans: list[Span], path: str) -> None:
        """Replace characters, whatever number of bytes each character has in the line."""
        inner = token.start() + 1
        ends = [inner]
        stop = token.end() - (len(token[0]) > 1 and token[0].endswith('"'))
        ends += [unit.end() for unit in _UNIT.finditer(self.text, inner, stop)]
        for start, end, mask in spans:
            self._put(ends[start], ends[min(end, len(ends) - 1)], mask, path)

    def _put(self, start: int, end: int, mask: str, path: str) -> None:
        self.parts += [self.text[self.done : start], mask]
        self.done = end
        shown = path
        for first, last, hidden in reversed(self.sought.spans(path)):
            shown = shown[:first] + hidden + shown[last:]
        self.result.fields[shown] = self.result.fields.get(shown, 0) + 1

    def _path(self) -> str:
        path = ""
        for one in self.open:
            path += f".{one.key}" if one.is_object else f"[{one.position}]"
        return path.lstrip(".")


def _is_json(line: str) -> bool:
    try:
        orjson.loads(line.encode("utf-8", "surrogateescape"))
    except orjson.JSONDecodeError:
        return False
    return True


def _decoded(word: str) -> str:
    """Return the characters of a JSON string, one for each unit, also of an incomplete string."""
    inner = word[1:-1] if len(word) > 1 and word.endswith('"') else word[1:]
    if "\\" not in inner:
        return inner
    return "".join(map(_character, _UNIT.findall(inner)))


def _character(unit: str) -> str:
    if unit[0] != "\\" or len(unit) == 1:
        return unit
    try:
        return str(json.loads(f'"{unit}"'))
    except ValueError:
        return unit[1]


def _texts(value: str) -> Iterator[str]:
    for token in _TOKEN.finditer(value):
        if token[0][0] == '"' and not value[token.end() :].lstrip().startswith(":"):
            text = _decoded(token[0])
            if not _IS_OF_FORM.search(value[: token.start()]):
                yield text


def _name_of(line: str) -> str | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event.get("name") if event.get("event") == "entity" else None
