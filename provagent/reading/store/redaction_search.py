"""The search for secrets in the text of records, including encoded forms."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from provagent.contract.errors import StoreError
from provagent.redaction.secrets import MASK

SHORTEST = 4  # minimum number of characters: shorter texts occur everywhere
_SHORTEST_CORE = 6  # minimum number of characters of base64 that do not match by accident
_IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]")
_IN_HEX = re.compile(r"[0-9A-Fa-f]")
# Replacements for ``***`` where only base64 or hexadecimal digits are allowed.
_MASK_BASE64, _MASK_HEX = base64.b64encode(MASK.encode()).decode(), MASK.encode().hex()
Span = tuple[int, int, str]  # start, end, and the replacement


@dataclass(slots=True, kw_only=True)
class SearchedSecrets:
    """Texts, patterns of text, and names of parameters whose values are secret.

    A text is found as it is, and in the encodings of JSON, Python, HTML, URLs, base64 and
    hexadecimal digits. Raises StoreError for a text or pattern that cannot be searched.
    """

    texts: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    _regexes: list[re.Pattern[str]] = field(init=False, repr=False)
    _cores: list[tuple[re.Pattern[str], re.Pattern[str], str]] = field(init=False, repr=False)
    _raw: re.Pattern[bytes] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        short = [text for text in self.texts if len(text) < SHORTEST]
        if short:
            raise StoreError(
                f"a text of {len(short[0])} characters is too short; "
                f"give {SHORTEST} or more, or the name of a parameter with --parameter"
            )
        self._regexes = []
        for pattern in self.patterns:
            try:
                regex = re.compile(pattern)
            except re.error as error:
                raise StoreError(f"--pattern: not a regular expression: {error}") from None
            if regex.match(""):
                raise StoreError("--pattern: it matches the empty text; write a longer pattern")
            self._regexes.append(regex)
        plain = {form for text in self.texts for form in _forms(text)}
        cores = {core for text in self.texts for core in _base64_cores(text)}
        digits = {text.encode("utf-8", "surrogatepass").hex() for text in self.texts}
        if plain:
            self._regexes.append(re.compile(_any_of(plain)))
        self._cores = [
            (re.compile(_any_of(group), flags), inside, mask)
            for group, flags, inside, mask in (
                (cores, 0, _IN_BASE64, _MASK_BASE64),
                (digits, re.IGNORECASE, _IN_HEX, _MASK_HEX),
            )
            if group
        ]
        self._raw = self._raw_of({*plain, *cores, *digits})

    def _raw_of(self, forms: set[str]) -> re.Pattern[bytes] | None:
        """Return a pattern that is in each line with a match; None if any line may match."""
        if self.patterns or self.parameters or any(not form.isascii() for form in forms):
            return None
        written = {json.dumps(form)[1:-1].encode() for form in forms}
        ends = {json.dumps(text[:SHORTEST])[1:-1].encode() for text in self.texts}
        every = sorted({*written, *ends}, key=len, reverse=True)
        # Escaped characters have many possible forms.
        return re.compile(b"|".join([*map(re.escape, every), rb"\\[u/]"]), re.IGNORECASE)

    def may_be_in(self, line: bytes) -> bool:
        """Return whether a line may contain a match; this test is quick, and most lines fail."""
        if self._raw is not None:
            return self._raw.search(line) is not None
        if self.texts or self.parameters:
            return True
        try:
            texts = _texts_in(orjson.loads(line))
        except orjson.JSONDecodeError:
            return True
        return any(regex.search(text) for text in texts for regex in self._regexes)

    def spans(self, text: str, *, is_cut: bool = False) -> list[Span]:
        """Return the places of matches, in order, each with its replacement.

        ``is_cut``: the text was shortened, so its end may be the beginning of a secret.
        """
        found = [
            (match.start(), match.end(), MASK)
            for regex in self._regexes
            for match in regex.finditer(text)
            if match.start() < match.end() and match[0] != MASK
        ]
        for core, inside, mask in self._cores:
            for match in core.finditer(text):
                start, end = match.span()
                while start and inside.match(text, start - 1):
                    start -= 1
                while end < len(text) and inside.match(text, end):
                    end += 1
                end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip("="))
                found.append((start, end, mask))
        if is_cut:
            found += self._at_the_end(text)
        return list(_apart(sorted(found)))

    def _at_the_end(self, text: str) -> Iterator[Span]:
        """Yield the beginning of a secret at the end of a text that was shortened."""
        for secret in self.texts:
            for length in range(len(secret) - 1, SHORTEST - 1, -1):
                if text.endswith(secret[:length]):
                    yield len(text) - length, len(text), MASK
                    break


def _texts_in(value: Any) -> list[str]:
    """Return all texts of a JSON value, including keys."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            found += one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def _apart(spans: list[Span]) -> Iterator[Span]:
    """Yield spans that do not overlap; overlapping spans are joined."""
    held: Span | None = None
    for start, end, mask in spans:
        if held is None:
            held = start, end, mask
        elif start < held[1]:
            held = held[0], max(end, held[1]), held[2]
        else:
            yield held
            held = start, end, mask
    if held is not None:
        yield held


def _any_of(forms: set[str]) -> str:
    # The longest form first; the hexadecimal digits of escapes may be upper or lower case.
    escaped = (re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return "|".join(
        re.sub(r"%[0-9A-F]{2}", lambda found: f"(?i:{found[0]})", form) for form in escaped
    )


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps(text)[1:-1])[1:-1]
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    yield html.escape(text)
    content = text.encode("utf-8", "surrogatepass")
    yield repr(content)[2:-1]
    for encode in (quote, quote_plus):
        yield encode(content)
        yield encode(content, safe="")
        yield encode(encode(content, safe=""), safe="")


def _base64_cores(text: str) -> Iterator[str]:
    """Yield the fixed part of the base64 of a content that contains ``text``, for three offsets."""
    content = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content).decode()
        rest = (before + len(content)) % 3
        core = encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[rest]]
        if len(core) >= _SHORTEST_CORE:
            yield core
            yield core.replace("+", "-").replace("/", "_")
