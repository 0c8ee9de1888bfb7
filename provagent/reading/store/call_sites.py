"""Call sites in the index: the chain of the user's sites of a call, as one text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from provagent.reading.flow import Position


def chain_of(site: dict[str, Any], callers: Iterable[dict[str, Any]]) -> str | None:
    """Return the sites of a call from events, innermost first; None if a site is malformed."""
    positions = [_position(one) for one in (site, *callers)]
    if any(type(file) is not str or type(line) is not int for file, line, _ in positions):
        return None
    return orjson.dumps(positions).decode()


def positions_of(chain: str) -> tuple[Position, ...]:
    """Return the positions in a text that ``chain_of`` wrote."""
    return tuple((file, line, column) for file, line, column in orjson.loads(chain))


def _position(site: dict[str, Any]) -> Position:
    """Return the position of a site; an older record contains only the line."""
    match site.get("end"):
        case [int(line), int(column)]:
            return site["file"], line, column
    return site["file"], site["line"], None
