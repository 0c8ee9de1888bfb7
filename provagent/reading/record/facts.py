"""Small facts about the parts of a Provenance: places, errors, sites, code."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any, NamedTuple

from provagent.contract.vocabulary import ITSELF, LESS_THAN_CONTENT

_SHOWN = 100  # maximum number of characters of an error to show
Value = Any  # JSON, as provagent.contract.values encodes it


class RecordLine(NamedTuple):
    """The place of a line: ``line`` counts from 1, ``offset`` is in (unpacked) bytes from 0."""

    file: str
    line: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of a record that could not be read."""

    place: RecordLine | None  # None: the gap concerns the whole record
    what: str

    def __str__(self) -> str:
        if self.place is None:
            return self.what
        return f"{self.place.file}:{self.place.line}: {self.what} (byte {self.place.offset})"


def unusable(event: dict[str, Any], place: RecordLine | None, error: BaseException) -> Gap:
    """Return the gap for an event whose use raised ``error``; other events are used."""
    why = f"{type(error).__name__}: {shown_in_line(str(error))}"
    return Gap(place=place, what=f"{event['event']} is invalid and was skipped ({why})")


def shown_in_line(text: str) -> str:
    """Return the beginning of a text, on one line."""
    return " ".join(text[:_SHOWN].split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """An internal error of the recorder; ``count`` is how often it happened in its process."""

    target: str
    stage: str
    what: str
    time: str | None
    count: int


@dataclass(slots=True, kw_only=True, eq=False)
class SkippedCalls:
    """Calls of one target that were not recorded, inside one activity or process.

    ``seconds`` is the total duration of these calls.
    """

    target: str
    reason: str
    process_id: str = ""
    parent_id: str | None = None
    name: str | None = None
    count: int = 0
    errors: int = 0
    seconds: float = 0.0
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A Python process that was started by ``process_id`` and did not record."""

    process_id: str
    command: list[str]
    reason: str
    time: str | None = None
    parent_id: str | None = None  # the activity that was running at the start
    workers: int | None = None  # number of cluster workers, started by others, that did not record

    def is_seen_as(self, command: list[str]) -> bool:
        """Return whether a process with this command line may be the started process.

        The interpreter of a script comes before the script, and the folder of a program is ignored.
        """
        words = _words(self.command)
        name, rest = words[:1], words[1:]
        start = len(command) - len(words)
        return (
            start >= 0
            and command[start + 1 :] == rest
            and [os.path.basename(word) for word in command[start : start + 1]]
            == [os.path.basename(word) for word in name]
        )


def _words(command: list[str]) -> list[str]:
    if command[:2] != ["sh", "-c"]:
        return command
    try:
        return shlex.split(" ".join(command[2:]))
    except ValueError:
        return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The exception that ended an activity or a process."""

    type: str
    message: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A value in an activity that breaks a constraint of its description.

    ``of`` is ``parameter``, ``used``, ``generated`` or ``members``. ``name`` is the name of the
    parameter or the role, ``key`` the key of the description.
    """

    of: str
    name: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.of} {self.name}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in the code that made a call.

    ``end`` is the end of the call's expression: a line, and a column in bytes of UTF-8, from 0.
    """

    file: str
    line: int
    end: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The part of a content that its digest covers.

    The part consists of ``number`` of ``blocks`` at equal distances, or of the first ``files``.
    ``read`` is the number of bytes read, ``of`` the total, if known. From containers, ``items`` of
    ``of_items`` were read. The content of ``unread`` parts of a state is not in the digest.
    """

    parts: str | None = None
    number: int | None = None
    read: int | None = None
    of: int | None = None
    items: int | None = None
    of_items: int | None = None
    unread: int | None = None

    def __str__(self) -> str:
        texts = []
        if self.parts is not None:
            of = "" if self.of is None else f" of {self.of}"
            texts.append(f"{self.number} {self.parts}, {self.read}{of} bytes")
        if self.items is not None:
            texts.append(f"{self.items} of {self.of_items} items")
        if self.unread is not None:
            texts.append(f"{self.unread} parts not read")
        return "; ".join(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Source lines that ran between two call sites of one frame."""

    file: str
    first_line: int
    last_line: int
    text: str


class CodeLines(NamedTuple):
    """Lines of the user's code; ``cell`` is the number of their notebook cell."""

    file: str
    first: int
    last: int
    cell: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The part of a definition that describes an activity or an entity.

    ``fields`` are the non-empty fields of the class of this kind in ``definition.description``.
    """

    definition: str
    name: str
    fields: dict[str, Any]

    def of(self, group: str, key: str, value: str) -> tuple[int, dict[str, Any]] | None:
        """Return position and fields of the item of ``group`` whose ``key`` is ``value``.

        ``of("usage", "role", "datastore")`` is the description of this usage.
        """
        for position, item in enumerate(self.fields.get(group, ())):
            if item.get(key) == value:
                return position, item
        return None


def outer_command(started_by: Any) -> list[str]:
    """Return the words of ``run -- command`` in ``started_by``; empty without a command."""
    command = started_by.get("command") if isinstance(started_by, dict) else None
    return [str(word) for word in command] if isinstance(command, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file in one state; ``digest`` is ``algorithm:hex`` if the file was read."""

    location: str
    digest: str | None = None


@dataclass(slots=True, kw_only=True)
class CodeRan:
    """Code of the user that ran in a process: a file, or a notebook cell by its number.

    ``digest`` is the digest of the text. The text is masked if it contains secrets. ``not_kept`` is
    the reason if the text is not kept.
    """

    file: str
    digest: str | None = None
    cell: int | None = None
    text: str | None = None
    not_kept: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionUsed:
    """A definition that was active in a process."""

    name: str
    location: str
    digest: str | None = None


def mismatches_in(event: dict[str, Any]) -> list[Mismatch]:
    """Return the mismatches in the event of an activity or of its end."""
    return [
        Mismatch(**{key: item[key] for key in ("of", "name", "key", "what")})
        for item in event.get("mismatches", ())
    ]


class WeakIdentity(NamedTuple):
    """Objects of one class that are not identified by content, but by state, text, hash or less.

    ``identified`` is the kind of identity.
    """

    class_name: str
    identified: str  # state, paths, str, hash or id
    entity_description: str | None = None
    is_part: bool = False  # some parts of their states could not be read


class CountedClasses:
    """The number of entities of each class that are identified by less than content."""

    def __init__(self) -> None:
        self.counts: dict[WeakIdentity, int] = {}

    def add(
        self,
        class_name: str | None,
        identified: str | None,
        entity_description: str | None,
        *,
        is_part: bool,
    ) -> None:
        """Count one entity."""
        if identified is not None and (identified in LESS_THAN_CONTENT or identified == ITSELF):
            one = WeakIdentity(class_name or "?", identified, entity_description, is_part)
            self.counts[one] = self.counts.get(one, 0) + 1


class CountedMismatches:
    """Mismatches of activities: for each parameter or role, and key, the first and the number."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], str] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, name: str | None, *mismatches: Mismatch) -> None:
        """Count the mismatches of an activity, or a session, of this name."""
        name = name or "unknown activity"
        for each in mismatches:
            which = (name, each.of, each.name, each.key)
            self._first.setdefault(which, f"{name}: {each}")
            self._counts[which] = self._counts.get(which, 0) + 1

    def by_text(self) -> dict[str, int]:
        """Return how often each mismatch occurred, by the text of the first one."""
        return {text: self._counts[which] for which, text in self._first.items()}
