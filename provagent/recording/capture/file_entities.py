"""Files that no definition declares: recorded for the activity that opens them.

A file that is read is recorded at once, in its state at the opening. A file that is written is
recorded when the activity that opened it ends, or when the run ends: then the file is complete.

A file that one call has written and reads again is also recorded at the end of the call. So a file
that is gone when the call ends, such as a temporary file of a library, is never recorded. A file
that was recorded, because one place of the program wrote it and another place read it, may be gone
when the process ends: then it is recorded as removed.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from provagent.contract.vocabulary import (
    COPIED,
    FILE,
    FILE_EVENT,
    LOG_FORMAT,
    MODIFIED,
    READ,
    REMOVED,
    WRITTEN,
)
from provagent.identity.files import resolve_location
from provagent.identity.registry import Identity
from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.isolation.originals import io, os
from provagent.recording.capture.context import Events, OpenActivity, iso, now
from provagent.recording.capture.event_writer import EventWriter
from provagent.recording.capture.observed_value import ObservedValue
from provagent.recording.capture.plan import undescribed_kind
from provagent.recording.capture.skipped_calls import MAX_BYTES, SkippedCall, clock
from provagent.recording.capture.tracker import Tracker
from provagent.recording.capture.unfinished_files import number_of, open_files

_KIND = undescribed_kind(FILE, lambda _: Identity())

_OF_RUN = OpenActivity("", 0, None)
_MOST = 10_000  # openings recorded per place, if the place has opened the same file before
_OPENINGS = 16  # recorded places of one file
_TIMES = 1000  # recorded repetitions of an opening at one place

Sites = Sequence[dict[str, Any]]
State = tuple[int, int, int, int, int]  # device, inode, size, mtime_ns, ctime_ns

STDERR = 2
_STREAMS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


class _Before:
    """The state of a file before an opening for writing, and how the new state derives from it."""

    __slots__ = ("digest", "entity_id", "how")

    def __init__(self, entity_id: str, digest: str | None, how: str) -> None:
        self.entity_id = entity_id
        self.digest = digest
        self.how = how


class _Opening:
    """An access to a file: the activity, the sites of the user's code, the time and the thread."""

    __slots__ = ("activity", "sites", "thread", "time", "times")

    def __init__(self, activity: OpenActivity, sites: Sites, time: str, thread: int) -> None:
        self.activity = activity
        self.sites = sites
        self.thread = thread
        self.time = time
        self.times: list[str] = []  # times of repetitions

    def key(self) -> tuple[Any, ...]:
        return tuple((one["file"], one["line"], *one.get("end", ())) for one in self.sites)

    def event_fields(self) -> dict[str, Any]:
        site, *callers = self.sites
        event_fields = {"site": site, "thread": self.thread, "time": self.time}
        if callers:
            event_fields["callers"] = callers
        if self.times:
            event_fields["times"] = self.times
        return event_fields


class _Product:
    """A file that was opened for writing: its earlier state, and the openings.

    ``reading`` is the opening with which the call that wrote the file has read it again.
    """

    __slots__ = ("before", "openings", "reading")

    def __init__(self, before: _Before | None, opening: _Opening) -> None:
        self.before = before
        self.openings = [opening]
        self.reading: _Opening | None = None

    def is_of_call(self, opening: _Opening) -> bool:
        """Return whether one call of the user's code made the file and opens it again."""
        key = opening.key(), opening.thread
        return self.before is None and all((one.key(), one.thread) == key for one in self.openings)

    def reopen(self, opening: _Opening, *, is_new: bool) -> None:
        """Add another opening, to write the file from its beginning or to change it."""
        if is_new:
            self.before, self.openings = None, [opening]
            return
        key = opening.key(), opening.thread
        for one in self.openings:
            if (one.key(), one.thread) == key:
                if len(one.times) < _TIMES:
                    one.times.append(opening.time)
                return
        if len(self.openings) < _OPENINGS:
            self.openings.append(opening)


class FileEntities:
    """Records files that the program accesses.

    ``owners`` contains, for each activity with files that are still to be recorded, these files by
    location. An owner is the identifier of an activity; the empty identifier is the run.
    ``catch_up`` records accesses that happened before recording was ready.
    """

    def __init__(self, tracker: Tracker, writer: EventWriter, catch_up: Callable[[], None]) -> None:
        self._catch_up = catch_up
        self._writer = writer
        self._tracker = tracker
        self._left_out = SkippedCall(writer.skipped_calls, "files", "files", None, MAX_BYTES)
        self._written_keys: set[tuple[Any, ...]] = set()
        # The last opening of each place, and the number of changes of file: for the rounds of a
        # loop.
        self._last_at: dict[tuple[Any, ...], tuple[tuple[Any, ...] | None, int]] = {}
        self._in_library: set[str] = set()  # opened by compiled code, not seen by Python
        self._made: dict[str, str] = {}  # path -> entity of the last recorded state
        self._has_children = False  # child processes may have made files that this process has read
        self.owners: dict[str, dict[str, _Product]] = {}

    def observe(
        self,
        what: str,
        path: str,
        source: str,
        activity: Any,
        sites: Sites = (),
        state: State | None = None,
        at: int = 0,
        thread: int = 0,
    ) -> None:
        """Record that a file will be read, made, changed, moved from or linked to ``source``.

        ``sites`` are the call sites of the user's code, innermost first. ``at`` is the time of the
        access in nanoseconds, if it is reported later; ``thread`` is its thread, and ``state`` the
        state of a file that was read.
        """
        writer, own = self._writer, get_ident()
        if writer.byte_limit.look():
            self._left_out.add(path, clock())
            return
        was_busy = own in writer.busy
        try:
            writer.busy.add(own)
            events: Events = []
            time = iso(at) if at else now()
            opening = _Opening(_owner(activity), sites, time, thread or own)
            self._observe(what, path, source, opening, events, state)
            self._write(events)
        except BaseException as error:
            writer.internal_errors.add("files", "a file", error)
        finally:
            if not was_busy:
                writer.busy.discard(own)

    def note_library(self, path: str) -> None:
        """Note a file that compiled code opens: the library may still buffer data for this file."""
        self._in_library.add(resolve_location(path))

    def record_closed(self, location: str, activity: OpenActivity, events: Events) -> None:
        """Record the state of a file that was written so far: another activity continues."""
        self._catch_up()
        if self.owners:
            self._record_closed([location], activity, events)

    def end(self, activity: OpenActivity, events: Events) -> None:
        """Record the files that this activity has written."""
        if self.owners.get(activity.id):
            self._end(activity, open_files() if activity.place is not None else set(), events)

    def _end(
        self,
        activity: OpenActivity,
        still_open: set[tuple[int, int]],
        events: Events,
        *,
        is_for_child: bool = False,
    ) -> None:
        files = self.owners.get(activity.id)
        if files:
            numbers = {location: number_of(location) for location in files}
            closed = [
                location
                for location, number in numbers.items()
                if number not in still_open and not (is_for_child and number is None)
            ]
            self._tracker.files.read_ahead(closed)
            for location in closed:
                self._record_written(location, files.pop(location), activity, events)
            if not files:  # files that stay open are recorded later, when they are complete
                del self.owners[activity.id]

    def record_all_closed(self, *, of_all: bool = False, is_for_child: bool = False) -> None:
        """Record files that the process has written outside of activities, and has closed.

        ``of_all``: record also the files of activities that will not end or that start a child
        process. ``is_for_child``: a library may still let the child write files that the library
        has opened.
        """
        self._has_children |= is_for_child
        owners = list(self.owners) if of_all else [_OF_RUN.id]
        if not any(map(self.owners.get, owners)) and not self._tracker.unfinished:
            return
        if is_for_child and not any(self._is_users(one) for one in owners):
            return
        writer, thread = self._writer, get_ident()
        try:
            writer.busy.add(thread)
            events: Events = []
            still_open = open_files()
            if is_for_child:
                waiting = map(number_of, self._in_library)
                still_open |= {number for number in waiting if number is not None}
            for owner in owners:
                self._end(
                    OpenActivity(owner, 0, None), still_open, events, is_for_child=is_for_child
                )
            self._tracker.unfinished.finish(events)
            self._write(events)
        except BaseException as error:
            writer.internal_errors.add("files", "at a result", error)
        finally:
            writer.busy.discard(thread)

    def _is_users(self, owner: str) -> bool:
        """Return whether the user's code has written a file: an engine's files start no record."""
        products = self.owners.get(owner, {}).values()
        return any(opening.sites for one in products for opening in one.openings)

    def end_all(self) -> None:
        """Record all files that the run has written, and files of activities that did not end."""
        writer, thread = self._writer, get_ident()
        try:
            writer.busy.add(thread)
            events: Events = []
            if self.owners or self._tracker.unfinished:
                still_open = open_files()
                _flush(still_open)
                left = [each for each in self._in_library if number_of(each) in still_open]
                self._tracker.files.changing = frozenset(left)
            for owner in list(self.owners):
                self.end(OpenActivity(owner, 0, None), events)
            self._tracker.unfinished.finish(events, at_end=True)
            self._record_removed(events)
            self._write(events)
        except BaseException as error:
            writer.internal_errors.add("files", "at the end", error)
        finally:
            writer.busy.discard(thread)

    def forget(self) -> None:
        """Start again in a forked process: the open files belong to the parent."""
        self._written_keys.clear()
        self._last_at.clear()
        self._in_library.clear()
        self._made.clear()
        self.owners.clear()

    def _observe(
        self,
        what: str,
        path: str,
        source: str,
        opening: _Opening,
        events: Events,
        state: State | None,
    ) -> None:
        activity = opening.activity
        if "://" in path:
            self._record_remote(what, path, opening, events)
            return
        location = resolve_location(path)
        if what in ("moved", "linked"):
            self._move(what, resolve_location(source), location, opening, events)
            return
        self._tracker.unfinished.finish(events, location)
        own = self.owners.get(activity.id, {})
        product = own.get(location)
        if product is not None:
            if self._goes_on(what, location, product, opening):
                return
            was = None if state is None else _lost(location, state)
            self._record_written(location, own.pop(location), activity, events, was=was)
            state = state if was is not None and was.changing else None
        self._record_closed([location], activity, events)
        before = None
        if what != "made":
            before = self._record_read(location, opening, events, state)
        if what != "read":
            self.owners.setdefault(activity.id, {})[location] = _Product(before, opening)

    def _goes_on(self, what: str, location: str, product: _Product, opening: _Opening) -> bool:
        """Return whether an activity continues to write a file: then nothing is recorded yet."""
        if what != "read":
            if product.reading is None:
                product.reopen(opening, is_new=what == "made")
            return product.reading is None
        if number_of(location) in open_files():
            return True  # the file is not complete yet
        if product.is_of_call(opening):
            product.reading = product.reading or opening
            return True
        return False

    def _record_remote(self, what: str, url: str, opening: _Opening, events: Events) -> None:
        observed = ObservedValue(_KIND, None, url, None, None)
        entity_id = self._tracker.file(observed, opening.activity, events, generated=what != "read")
        mode = READ if what == "read" else WRITTEN
        self._write_file(entity_id, mode, opening.activity, events, opening.time, [opening])

    def _record_read(
        self, location: str, opening: _Opening, events: Events, state: State | None = None
    ) -> _Before | None:
        identity = None if state is None else _lost(location, state)
        if identity is None and not os.path.isfile(location):
            return None  # the file existed when the program opened it
        observed = ObservedValue(_KIND, None, location, None, None)
        activity = opening.activity
        entity_id = self._tracker.file(
            observed, activity, events, generated=False, is_real=True, identity=identity
        )
        self._write_file(entity_id, READ, activity, events, opening.time, [opening])
        if self._has_children:
            self._made.setdefault(location, entity_id)
        now = self._tracker.paths[location].states.get(FILE)
        return _Before(entity_id, None if now is None else now.digest, MODIFIED)

    def _record_written(
        self,
        location: str,
        product: _Product,
        activity: OpenActivity,
        events: Events,
        next_one: OpenActivity | None = None,
        was: Identity | None = None,
    ) -> None:
        """Record a file that was written; ``was`` is its identity if it has changed since."""
        if not os.path.isfile(location):
            return  # a temporary file
        before = product.before
        observed = ObservedValue(_KIND, None, location, None, None)
        if before is not None and before.how == MODIFIED:
            digest = self._tracker.identify_file(location, _KIND).digest
            if digest == before.digest:
                return
        entity_id = self._tracker.file(
            observed, activity, events, generated=True, next_=next_one, is_real=True, identity=was
        )
        # The clock of a file system may be some milliseconds late.
        time = max(_changed_at(location) if was is None else "", product.openings[0].time)
        self._write_file(entity_id, WRITTEN, activity, events, time, product.openings)
        self._made[location] = entity_id
        if product.reading is not None:
            self._record_read(location, product.reading, events)
        if before is not None:
            between = [activity.id] if activity.id else []
            self._tracker.events.derive(entity_id, before.entity_id, before.how, between, events)

    def _record_removed(self, events: Events) -> None:
        """Record which files made by this process or a child are gone at the end of the process."""
        going = _going(self._made)
        for location, entity_id in self._made.items():
            if location in going or not os.path.lexists(location):
                fields = {"v": LOG_FORMAT, "event": FILE_EVENT, "entity_id": entity_id}
                events.append(({**fields, "mode": REMOVED, "time": now()}, True))

    def _move(
        self, what: str, source: str, location: str, opening: _Opening, events: Events
    ) -> None:
        activity = opening.activity
        own = self.owners.get(activity.id, {})
        # the source of a link stays unchanged
        if what == "linked" and source in own and os.path.exists(source):
            self._record_written(source, own.pop(source), activity, events)
        self._record_closed([location], activity, events, but=activity.id)
        if os.path.isdir(source):
            for path in [path for path in own if path.startswith(source + os.sep)]:
                own[location + path[len(source) :]] = own.pop(path)
        elif source in own or not os.path.exists(source):
            # A file that no longer exists was moved before its state could be recorded.
            product = own.pop(source, None) or _Product(None, opening)
            self.owners.setdefault(activity.id, {})[location] = product
        else:
            self._record_closed([source], activity, events)
            before = self._record_read(source, opening, events)
            if before is not None:
                before.how = COPIED
            self.owners.setdefault(activity.id, {})[location] = _Product(before, opening)

    def _record_closed(
        self,
        locations: Iterable[str],
        next_one: OpenActivity,
        events: Events,
        but: str | None = None,
    ) -> None:
        """Record the state of files that other activities have written: ``next_one`` continues."""
        for owner, files in list(self.owners.items()):
            for location in locations:
                if owner != but and location in files:
                    by = OpenActivity(owner, 0, None)
                    self._record_written(location, files.pop(location), by, events, next_one)

    def _write_file(
        self,
        entity_id: str,
        mode: str,
        activity: OpenActivity,
        events: Events,
        time: str,
        opened: list[_Opening],
    ) -> None:
        key = activity.id + mode, entity_id
        is_written = mode == WRITTEN
        new = [one for one in opened if one.sites and self._is_next(key, one, is_written)]
        if not self._is_new(key) and not new:
            return
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": FILE_EVENT,
            "entity_id": entity_id,
            "mode": mode,
            "time": time,
        }
        if activity.id:
            fields["activity_id"] = activity.id
        if new:
            fields["opened"] = [one.event_fields() for one in new]
        events.append((fields, True))

    def _is_next(self, key: tuple[Any, ...], opening: _Opening, is_written: bool) -> bool:
        """Return whether to record an opening: another file than the last one, or a new write.

        A file that is written again may have equal content and another origin.
        """
        site = opening.key()
        last, count = self._last_at.get(site, (None, 0))
        is_next = (is_written or last != key) and (count < _MOST or self._is_new((*key, site)))
        if is_next:
            self._last_at[site] = key, count + 1
        return is_next

    def _is_new(self, key: tuple[Any, ...]) -> bool:
        if key in self._written_keys:
            return False
        self._written_keys.add(key)
        return True

    def _write(self, events: Events) -> None:
        if events:
            self._writer.write_all("files", events)


def _lost(location: str, state: State) -> Identity | None:
    """Return the identity of a file that changed or vanished since it was read; otherwise None."""
    try:
        found = os.stat(location)
    except OSError:
        return Identity(missing=True)
    now = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return None if now == state else Identity(changing=True)


# st_ctime, because programs set st_mtime, for example in a copy. A clock that was set, or the clock
# of a server, may be ahead: then the time of recording is used.
def _changed_at(location: str) -> str:
    """Return when a file was last written, or moved to this location."""
    try:
        changed = iso(os.stat(location).st_ctime_ns)
    except OSError:
        return now()
    return min(changed, now())


def _going(made: Iterable[str]) -> set[str]:
    """Return the files that will be deleted with their objects when the interpreter ends."""
    import gc

    kind = getattr(sys.modules.get("tempfile"), "_TemporaryFileWrapper", None)
    numbers = open_files() if kind is not None else set()
    if not any(number_of(location) in numbers for location in made):
        return set()
    contained = (introspection.attributes(one) for one in gc.get_objects() if type(one) is kind)
    names = (state.get("name") for state in contained if _is_to_delete(state))
    return {resolve_location(name) for name in names if type(name) is str}


def _is_to_delete(state: Mapping[str, Any]) -> bool:
    closer = state.get("_closer")  # Python 3.12 and newer store ``delete`` only in the closer
    return state.get("delete", closer and introspection.attributes(closer).get("delete")) is True


# The interpreter flushes these streams soon after, when we can no longer see the files.
def _flush(numbers: set[tuple[int, int]]) -> None:
    import gc

    if not numbers:
        return
    for stream in gc.get_objects():
        if type(stream) in _STREAMS:
            try:
                if not stream.closed and stream.fileno() > STDERR:
                    stream.flush()
            # the stream may wrap an object of the program instead of a file
            except Exception as error:
                if is_the_programs(error):
                    raise


def _owner(activity: Any) -> OpenActivity:
    """Return the activity, or one with the same identifier for the run or another process."""
    if type(activity) is OpenActivity:
        return activity
    return OpenActivity("" if activity is None else activity.id, 0, None)
