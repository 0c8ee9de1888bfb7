"""Numbers of things from their identifiers: each is in the range of its process.

An identifier of ours is ``<run>.<process>.<counter>``, and the counter is the thing's own number
there. In a log that others wrote the last part is any text, or there are no parts: the table
``other`` counts these, and they are in the upper half of the range of the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.reading.store.schema import NUMBERS, SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.reading.store.events import Execute

OTHERS = NUMBERS >> 1  # own numbers from here on are those of ``other``
_DIGITS = 10  # a counter of fewer is below


def split(identifier: str) -> tuple[str, int | None]:
    """Return the process in an identifier, empty for none, and the counter, None for a text."""
    process, _, own = identifier.rpartition(".")
    return process if "." in process else "", counter_of(own)


def counter_of(text: str) -> int | None:
    """Return the last part of an identifier as a counter; None for any other text."""
    is_counter = text.isdecimal() and text.isascii() and len(text) < _DIGITS
    return int(text) if is_counter else None


def number_of(process: int, counter: int) -> int:
    """Return the number of a thing by its counter."""
    return (process << SHIFT) + counter


def number_of_other(process: int, other: int) -> int:
    """Return the number of a thing by its number in ``other``."""
    return (process << SHIFT) + OTHERS + other


def identifier_of(number: int, one: Callable[[str, int], Any]) -> str:
    """Return the identifier of a thing; ``one`` returns the value that a statement selects."""
    own = number % NUMBERS
    if own >= OTHERS:
        return one("SELECT id FROM other WHERE number = ?", own - OTHERS) or ""
    process = one("SELECT name FROM process WHERE number = ?", number >> SHIFT)
    return f"{process}.{own}" if own else str(process)


def entity_number(execute: Execute, identifier: str) -> int | None:
    """Return the number of an entity by its whole identifier, in an index of a single run."""
    name, counter = split(identifier)
    if name and counter is not None:
        row = execute("SELECT number FROM process WHERE name = ?", (name,)).fetchone()
        return None if row is None else number_of(row[0], counter)
    row = execute("SELECT number FROM other WHERE id = ?", (identifier,)).fetchone()
    processes = [number for (number,) in execute("SELECT number FROM process")]
    found = [number_of_other(one, row[0]) for one in (*processes, 0) if row is not None]
    return next((one for one in found if execute(_IS_THERE, (one,)).fetchone()), None)


# Also where its own event was lost, and only others name it.
_IS_THERE = """
SELECT 1 FROM entity WHERE id = ?1
UNION ALL SELECT 1 FROM used WHERE entity = ?1 UNION ALL SELECT 1 FROM generated WHERE entity = ?1
UNION ALL SELECT 1 FROM derived WHERE entity = ?1
UNION ALL SELECT 1 FROM derived WHERE progenitor = ?1
UNION ALL SELECT 1 FROM member WHERE entity = ?1 LIMIT 1"""
