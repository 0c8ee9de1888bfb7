"""Join the files of a run with the results of a job, by content only."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provagent.contract.errors import FetchError
from provagent.contract.vocabulary import FILE
from provagent.identity.algorithms import hash_constructor
from provagent.integrations.opus.fetch import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provagent.identity.algorithms import Hasher
    from provagent.integrations.opus.results import Result
    from provagent.reading.record.model import Entity, Provenance

_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Join:
    """A result, and the entity of the run with the same content.

    ``is_copied``: the result is a copy of this entity, because the run made a file of this name in
    this job.
    """

    result: Result
    entity: Entity
    is_copied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """The joined results, the other results with the reasons, and the run's other files."""

    found: tuple[Join, ...]
    missed: tuple[tuple[Result, str], ...]
    unmatched: tuple[Entity, ...]


def join(
    provenance: Provenance,
    results: Sequence[Result],
    *,
    in_job: bool,
    seconds: float,
    max_bytes: int,
) -> Joins:
    """Find the entities of each result, by its digest.

    ``in_job``: the run was part of the job. If the known digest of a result has an algorithm that
    the run used, this digest is compared. Otherwise the content is read from the file or fetched
    from the server: at most ``max_bytes`` bytes in ``seconds`` for each result.
    """
    contents = _Contents(provenance, seconds, max_bytes)
    found: list[Join] = []
    missed: list[tuple[Result, str]] = []
    for result in _once(results):
        try:
            entities = contents.equal_to(result)
        except (OSError, FetchError) as error:
            missed.append((result, str(error)))
            continue
        if not entities:
            missed.append((result, "no file of the run has this content"))
        for entity in entities:
            is_same = os.path.basename(entity.location or "") == result.file_name
            is_copied = in_job and result.is_made and bool(entity.generated_by) and is_same
            found.append(Join(result=result, entity=entity, is_copied=is_copied))
    joined = {id(each.entity) for each in found}
    others = [
        entity for entity in contents.files if entity.generated_by and id(entity) not in joined
    ]
    return Joins(found=tuple(found), missed=tuple(missed), unmatched=tuple(others))


def _once(results: Iterable[Result]) -> list[Result]:
    """Merge two entries for one file: the list has the digest, the server has the name."""
    once: dict[tuple[str, str | None], Result] = {}
    for result in results:
        key = result.file_name, result.role
        other = once.get(key)
        if other is None:
            once[key] = result
        elif (other.url is None) == (result.url is None):
            once[result.iri, result.role] = result  # two files of one name
        else:
            served, listed = (result, other) if result.url else (other, result)
            once[key] = replace(served, digest=listed.digest, path=listed.path)
    return list(once.values())


class _Contents:
    """The files of a run, by digest."""

    def __init__(self, provenance: Provenance, seconds: float, max_bytes: int) -> None:
        self.seconds, self.max_bytes = seconds, max_bytes
        self.files = [
            entity
            for entity in provenance.entities.values()
            if entity.type == FILE and entity.digest and not entity.sampled
        ]
        self.by_digest: dict[str, list[Entity]] = {}
        for entity in self.files:
            self.by_digest.setdefault(entity.digest or "", []).append(entity)
        self.algorithms = {digest.partition(":")[0] for digest in self.by_digest}
        sizes = [entity.size for entity in self.files]
        self.sizes = None if None in sizes else set(sizes)

    def equal_to(self, result: Result) -> list[Entity]:
        """Return the entities of equal content. Raises OSError and FetchError."""
        if result.digest and result.digest.partition(":")[0] in self.algorithms:
            return self.by_digest.get(result.digest, [])
        hashers = {name: hash_constructor(name)() for name in sorted(self.algorithms)}
        if result.path and os.path.isfile(result.path):
            if not self.may_be(os.path.getsize(result.path)):
                return []
            with open(result.path, "rb") as file:
                while data := file.read(_AT_ONCE):
                    for hasher in hashers.values():
                        hasher.update(data)
        elif result.url:
            if not self.fetched(result.url, list(hashers.values())):
                return []
        else:
            return self.by_own_files(result)
        digests = [f"{name}:{hasher.hexdigest()}" for name, hasher in hashers.items()]
        return [entity for digest in digests for entity in self.by_digest.get(digest, ())]

    def fetched(self, url: str, hashers: list[Hasher]) -> bool:
        """Hash a file on a server. Return False if no file of the run has its size."""
        refused: list[int] = []

        def accept(size: int) -> bool:
            if not self.may_be(size):
                refused.append(size)
            return not refused

        def take(data: bytes) -> None:
            for hasher in hashers:
                hasher.update(data)

        stream(url, take, seconds=self.seconds, max_bytes=self.max_bytes, accept=accept)
        return not refused

    def may_be(self, size: int) -> bool:
        """Return whether a file of the run has this size in bytes."""
        return self.sizes is None or size in self.sizes

    def by_own_files(self, result: Result) -> list[Entity]:
        """Hash the run's own files of that name, if they still exist unchanged."""
        if not result.digest:
            return []
        algorithm = result.digest.partition(":")[0]
        return [
            entity
            for entity in self.files
            if os.path.basename(entity.location or "") == result.file_name
            and _digest(entity.location, algorithm) == result.digest
            and _digest(entity.location, (entity.digest or "").partition(":")[0]) == entity.digest
        ]


def _digest(path: str | None, algorithm: str) -> str | None:
    hasher = hash_constructor(algorithm)()
    try:
        with open(path or "", "rb") as file:
            while data := file.read(_AT_ONCE):
                hasher.update(data)
    except OSError:
        return None  # the file was removed: its content is unknown
    return f"{algorithm}:{hasher.hexdigest()}"
