"""Finding entities of the index by a path, a name, a digest or an identifier."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from provagent.contract.errors import ProvagentError, StoreError
from provagent.contract.file_names import name_to_text, text_to_name
from provagent.contract.printable import as_recorded
from provagent.identity.algorithms import hash_constructor
from provagent.identity.hashing import hash_whole
from provagent.reading.store.encoding import packed, unpacked
from provagent.reading.store.equal_content import MADE_BY, TICK
from provagent.reading.store.identifiers import counter_of, number_of, number_of_other
from provagent.reading.store.index import Index
from provagent.reading.store.name_prefixes import ending
from provagent.reading.store.schema import END

_SHORTEST = 6  # minimum number of hexadecimal digits of an abbreviated digest
_SUGGESTED = 2000  # maximum number of file names among which a similar name is searched
MADE = "coalesce(g.time, a.end, a.start, p.end, p.start)"
NEWEST = 1000  # maximum number of states among which the newest state is searched


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityMatches:
    """The state that matches best, first, and other states of the same file, newest first.

    ``path`` is the file on disk, if it exists. ``is_unchanged``: whether this file has the recorded
    content (``None`` if unknown). ``is_copy``: no record contains this path, but a recorded file
    has the same content. The first entity is then the last one made before the copy.
    """

    entities: list[int]
    path: str | None = None
    is_unchanged: bool | None = None
    is_copy: bool = False


def same_state(index: Index, entities: list[int]) -> list[int]:
    """Return the first entity, and entities that record the same state with another origin.

    If several processes wrote a file together, such as an open standard output, each process
    records the file.
    """
    marks = ",".join("?" * len(entities[:_LOOKED_AT]))
    rows = index.execute(_STATE.format(marks), entities[:_LOOKED_AT]).fetchall()
    states = {number: state for number, *state in rows}
    first = states.get(entities[0]) if entities else None
    return [one for one in entities if one == entities[0] or (first and states.get(one) == first)]


def find_entities(index: Index, what: str, *, most: int | None = None) -> EntityMatches:
    """Return the entities that ``what`` means; raise StoreError if there are none.

    ``what`` is a path or the last part of a path, a digest or its first characters, or an
    identifier or its last characters. A file whose path is in no record is searched by its current
    content. ``most`` is the number of states, recorded last, among which the newest are searched;
    files of one name may have millions of states.
    """
    # As the shell passes a file name; else as results show a file name that is not UTF-8.
    for name in dict.fromkeys((what, text_to_name(what))):
        what, path = name_to_text(name), os.path.abspath(name)
        by_id = _by_identifier(index, what) or _by_digest(index, what, most)
        if by_id:
            return EntityMatches(entities=by_id)
        states, column, value = _states(index, what, name_to_text(path), most)
        if states or _is_file(path):
            break
    if not _is_file(path):
        if states:
            return EntityMatches(entities=states)
        raise StoreError(f"{what}: {_nothing(index, what, is_there=False)}")
    contents = _contents_of(index, path)
    if not states:
        found = [one for each in contents for one in _with_content(index, each, most)]
        if found:
            found = _there_before(index, found, path)
            return EntityMatches(
                entities=found, path=name_to_text(path), is_unchanged=True, is_copy=True
            )
        raise StoreError(f"{what}: {_nothing(index, what, is_there=True)}")
    digests = {one: _digest(index, one) for one in states}
    same = [one for one in states if digests[one] in contents]
    if not same and len(states) == most:
        same = [one for each in contents for one in _with_content(index, each, most, column, value)]
    chosen = [*same, *(one for one in states if one not in same)]
    is_unchanged = _is_unchanged([one for one in digests.values() if one], contents)
    return EntityMatches(entities=chosen, path=name_to_text(path), is_unchanged=is_unchanged)


def _is_unchanged(recorded: list[bytes], contents: list[bytes]) -> bool | None:
    """Return whether a file has one of its recorded contents; None if unknown.

    If the algorithm of a digest is not available here, the digest proves nothing.
    """
    if not set(contents).isdisjoint(recorded):
        return True
    kinds = {_algorithm(one) for one in contents}
    is_recorded = bool(recorded) and all(_algorithm(one) in kinds for one in recorded)
    return False if is_recorded else None


def _there_before(index: Index, entities: list[int], path: str) -> list[int]:
    """Put entities first that were made before a copy was, by the times of the copy.

    A copy keeps the time of writing, or has its own time. The time of its last status change is
    never earlier than the copy.
    """
    status = os.stat(path)
    some = entities[:_LOOKED_AT]
    marks = ",".join("?" * len(some))
    made = dict(index.execute(f"{_MADE} WHERE g.entity IN ({marks}) GROUP BY g.entity", some))
    for limit in sorted((status.st_mtime_ns // 1000, status.st_ctime_ns // 1000)):
        before = [one for one in some if made.get(one) is not None and made[one] <= limit + TICK]
        if before:
            return [*before, *(one for one in entities if one not in set(before))]
    return entities


_LOOKED_AT = 900
_STATE = """
SELECT e.id, e.place, e.digest, coalesce(e.changed, max(g.time)) FROM entity AS e
JOIN generated AS g ON g.entity = e.id WHERE e.id IN ({})
AND e.place IS NOT NULL AND e.digest IS NOT NULL AND g.time IS NOT NULL GROUP BY e.id"""
_MADE = f"SELECT g.entity, max({MADE}) FROM {MADE_BY}"


def _states(index: Index, what: str, path: str, most: int | None) -> tuple[list[int], str, str]:
    """Return the states of a file, and the column and the value that found them."""
    for column, value in (("path", path), ("path", what), ("base", what)):
        states = [] if column == "base" and os.sep in what else _at(index, column, value, most)
        if states:
            break
    return states, column, value


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:  # the name contains a NUL
        return False


def _by_identifier(index: Index, what: str) -> list[int]:
    process, _, own = what.rpartition(".")
    counter = counter_of(own)
    if not process or (counter is None and len(process) < END):
        return []
    found = []
    for number, name in ending(index, "process", "name", process):
        if name != process and not name.endswith(f".{process}"):
            continue
        if counter is not None:
            found.append(number_of(number, counter))
            continue
        others = index.execute("SELECT number FROM other WHERE id = ?", (f"{name}.{own}",))
        found += [number_of_other(number, other) for (other,) in others]
    is_there = "SELECT 1 FROM entity WHERE id = ?"
    return [number for number in found if index.execute(is_there, (number,)).fetchone()]


def _by_digest(index: Index, what: str, most: int | None) -> list[int]:
    algorithm, colon, text = what.partition(":")
    if not colon or len(text) < _SHORTEST or set(text) - set("0123456789abcdef"):
        return []
    even = text[: len(text) // 2 * 2]
    low = packed(f"{algorithm}:{even}")
    if low is None or low[:1] == b"\0":
        return []
    contents = _distinct(index, low, lambda digest: digest + b"\0")
    return [
        one
        for content in itertools.takewhile(lambda digest: digest.startswith(low), contents)
        if unpacked(content).startswith(what)
        for one in _with_content(index, content, most)
    ]


def _distinct(index: Index, low: bytes, following: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Yield distinct digests in order, from ``low`` on.

    The next digest is the first one that is not below ``following(last)``.
    """
    statement = "SELECT digest FROM entity WHERE digest >= ? ORDER BY digest LIMIT 1"
    while row := index.execute(statement, (low,)).fetchone():
        yield row[0]
        low = following(row[0])


# Ordered by the time when the entity was made, then by number.
_NEWEST_MADE = f"""
ORDER BY (SELECT max({MADE}) FROM {MADE_BY} WHERE g.entity = e.id) DESC NULLS LAST, e.id DESC"""


def _newest(index: Index, entities: str, values: tuple[Any, ...], most: int | None) -> list[int]:
    """Return entities that were made, then the other entities, newest first."""
    found: list[int] = []
    for is_made, order in ((1, _NEWEST_MADE), (0, "")):
        last = f"SELECT o.id {entities} AND o.is_made = {is_made} ORDER BY o.id DESC LIMIT ?"
        rows = index.execute(
            f"SELECT e.id FROM ({last}) AS e {order}", (*values, -1 if most is None else most)
        )
        found += (number for (number,) in rows)
    return found[:most]


def _at(index: Index, column: str, value: str, most: int | None) -> list[int]:
    entities = (
        f"FROM entity AS o WHERE o.place IN (SELECT number FROM place WHERE {column} = ? "
        "ORDER BY number DESC LIMIT ?)"
    )
    return _newest(index, entities, (as_recorded(value), -1 if most is None else most), most)


def _with_content(
    index: Index, digest: bytes, most: int | None, column: str = "", value: str = ""
) -> list[int]:
    """Return entities of a content; ``column``: only at places where it has ``value``."""
    if not column:
        return _newest(index, "FROM entity AS o WHERE o.digest = ?", (digest,), most)
    entities = (
        "FROM entity AS o WHERE o.digest = ? "
        f"AND o.place IN (SELECT number FROM place WHERE {column} = ?)"
    )
    return _newest(index, entities, (digest, value), most)


def _digest(index: Index, number: int) -> bytes | None:
    row = index.execute("SELECT digest FROM entity WHERE id = ?", (number,)).fetchone()
    return row[0] if row else None


def _contents_of(index: Index, path: str) -> list[bytes]:
    """Return the digests of a file now, with each recorded algorithm, and before embedding."""
    algorithms = [_algorithm(one) for one in _distinct(index, b"", _next_kind)]
    digests = [digest_of(path, algorithm) for algorithm in algorithms] + [_before(path)]
    return [digest for digest in map(packed, digests) if digest is not None]


def _next_kind(digest: bytes) -> bytes:
    """Return the bytes after all digests of one algorithm; unknown algorithms are text."""
    if digest[:1] == b"\0":
        return digest.partition(b":")[0] + b";"
    return bytes([digest[0] + 1])


def _algorithm(digest: bytes) -> str:
    return unpacked(digest).partition(":")[0]


def has_content(path: str, digest: str) -> bool:
    """Return whether a file has a digest, or had it before provenance was embedded in it."""
    return digest_of(path, digest.partition(":")[0]) == digest or _before(path) == digest


def _before(path: str) -> str | None:
    """Return the digest that a file had before provenance was embedded in it."""
    from provagent.integrations.embed.file import embedded
    from provagent.integrations.embed.payload import BEFORE

    try:
        payload = embedded(path)
    except ProvagentError:
        return None
    before = payload.facts.get(BEFORE) if payload is not None else None
    return before if isinstance(before, str) else None


def digest_of(path: str, algorithm: str) -> str | None:
    """Return the current digest of a file; None if it cannot be computed."""
    try:
        new = hash_constructor(algorithm)
        with io.FileIO(path) as file:
            hasher = hash_whole(file.fileno(), os.fstat(file.fileno()).st_size, new, 0)
    except (OSError, ValueError):
        return None
    return None if hasher is None else f"{algorithm}:{hasher.hexdigest()}"


def _nothing(index: Index, what: str, *, is_there: bool) -> str:
    import difflib

    base = os.path.basename(what.rstrip("/"))
    names = [
        name
        for (name,) in index.execute("SELECT DISTINCT base FROM place LIMIT ?", (_SUGGESTED,))
        if name
    ]
    close = difflib.get_close_matches(base, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if is_there:
        return f"this file is in no record, neither by path nor by content{hint}"
    return f"no record contains such a file, name, digest or identifier{hint}"
