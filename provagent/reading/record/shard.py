"""Reading events from a shard, or from a log that contains provenance lines.

A damaged part of a file does not stop the reading of the rest: each unreadable part is a gap, with
its place.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import orjson

from provagent.contract.errors import RecordError
from provagent.contract.store_files import UnsafeFileError, is_real_folder, read_file
from provagent.contract.values.clean import MAX_DEPTH, clean, is_deep, may_be_deep
from provagent.contract.vocabulary import LOG_FORMAT
from provagent.reading.record.compression import PACKED, UnpackError, bounded, unpacked
from provagent.reading.record.event_shapes import SHAPES, mend
from provagent.reading.record.facts import Gap, RecordLine
from provagent.reading.record.prov_lines import (
    MAX_FACTS,
    PREFIXES,
    DialectError,
    begins_fact,
    events_of_line,
)
from provagent.reading.record.zstd_frames import frame_of, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

Event: TypeAlias = dict[str, Any]

SHARD_MARK = ".jsonl"  # in the name of a shard, before .gz, .zst and rotation numbers

_EVENT_BEGINS = re.compile(rb'\{"(?:v|event)":')
_BLOCK = 1 << 20
_SHOWN = 60  # maximum number of characters of a line to show in a gap
MAX_LINE = 1 << 24  # maximum bytes of an event; the limit of a fact in a log is MAX_FACTS
MAX_SKIPPED = 1 << 28  # maximum bytes to search for the end of a line that is too long
MAX_BAD = 10_000  # maximum number of bad lines in a shard that has fewer events than bad lines
_MAX_LINES = 10_000  # maximum number of lines of one fact


def read_events(
    path: str, gaps: list[Gap], *, start: int = 0, is_growing: bool = False
) -> Iterator[tuple[Event, RecordLine]]:
    """Yield each event of a file with its place; unreadable parts are added to ``gaps``.

    The file may be a shard, or a log with ``_PROV_`` lines among other lines. It may be packed by
    gzip (``.gz``) or zstd (``.zst``), end at any byte, or still grow. In a log, foreign lines are
    no gaps. Reading begins at the (unpacked) byte ``start``, which must be the start of a line.
    With ``is_growing``, an incomplete last line is not read, and remains for the next time. Raises
    RecordError if the file cannot be opened.
    """
    reader = _Reader(path, gaps)
    new_place = partial(tuple.__new__, RecordLine)  # a third of the time of RecordLine(...)
    number, offset = 0, start
    for line in reader.lines(start):
        if is_growing and line[-1:] != b"\n":
            return
        number += 1
        place = new_place((path, number, offset))
        offset += len(line)
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            bad = reader.bad
            reader.bad += 1
            for event in reader.rescued(line, place):
                yield event, place
                reader.bad = bad
            number += reader.more_lines
            offset += reader.more_bytes
            reader.more_lines = reader.more_bytes = 0
            if reader.is_hopeless(number):
                return
            continue
        if may_be_deep(line) and is_deep(event):
            reader.gap(place, f"more than {MAX_DEPTH} levels; deeper levels were skipped")
            event = clean(event)
        if reader.accepts(event, place):
            yield event, place
            continue
        reader.bad += 1
        if reader.is_hopeless(number):
            return


class _Reader:
    def __init__(self, path: str, gaps: list[Gap]) -> None:
        self.path = path
        self.gaps = gaps
        self.is_shard = is_shard(path)
        self.reported_once: set[object] = set()
        self.more_lines = self.more_bytes = 0  # of the last line, in addition to the yielded bytes
        self.bad = 0  # lines that are no events

    def lines(self, start: int) -> Iterator[bytes]:
        try:
            file = opened(self.path)
        except UnsafeFileError as error:
            raise RecordError(str(error)) from error
        except (OSError, ValueError) as error:  # ValueError: the path contains a NUL
            what = getattr(error, "strerror", None) or error
            raise RecordError(f"{self.path}: cannot be read: {what}") from error
        with file:
            try:
                if start:
                    file.seek(start)
                lines = self.bounded(file, start)
                yield from lines if self.is_shard else self.joined(lines)
                if self.path.endswith(PACKED) and not is_whole(self.path):
                    self.gap(None, f"{self.path}: the rest is missing: the file is truncated")
            except UnpackError as error:
                self.gap(None, f"{self.path}: the rest cannot be decompressed: {error}")
            except OSError as error:
                what = error.strerror or error
                self.gap(None, f"{self.path}: the rest cannot be read: {what}")

    def bounded(self, file: BinaryIO, offset: int) -> Iterator[bytes]:
        """Yield the lines of a file; for a line that is too long, only its end."""
        limit = MAX_LINE if self.is_shard else MAX_FACTS
        read = partial(file.readline, limit)
        for number, line in enumerate(iter(read, b""), 1):
            if len(line) < limit or line.endswith(b"\n"):
                offset += len(line)
                yield line
                continue
            size, rest = limit, line
            while rest and not rest.endswith(b"\n") and size < MAX_SKIPPED:
                rest = read()
                size += len(rest)
            if size >= MAX_SKIPPED and not rest.endswith(b"\n"):
                what = f"a line of {size} bytes or more has no end; the rest was skipped"
                self.gap(RecordLine(self.path, number, offset), what)
                return
            if self.is_shard or _is_marked(line):
                what = f"a line of {size} bytes is longer than {limit} and was skipped"
                self.gap(RecordLine(self.path, number, offset), what)
            offset += size
            self.more_bytes += size - 1
            yield b"\n"

    def joined(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the lines of a log; the lines of a fact with a multi-line value are joined."""
        held: list[bytes] = []
        size = 0
        for line in lines:
            is_marked = _is_marked(line) and (not held or begins_fact(line))
            is_open = is_marked and not line.rstrip().endswith(b"}") and not line.startswith(b"{")
            if held and not is_marked:
                held.append(line)
                size += len(line)
                if line.rstrip().endswith(b"}"):
                    self.more_lines += len(held) - 1
                    yield b"".join(held)
                    held = []
                elif len(held) > _MAX_LINES or size > MAX_FACTS:
                    yield from held
                    held = []
                continue
            yield from held
            held, size = ([line], len(line)) if is_open else ([], 0)
            if not is_open:
                yield line
        yield from held

    def gap(self, place: RecordLine | None, what: str) -> None:
        self.gaps.append(Gap(place=place, what=what))

    def gap_once(self, place: RecordLine, what: str) -> None:
        if what not in self.reported_once:
            self.reported_once.add(what)
            self.gap(place, what)

    def is_hopeless(self, lines: int) -> bool:
        """Return whether most lines of a shard are no events; this is reported as a gap."""
        if not self.is_shard or self.bad <= MAX_BAD or 2 * self.bad <= lines:
            return False
        what = f"{self.path}: {self.bad} lines are not events; the rest was skipped"
        self.gap(None, what)
        return True

    def accepts(self, event: Any, place: RecordLine) -> bool:
        """Return whether a JSON value is a usable event; malformed parts become gaps."""
        if type(event) is not dict or type(event.get("v")) is not int:
            if self.is_shard:
                self.gap(place, "the line is not an event of provagent")
            return False
        if event["v"] > LOG_FORMAT:
            self.gap_once(
                place,
                f"log format {event['v']} is newer than {LOG_FORMAT}, that of this "
                "version; upgrade provagent to read all of it",
            )
        kind = event.get("event")
        shape = SHAPES.get(kind) if isinstance(kind, str) else None
        if shape is None:
            self.gap_once(place, f"unknown event {kind!r}")
            return False
        wrong = mend(event, shape)
        if not shape.vital <= event.keys():
            missing = sorted(shape.vital - event.keys())
            self.gap(place, f"{kind} without {', '.join(missing)}; the event was skipped")
            return False
        for what in wrong:
            self.gap(place, f"{kind}: {what}; this part was skipped")
        return True

    def rescued(self, line: bytes, place: RecordLine) -> Iterator[Event]:
        """Yield the events that can be read from a line that is not correct JSON."""
        if _is_marked(line) and not line.startswith(b'{"'):
            yield from self.of_dialect(line, place)
        elif self.is_shard and line.strip():
            self.gap(place, _what_is_wrong(line))
            for event in _salvaged(line):
                if self.accepts(event, place):
                    yield event

    def of_dialect(self, line: bytes, place: RecordLine) -> Iterator[Event]:
        try:
            found = list(events_of_line(line.decode("utf-8", "replace")))
        except DialectError as error:
            self.gap(place, str(error))
            return
        for event in found:
            if self.accepts(event, place):
                yield event


def _is_marked(line: bytes) -> bool:
    return any(prefix in line for prefix in PREFIXES)


def _what_is_wrong(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return f"the last line is truncated after {len(line)} bytes"
    shown = line.strip()[:_SHOWN].decode("utf-8", "replace")
    kind = "garbled" if b'{"' in line else "foreign"
    return f"{kind} line: {shown!r}{'...' if len(line) > _SHOWN else ''}"


def _salvaged(line: bytes) -> Iterator[Any]:
    """Yield a lenient reading of the line, or the complete event after an incomplete one."""
    starts = [0] if line.startswith(b"{") else []
    starts += [match.start() for match in _EVENT_BEGINS.finditer(line) if match.start()]
    for start in starts:
        try:
            yield clean(json.loads(line[start:].decode("utf-8", "surrogateescape")))
        except (ValueError, RecursionError):
            continue
        return


def opened(path: str) -> BinaryIO:
    """Open a shard and unpack it; also a shard that was packed after it was listed."""
    try:
        return _opened(path)
    except FileNotFoundError:
        if path.endswith(PACKED):
            raise
        try:
            return _opened(path + PACKED)
        except FileNotFoundError:
            pass
        raise


def is_shard(path: str) -> bool:
    """Return whether a file has the name of a shard."""
    return SHARD_MARK in os.path.basename(path)


def is_there(path: str) -> bool:
    """Return whether a shard exists, packed or not, in a folder that is no link."""
    is_named = os.path.lexists(path) or os.path.lexists(path + PACKED)
    return is_named and is_real_folder(os.path.dirname(path))


def line_at(path: str, offset: int) -> bytes:
    """Return the line at an (unpacked) byte of a shard; raises as ``opened`` and its reader do.

    If the shard was packed by ``provagent compact``, only the frame with the line is unpacked.
    """
    if not os.path.lexists(path) and os.path.lexists(path + PACKED):
        path += PACKED
    with _opened_at(path, offset) as file:
        return file.readline(MAX_LINE)


def _opened_at(path: str, offset: int) -> BinaryIO:
    start, before = frame_of(path, offset) if path.endswith(PACKED) else (0, 0)
    file = _opened(path, start)
    left = offset - before
    try:
        if not path.endswith(PACKED):
            file.seek(left)
            left = 0
        # zstandard's reader cannot seek.
        while left and (passed := len(file.read(min(left, _BLOCK)))):
            left -= passed
    except BaseException:
        file.close()
        raise
    return file


def _opened(path: str, start: int = 0) -> BinaryIO:
    if path.endswith(".gz"):
        file = _plain(path)
        return bounded(gzip.GzipFile(fileobj=file, mode="rb"), file)
    if path.endswith(PACKED):
        return opened_zstd(path, start)
    return _plain(path)


def _plain(path: str) -> BinaryIO:
    """Open a file of a run without following links; a log may be a link of the user."""
    return read_file(path) if is_shard(path) else open(path, "rb")


def opened_zstd(path: str, start: int = 0) -> BinaryIO:
    """Open a zstd file for reading unpacked content, from the frame that begins at ``start``.

    Raises OSError, and RecordError if no library for unpacking is installed.
    """
    file = _plain(path)
    try:
        file.seek(start)
        return unpacked(file, path)
    except BaseException:
        file.close()
        raise
