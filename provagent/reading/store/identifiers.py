"""Numbers of activities and entities from their identifiers, in the number range of a process.

An identifier of provagent is ``<run>.<process>.<counter>``, and the counter is the number within
the process. In a foreign log, the last part is any text, or the identifier has no parts. The table
``other`` numbers these identifiers, in the upper half of the number range of the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.reading.store.schema import NUMBERS, SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.reading.store.events import Execute

OTHERS = NUMBERS >> 1  # numbers from here on belong to the table ``other``
_DIGITS = 10  # a counter has fewer digits


def split(identifier: str) -> tuple[str, int | None]:
    """Return the process (empty if none) and the counter (None if text) of an identifier."""
    process, _, own = identifier.rpartition(".")
    return process if "." in process else "", counter_of(own)


def counter_of(text: str) -> int | None:
    """Return the last part of an identifier as a counter; None for any other text."""
    is_counter = text.isdecimal() and text.isascii() and len(text) < _DIGITS
    return int(text) if is_counter else None


def number_of(process: int, counter: int) -> int:
    """Return the number of an activity or entity from its counter."""
    return (process << SHIFT) + counter


def number_of_other(process: int, other: int) -> int:
    """Return the number of an activity or entity from its number in ``other``."""
    return (process << SHIFT) + OTHERS + other


def identifier_of(number: int, one: Callable[[str, int], Any]) -> str:
    """Return the identifier of a number; ``one`` returns the value of a SELECT statement."""
    own = number % NUMBERS
    if own >= OTHERS:
        return one("SELECT id FROM other WHERE number = ?", own - OTHERS) or ""
    process = one("SELECT name FROM process WHERE number = ?", number >> SHIFT)
    return f"{process}.{own}" if own else str(process)


def entity_number(execute: Execute, identifier: str) -> int | None:
    """Return the number of an entity by its full identifier, in an index of one run."""
    name, counter = split(identifier)
    if name and counter is not None:
        row = execute("SELECT number FROM process WHERE name = ?", (name,)).fetchone()
        return None if row is None else number_of(row[0], counter)
    row = execute("SELECT number FROM other WHERE id = ?", (identifier,)).fetchone()
    processes = [number for (number,) in execute("SELECT number FROM process")]
    found = [number_of_other(one, row[0]) for one in (*processes, 0) if row is not None]
    return next((one for one in found if execute(_IS_THERE, (one,)).fetchone()), None)


# Also finds an entity whose own event was lost, if other events name the entity.
_IS_THERE = """
SELECT 1 FROM entity WHERE id = ?1
UNION ALL SELECT 1 FROM used WHERE entity = ?1 UNION ALL SELECT 1 FROM generated WHERE entity = ?1
UNION ALL SELECT 1 FROM derived WHERE entity = ?1
UNION ALL SELECT 1 FROM derived WHERE progenitor = ?1
UNION ALL SELECT 1 FROM member WHERE entity = ?1 LIMIT 1"""
