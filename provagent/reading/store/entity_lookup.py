"""What a person means by a path, a name, a digest or an identifier: entities of the index."""

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

_SHORTEST = 6  # hexadecimal digits of a digest's beginning
_SUGGESTED = 2000  # names of files among which a likely one is looked for
MADE = "coalesce(g.time, a.end, a.start, p.end, p.start)"
NEWEST = 1000  # states among which the newest is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityMatches:
    """The state that is meant, first, and others of the same file, the newest first.

    ``path`` is the file as it lies there, where there is one, and ``is_unchanged`` whether
    it has the recorded content (``None`` where that cannot be told). ``is_copy``: no record knows
    that path, but what has its content; first what was there last before the copy was made.
    """

    entities: list[int]
    path: str | None = None
    is_unchanged: bool | None = None
    is_copy: bool = False


def same_state(index: Index, entities: list[int]) -> list[int]:
    """Return the first of some entities, and those that say of the same state what made it.

    Processes that wrote a file together, as into an open standard output, each record it.
    """
    marks = ",".join("?" * len(entities[:_LOOKED_AT]))
    rows = index.execute(_STATE.format(marks), entities[:_LOOKED_AT]).fetchall()
    states = {number: state for number, *state in rows}
    first = states.get(entities[0]) if entities else None
    return [one for one in entities if one == entities[0] or (first and states.get(one) == first)]


def find_entities(index: Index, what: str, *, most: int | None = None) -> EntityMatches:
    """Return the entities that ``what`` means. Raises StoreError where there is none.

    ``what`` is a path, the last part of one, a digest or its beginning, or an identifier or
    its end. A file that no record knows by its path is looked for by what lies there now.
    ``most``: among how many states, those that were recorded last, the newest are; files of
    one name may have millions.
    """
    # As the shell gives the name of a file; else as answers show one that is not UTF-8.
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
    """Return whether a file has one of its recorded contents; None where that cannot be told.

    A digest of a kind that nothing here computes says neither that it has, nor that it has not.
    """
    if not set(contents).isdisjoint(recorded):
        return True
    kinds = {_algorithm(one) for one in contents}
    is_recorded = bool(recorded) and all(_algorithm(one) in kinds for one in recorded)
    return False if is_recorded else None


def _there_before(index: Index, entities: list[int], path: str) -> list[int]:
    """Put first what was made before a copy was, as far as its times tell.

    A copy keeps the time of writing, or has its own; that of its last change is none before it.
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
    """Return the states of a file, and the column and the value by which they were found."""
    for column, value in (("path", path), ("path", what), ("base", what)):
        states = [] if column == "base" and os.sep in what else _at(index, column, value, most)
        if states:
            break
    return states, column, value


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:  # a NUL in it
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
    """Yield digests from one on, each the first that is not below what follows the last."""
    statement = "SELECT digest FROM entity WHERE digest >= ? ORDER BY digest LIMIT 1"
    while row := index.execute(statement, (low,)).fetchone():
        yield row[0]
        low = following(row[0])


# By what made it, then by its number.
_NEWEST_MADE = f"""
ORDER BY (SELECT max({MADE}) FROM {MADE_BY} WHERE g.entity = e.id) DESC NULLS LAST, e.id DESC"""


def _newest(index: Index, entities: str, values: tuple[Any, ...], most: int | None) -> list[int]:
    """Return those of some entities that were made, then the others, the newest first."""
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
    """Return the entities of a content; ``column``: of those places where it is ``value``."""
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
    """Return the digests that a file has now, of each kind that is recorded, and had before."""
    algorithms = [_algorithm(one) for one in _distinct(index, b"", _next_kind)]
    digests = [digest_of(path, algorithm) for algorithm in algorithms] + [_before(path)]
    return [digest for digest in map(packed, digests) if digest is not None]


def _next_kind(digest: bytes) -> bytes:
    """Return what follows all digests of one kind; those that have no code are packed as text."""
    if digest[:1] == b"\0":
        return digest.partition(b":")[0] + b";"
    return bytes([digest[0] + 1])


def _algorithm(digest: bytes) -> str:
    return unpacked(digest).partition(":")[0]


def has_content(path: str, digest: str) -> bool:
    """Whether a file has that digest, or had it before provenance was embedded in it."""
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
    """Return the digest of a file as it is now; None where that cannot be had."""
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
