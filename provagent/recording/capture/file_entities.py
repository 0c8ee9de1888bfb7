"""Files that no definition declares: seen when they are opened, told to the open activity.

What is read is told at once, in the state that it has when it is opened. What is written is
told when the activity that opened it ends, or the run: then it is what it was to become.

What one call has written and reads again is told no earlier either, so that what is gone when the
call ends, as a library's temporary file is, is never told. A file that was told, since something
went through it from one place of the program to another, and is gone when the process ends, is told
to be removed.
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
from provagent.recording.capture.call import Capture
from provagent.recording.capture.context import Events, OpenActivity, iso, now
from provagent.recording.capture.observed_value import ObservedValue
from provagent.recording.capture.plan import undescribed_kind
from provagent.recording.capture.skipped_calls import MAX_BYTES, SkippedCall, clock
from provagent.recording.capture.unfinished_files import number_of, open_files

_KIND = undescribed_kind(FILE, lambda _: Identity())

_OF_RUN = OpenActivity("", 0, None)
_MOST = 10_000  # openings at one place of files that it has opened before
_OPENINGS = 16  # places at which one file was opened that are told
_TIMES = 1000  # at which one place has opened it that are told, besides the first

Sites = Sequence[dict[str, Any]]
State = tuple[int, int, int, int, int]  # device, inode, size, mtime_ns, ctime_ns

STDERR = 2
_STREAMS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


class _Before:
    """What a file was before it was opened for writing, and how what it becomes comes from it."""

    __slots__ = ("digest", "entity_id", "how")

    def __init__(self, entity_id: str, digest: str | None, how: str) -> None:
        self.entity_id = entity_id
        self.digest = digest
        self.how = how


class _Opening:
    """Who is about to do something to a file: the activity, the user's sites, and the time."""

    __slots__ = ("activity", "sites", "thread", "time", "times")

    def __init__(self, activity: OpenActivity, sites: Sites, time: str, thread: int) -> None:
        self.activity = activity
        self.sites = sites
        self.thread = thread
        self.time = time
        self.times: list[str] = []  # at which it was done again

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
    """A file that was opened for writing: what it was before, and where it was opened.

    ``reading`` is the call that wrote it and has read it again.
    """

    __slots__ = ("before", "openings", "reading")

    def __init__(self, before: _Before | None, opening: _Opening) -> None:
        self.before = before
        self.openings = [opening]
        self.reading: _Opening | None = None

    def is_of_call(self, opening: _Opening) -> bool:
        """Whether one call of the user's code has made the file, and opens it again."""
        key = opening.key(), opening.thread
        return self.before is None and all((one.key(), one.thread) == key for one in self.openings)

    def reopen(self, opening: _Opening, *, is_new: bool) -> None:
        """It is opened once more, to be written from its beginning, or to be changed."""
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
    """Tells what is met with files; ``owners`` are the activities that have some to tell.

    ``catch_up`` brings what was met before there was anybody to tell.

    An owner is the identifier of an activity; empty is the run.
    """

    def __init__(self, capture: Capture, catch_up: Callable[[], None]) -> None:
        self._catch_up = catch_up
        self._capture = capture
        self._tracker = capture.tracker
        self._left_out = SkippedCall(capture.skipped_calls, "files", "files", None, MAX_BYTES)
        self._said: set[tuple[Any, ...]] = set()
        # What each place has opened last, and how often it was another: of the rounds of a loop.
        self._last_at: dict[tuple[Any, ...], tuple[tuple[Any, ...] | None, int]] = {}
        self._in_library: set[str] = set()  # opened where Python does not see it
        self._made: dict[str, str] = {}  # the last state that was told, by the path
        self._has_children = False  # which may have made what this process has read
        self.owners: dict[str, dict[str, _Product]] = capture.written
        capture.end_files = self.end
        capture.tracker.record_closed = self.record_closed
        capture.meet_file = self.observe

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
        """A file is about to be read, made, changed, moved from ``source``, or linked to it.

        ``sites`` are those of the user's code that led there, the innermost first. ``at``: it was
        about to be so at this time, in nanoseconds, in that thread, and was in this ``state`` when
        it was read.
        """
        capture, own = self._capture, get_ident()
        if capture.byte_limit.look():
            self._left_out.add(path, clock())
            return
        was_busy = own in capture.busy
        try:
            capture.busy.add(own)
            events: Events = []
            time = iso(at) if at else now()
            opening = _Opening(_owner(activity), sites, time, thread or own)
            self._observe(what, path, source, opening, events, state)
            self._write(events)
        except BaseException as error:
            capture.internal_errors.add("files", "a file", error)
        finally:
            if not was_busy:
                capture.busy.discard(own)

    def note_library(self, path: str) -> None:
        """A library opens this file past Python, and may keep of it what it is to write."""
        self._in_library.add(resolve_location(path))

    def record_closed(self, location: str, activity: OpenActivity, events: Events) -> None:
        """Tell what was written there so far: this activity goes on with it."""
        self._catch_up()
        if self.owners:
            self._record_closed([location], activity, events)

    def end(self, activity: OpenActivity, events: Events) -> None:
        """Tell what this activity has written."""
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
            if not files:  # what it leaves open is told later, when it is what it was to become
                del self.owners[activity.id]

    def record_all_closed(self, *, of_all: bool = False, is_for_child: bool = False) -> None:
        """Tell what the process has written outside of activities, and has closed.

        ``of_all``: and what activities have, that will not end or are to start a child.
        ``is_for_child``: a library may yet let that child write what it has said to open.
        """
        self._has_children |= is_for_child
        owners = list(self.owners) if of_all else [_OF_RUN.id]
        if not any(map(self.owners.get, owners)) and not self._tracker.unfinished:
            return
        if is_for_child and not any(self._is_users(one) for one in owners):
            return
        capture, thread = self._capture, get_ident()
        try:
            capture.busy.add(thread)
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
            capture.internal_errors.add("files", "at a result", error)
        finally:
            capture.busy.discard(thread)

    def _is_users(self, owner: str) -> bool:
        """Whether the user's code has written some file: an engine's own begin no record."""
        products = self.owners.get(owner, {}).values()
        return any(opening.sites for one in products for opening in one.openings)

    def end_all(self) -> None:
        """Tell what the run has written, and activities that did not end."""
        capture, thread = self._capture, get_ident()
        try:
            capture.busy.add(thread)
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
            capture.internal_errors.add("files", "at the end", error)
        finally:
            capture.busy.discard(thread)

    def forget(self) -> None:
        """Begin again, in a process that was forked: what is open is the parent's."""
        self._said.clear()
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
        """Whether an activity goes on with a file that it writes: nothing is to be told yet."""
        if what != "read":
            if product.reading is None:
                product.reopen(opening, is_new=what == "made")
            return product.reading is None
        if number_of(location) in open_files():
            return True  # not yet what it is to become
        if product.is_of_call(opening):
            product.reading = product.reading or opening
            return True
        return False

    def _record_remote(self, what: str, url: str, opening: _Opening, events: Events) -> None:
        observed = ObservedValue(_KIND, None, url, None, None)
        entity_id = self._tracker.file(observed, opening.activity, events, generated=what != "read")
        mode = READ if what == "read" else WRITTEN
        self._tell(entity_id, mode, opening.activity, events, opening.time, [opening])

    def _record_read(
        self, location: str, opening: _Opening, events: Events, state: State | None = None
    ) -> _Before | None:
        identity = None if state is None else _lost(location, state)
        if identity is None and not os.path.isfile(location):
            return None  # it was there when the program opened it
        observed = ObservedValue(_KIND, None, location, None, None)
        activity = opening.activity
        entity_id = self._tracker.file(
            observed, activity, events, generated=False, is_real=True, identity=identity
        )
        self._tell(entity_id, READ, activity, events, opening.time, [opening])
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
        """Tell what was written there; ``was`` is that where somebody has changed it since."""
        if not os.path.isfile(location):
            return  # it was for the time being only
        before = product.before
        observed = ObservedValue(_KIND, None, location, None, None)
        if before is not None and before.how == MODIFIED:
            digest = self._tracker.identify_file(location, _KIND).digest
            if digest == before.digest:
                return
        entity_id = self._tracker.file(
            observed, activity, events, generated=True, next_=next_one, is_real=True, identity=was
        )
        # The clock of a file system may be some milliseconds behind.
        time = max(_changed_at(location) if was is None else "", product.openings[0].time)
        self._tell(entity_id, WRITTEN, activity, events, time, product.openings)
        self._made[location] = entity_id
        if product.reading is not None:
            self._record_read(location, product.reading, events)
        if before is not None:
            between = [activity.id] if activity.id else []
            self._tracker.events.derive(entity_id, before.entity_id, before.how, between, events)

    def _record_removed(self, events: Events) -> None:
        """Tell which of the files that the process, or a child, has made are gone when it ends."""
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
        if what == "linked" and source in own and os.path.exists(source):  # it stays what it is
            self._record_written(source, own.pop(source), activity, events)
        self._record_closed([location], activity, events, but=activity.id)
        if os.path.isdir(source):
            for path in [path for path in own if path.startswith(source + os.sep)]:
                own[location + path[len(source) :]] = own.pop(path)
        elif source in own or not os.path.exists(source):
            # What is not there any more was moved before anything could be told of it.
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
        """Tell what others have written there: another activity goes on with it."""
        for owner, files in list(self.owners.items()):
            for location in locations:
                if owner != but and location in files:
                    by = OpenActivity(owner, 0, None)
                    self._record_written(location, files.pop(location), by, events, next_one)

    def _tell(
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
        """Whether this place has opened another file last, or none yet, or has written it anew.

        What is written again may be the same, and come from something else.
        """
        site = opening.key()
        last, count = self._last_at.get(site, (None, 0))
        is_next = (is_written or last != key) and (count < _MOST or self._is_new((*key, site)))
        if is_next:
            self._last_at[site] = key, count + 1
        return is_next

    def _is_new(self, key: tuple[Any, ...]) -> bool:
        if key in self._said:
            return False
        self._said.add(key)
        return True

    def _write(self, events: Events) -> None:
        if events:
            self._capture.write_all("files", events)


def _lost(location: str, state: State) -> Identity | None:
    """Return what can be said of a file that is no more what was read; None where it still is."""
    try:
        found = os.stat(location)
    except OSError:
        return Identity(missing=True)
    now = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return None if now == state else Identity(changing=True)


# st_ctime, since programs set st_mtime, as a copy does. A clock that was set, or a server's, may
# be ahead: then it is the time at which the file is told.
def _changed_at(location: str) -> str:
    """Return when a file was last written, or moved there."""
    try:
        changed = iso(os.stat(location).st_ctime_ns)
    except OSError:
        return now()
    return min(changed, now())


def _going(made: Iterable[str]) -> set[str]:
    """Return where files are that go with the objects that hold them, when the interpreter ends."""
    import gc

    kind = getattr(sys.modules.get("tempfile"), "_TemporaryFileWrapper", None)
    numbers = open_files() if kind is not None else set()
    if not any(number_of(location) in numbers for location in made):
        return set()
    contained = (introspection.attributes(one) for one in gc.get_objects() if type(one) is kind)
    names = (state.get("name") for state in contained if _is_to_delete(state))
    return {resolve_location(name) for name in names if type(name) is str}


def _is_to_delete(state: Mapping[str, Any]) -> bool:
    closer = state.get("_closer")  # which has it alone from Python 3.12 on
    return state.get("delete", closer and introspection.attributes(closer).get("delete")) is True


# What the interpreter does with them soon after, when we can see no more of it.
def _flush(numbers: set[tuple[int, int]]) -> None:
    import gc

    if not numbers:
        return
    for stream in gc.get_objects():
        if type(stream) in _STREAMS:
            try:
                if not stream.closed and stream.fileno() > STDERR:
                    stream.flush()
            except Exception as error:  # what it wraps may be no file, but an object of a program's
                if is_the_programs(error):
                    raise


def _owner(activity: Any) -> OpenActivity:
    """The activity, or what stands for the run, or for one of another process."""
    if type(activity) is OpenActivity:
        return activity
    return OpenActivity("" if activity is None else activity.id, 0, None)
