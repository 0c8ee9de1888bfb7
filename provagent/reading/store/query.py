"""The query language of ``find``: conditions on activities, as SQL over the index.

    query     = either ; either = both {"or" both} ; both = one {["and"] one}
    one       = "not" one | "(" query ")" | condition | text
    condition = field operator value
    operator  = "=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "like"

A field that is not in ``FIELDS`` is a parameter. ``parameter.NAME`` always means a parameter, and
``package.NAME`` is the version of an installed package. ``like`` uses ``*`` and ``?`` as wildcards.
Two conditions side by side must both be true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from provagent.contract.errors import QueryError
from provagent.contract.file_names import is_utf8, name_to_text
from provagent.contract.printable import visible
from provagent.reading.store.query_fields import UnfitOperatorError, anywhere, condition
from provagent.reading.store.schema import SHIFT
from provagent.reading.store.sql_conditions import Sql

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<open>\()|(?P<close>\))"""
    r"""|(?P<operator><=|>=|!=|=|<|>)|(?P<word>[^\s()<>=!"']+))"""
)
_WORD_OPERATORS = ("contains", "like")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_query(text: str) -> Sql:
    """Return the condition of a query; raise QueryError, with the place of the error."""
    try:
        return _Parser(text).query()
    except RecursionError:
        raise QueryError("the query has too many parentheses; split it") from None


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens())
        self.position = 0

    def _tokens(self) -> Iterator[_Token]:
        at = 0
        end = len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                is_quote = self.text[at] in "\"'"
                self.fail(at, "missing closing quote" if is_quote else "unexpected character")
            kind = match.lastgroup or ""
            start, found = match.start(kind), match[kind]
            if kind == "word" and found.lower() in (*_WORD_OPERATORS, "and", "or", "not"):
                found = found.lower()
                kind = "operator" if found in _WORD_OPERATORS else found
            yield _Token(kind, found, start)
            at = match.end()

    def fail(self, at: int, what: str) -> NoReturn:
        before = visible(self.text[:at])
        raise QueryError(self.text, f"{' ' * len(before)}^ {what}")

    @property
    def next(self) -> _Token:
        if self.position < len(self.tokens):
            return self.tokens[self.position]
        return _Token("end", "", len(self.text))

    def take(self) -> _Token:
        token = self.next
        self.position += 1
        return token

    def query(self) -> Sql:
        if self.next.kind == "end":
            return Sql("1")
        found = self.either()
        if self.next.kind != "end":
            self.fail(self.next.at, "unexpected )")
        return found

    def either(self) -> Sql:
        found = self.both()
        while self.next.kind == "or":
            self.take()
            found = found | self.both()
        return found

    def both(self) -> Sql:
        found = self.one()
        while self.next.kind not in ("or", "close", "end"):
            if self.next.kind == "and":
                self.take()
            found = found & self.one()
        return found

    def one(self) -> Sql:
        token = self.take()
        if token.kind == "not":
            return ~self.one()
        if token.kind == "open":
            found = self.either()
            if self.next.kind != "close":
                self.fail(token.at, "missing )")
            self.take()
            return found
        if token.kind not in ("word", "text"):
            what = "unexpected end of query" if token.kind == "end" else f"unexpected {token.text}"
            self.fail(token.at, f"{what}; write a field, a text or (")
        if token.kind == "word" and self.next.kind == "operator":
            return self.condition(token)
        return anywhere(_plain(token))

    def condition(self, field: _Token) -> Sql:
        operator = self.take()
        value = self.take()
        if value.kind not in ("word", "text"):
            self.fail(value.at, f"missing value after {field.text} {operator.text}")
        text = _plain(value)
        try:
            return condition(_encodable(field.text), operator.text, text)
        except UnfitOperatorError as error:
            self.fail(operator.at, str(error))
        except ValueError as error:
            self.fail(value.at, str(error))
        except LookupError as error:
            self.fail(field.at, str(error.args[0]))


def _plain(token: _Token) -> str:
    if token.kind == "text":
        return _encodable(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
    return _encodable(token.text)


def _encodable(text: str) -> str:
    """Return a text in the encoding of events for names that are not UTF-8.

    A text that is already in this encoding is not changed.
    """
    return text if is_utf8(text) else name_to_text(text)


# Defines ``a`` and ``p`` of a condition.
SELECT = f"""
SELECT a.id FROM activity AS a CROSS JOIN process AS p ON p.number = a.id >> {SHIFT} WHERE """
