"""What a person means by a path, a name, a digest or an identifier: entities of the index."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

from provagent.errors import ProvagentError, StoreError
from provagent.identity.algorithms import hash_constructor
from provagent.identity.hashing import hash_whole
from provagent.store.index import Index
from provagent.store.rows import packed, unpacked
from provagent.store.schema import NUMBERS, SHIFT

_SHORTEST = 6  # hexadecimal digits of a digest's beginning
_SUGGESTED = 2000  # names of files among which a likely one is looked for
_OWN = NUMBERS - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The state that is meant, first, and others of the same file, the newest first.

    ``path`` is the file as it lies there, where there is one, and ``is_unchanged`` whether
    it has the recorded content (``None`` where that cannot be told).
    """

    entities: list[int]
    path: str | None = None
    is_unchanged: bool | None = None


def find_entities(index: Index, what: str) -> Found:
    """Return the entities that ``what`` means. Raises StoreError where there is none.

    ``what`` is a path, the last part of one, a digest or its beginning, or an identifier or
    its end. A file that no record knows by its path is looked for by what lies there now.
    """
    by_id = _by_identifier(index, what) or _by_digest(index, what)
    if by_id:
        return Found(entities=by_id)
    path = os.path.abspath(what)
    states = _at(index, "p.path = ?", path) or _at(index, "p.path = ?", what)
    if not states and os.sep not in what:
        states = _at(index, "p.base = ?", what)
    is_there = os.path.isfile(path)
    if states and is_there:
        same = [one for one in states if _has(index, one, path)]
        known = [one for one in states if _digest(index, one) is not None]
        chosen = [*same, *(one for one in states if one not in same)]
        return Found(entities=chosen, path=path, is_unchanged=bool(same) if known else None)
    if states:
        return Found(entities=states)
    if is_there:
        states = _by_content(index, path)
        if states:
            return Found(entities=states, path=path, is_unchanged=True)
    raise StoreError(f"{what}: {_nothing(index, what, is_there=is_there)}")


def _by_identifier(index: Index, what: str) -> list[int]:
    process, _, own = what.rpartition(".")
    if not (own.isdecimal() and process):
        return []
    found = index.execute(
        "SELECT number FROM process WHERE name = ? OR name LIKE ? ESCAPE '!'",
        (process, f"%.{_escaped(process)}"),
    ).fetchall()
    numbers = [(number << SHIFT) + int(own) for (number,) in found]
    return [
        one
        for one in numbers
        if index.execute("SELECT 1 FROM entity WHERE id = ?", (one,)).fetchone()
    ]


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _by_digest(index: Index, what: str) -> list[int]:
    algorithm, colon, text = what.partition(":")
    if not colon or len(text) < _SHORTEST or set(text) - set("0123456789abcdef"):
        return []
    even = text[: len(text) // 2 * 2]
    low = packed(f"{algorithm}:{even}")
    if low is None or low[:1] == b"\0":
        return []
    rows = index.execute(
        f"SELECT e.id, e.digest FROM entity AS e WHERE digest >= ? AND digest < ? {_NEWEST}",
        (low, low + b"\xff" * 64),
    )
    return [number for number, digest in rows if unpacked(digest).startswith(what)]


# The newest first: by what made it, then by its number.
_NEWEST = f"""
ORDER BY (SELECT max(coalesce(a.end, a.start, q.end, q.start)) FROM generated AS g
  LEFT JOIN activity AS a ON a.id = g.activity
  LEFT JOIN process AS q ON q.number = g.activity >> {SHIFT}
  WHERE g.entity = e.id) DESC NULLS LAST, e.id DESC"""


def _at(index: Index, condition: str, value: str) -> list[int]:
    statement = (
        "SELECT e.id FROM place AS p JOIN entity AS e ON e.place = p.number "
        f"WHERE {condition} {_NEWEST}"
    )
    return [number for (number,) in index.execute(statement, (value,))]


def _digest(index: Index, number: int) -> str | None:
    row = index.execute("SELECT digest FROM entity WHERE id = ?", (number,)).fetchone()
    return unpacked(row[0]) if row and row[0] is not None else None


def _has(index: Index, number: int, path: str) -> bool:
    digest = _digest(index, number)
    return digest is not None and has_content(path, digest)


def has_content(path: str, digest: str) -> bool:
    """Whether a file has that digest, or had it before provenance was embedded in it."""
    if digest_of(path, digest.partition(":")[0]) == digest:
        return True
    from provagent.embed.file import embedded
    from provagent.embed.payload import BEFORE

    try:
        payload = embedded(path)
    except ProvagentError:
        return False
    return payload is not None and payload.facts.get(BEFORE) == digest


def _by_content(index: Index, path: str) -> list[int]:
    codes = index.execute(
        "SELECT DISTINCT substr(digest, 1, 1) FROM entity WHERE digest IS NOT NULL"
    )
    for (code,) in codes.fetchall():
        algorithm = unpacked(code).partition(":")[0]
        digest = packed(digest_of(path, algorithm))
        if digest is not None:
            rows = index.execute(
                f"SELECT e.id FROM entity AS e WHERE digest = ? {_NEWEST}", (digest,)
            ).fetchall()
            if rows:
                return [number for (number,) in rows]
    return []


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
        return f"no record knows this file, neither by its path nor by its content{hint}"
    return f"no such file, name, digest or identifier in the records{hint}"
