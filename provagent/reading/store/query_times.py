"""Times and durations in the notation that people use."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from provagent.reading.store.encoding import microseconds

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w|second|minute|hour|day|week)s?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration(text: str) -> timedelta:
    """Return the duration of a text such as ``30d`` or ``12 hours``; raise ValueError otherwise."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write 30d, 12h or '2 weeks'")
    try:
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2][0]])
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def moment(value: str) -> tuple[int, int]:
    """Return the first microsecond of a time, and the first one after it (after its day or minute).

    Examples: ``2026-11-25``, ``2026-11-25T10:30``, ``today``, ``yesterday``, ``3 days ago``,
    ``3d``. Times without a zone are UTC. Raises ValueError for any other text.
    """
    now = datetime.now(UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if value in ("today", "yesterday"):
        begin = day - timedelta(days=value == "yesterday")
        return _span(begin, timedelta(days=1))
    if _DURATION.fullmatch(ago := value.strip().lower().removesuffix("ago").strip()):
        try:
            begin = now - duration(ago)
        except (OverflowError, ValueError):
            raise ValueError(f"{value!r} is too early") from None
        return _span(begin, timedelta(microseconds=1))
    try:
        begin = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is not a time; write 2026-11-25, 2026-11-25T10:30, today or '3 days ago'"
        ) from None
    begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    length = {10: timedelta(days=1), 16: timedelta(minutes=1), 19: timedelta(seconds=1)}
    return _span(begin, length.get(len(value), timedelta(microseconds=1)))


def _span(begin: datetime, length: timedelta) -> tuple[int, int]:
    first = microseconds(begin.isoformat()) or 0
    return first, first + length // timedelta(microseconds=1)
