"""Write a draft as YAML, with comments at places that a person must check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NOTE = "#"  # the key of a comment in a draft

_PLAIN = re.compile(r"[A-Za-z_][\w.()/-]*(?: [\w.()/-]+)*|\d+(?:\.\d+)?")
_NOT_TEXT = re.compile(r"(?i:true|false|yes|no|on|off|null|y|n)")
_HEAD = """\
# Draft: check each line, in particular those with a comment.
# Check it with: provagent check --import FILE
provagent: 1
"""


@dataclass(slots=True, kw_only=True)
class Draft:
    """An unfinished definition: plain data, with comments under the key ``#``."""

    targets: list[str]
    requires: dict[str, str] = field(default_factory=dict)
    activities: dict[str, dict[str, Any]] = field(default_factory=dict)
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self) -> str:
        """Return the draft as YAML."""
        sections = (
            ("requires", self.requires),
            ("targets", self.targets),
            ("activities", self.activities),
            ("entities", self.entities),
        )
        written = ["\n".join(_lines(key, value, 0)) for key, value in sections if value]
        return _HEAD + "\n" + "\n\n".join(written) + "\n"


def _lines(key: str, value: Any, depth: int) -> Iterator[str]:
    margin = "  " * depth
    if isinstance(value, dict):
        yield from _notes(value, margin)
        yield f"{margin}{scalar(key)}:" + ("" if value.keys() - {NOTE} else " {}")
        for inner, item in value.items():
            if inner != NOTE:
                yield from _lines(inner, item, depth + 1)
    elif isinstance(value, list):
        yield f"{margin}{scalar(key)}:"
        for item in value:
            yield from _item(item, margin + "  ")
    else:
        yield f"{margin}{scalar(key)}: {scalar(value)}"


def _item(item: Any, margin: str) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{margin}- {scalar(item)}"
        return
    yield from _notes(item, margin)
    mark = "- "
    for key, value in item.items():
        if key != NOTE:
            yield f"{margin}{mark}{scalar(key)}: {scalar(value)}"
            mark = "  "


def _notes(value: dict[str, Any], margin: str) -> Iterator[str]:
    for note in value.get(NOTE, ()):
        yield f"{margin}# {note}"


def scalar(text: str) -> str:
    """Return a text as one line of YAML, with quotes if YAML would read another value."""
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escape(one) for one in quoted)


def _escape(character: str) -> str:
    return f"\\U{ord(character):08x}"
