"""Assign the events of a log to the sessions that they belong to.

logprov, the branch of gammapy and lstosa do not record runs. A log contains the sessions of several
programs, one after the other or mixed. Identifiers are unique in a session at best. An activity
names its session. Further events about the activity, and about the entities that it used and
generated, belong to the same session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from provagent.contract import vocabulary
from provagent.recording.emit.json_fallback import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.reading.record.facts import Gap

Event: TypeAlias = dict[str, Any]


def packed(event: Event) -> bytes:
    """Return an event as a line without newline.

    A line uses a tenth of the memory of the objects.
    """
    try:
        line = orjson.dumps(event)
    except TypeError:  # text that UTF-8 cannot encode
        line = orjson.dumps(plain(event))
    return b"%b" % line  # a copy: the result of orjson uses 4 kB, even if it is short


@dataclass(slots=True)
class States:
    """The entities with one identifier: the digest of a content, which may be at several places.

    ``due`` are the entities that were described since a relation named the identifier, the first
    one first.
    """

    by_place: dict[Any, str] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    last: str = ""  # the entity that was named last

    def observe(self, entity_id: str, place: Any) -> str:
        """Return the identifier of the entity at a place.

        The first entity keeps the original identifier.

        Without a place, the description belongs to the last entity.
        """
        if place is None and self.by_place:
            return (self.due or [self.last])[-1]
        if None in self.by_place:  # now its place is known
            self.by_place[place] = self.by_place.pop(None)
        number = len(self.by_place)
        found = self.by_place.setdefault(place, f"{entity_id}~{number}" if number else entity_id)
        if found not in self.due:
            self.due.append(found)
        return found

    def named(self) -> str:
        """Return the entity that a relation means: the next described entity, or the last one."""
        if self.due:
            self.last = self.due.pop(0)
        return self.last


@dataclass(slots=True, kw_only=True)
class SessionOfLog:
    """The content of a log about one session. ``key`` identifies the session among all logs.

    ``started`` is the start time in the log. ``gaps`` are the unreadable parts of the log during
    the session.
    """

    key: str
    started: str | None = None
    lines: list[bytes] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    states: dict[str, States] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.lines.append(packed(event))

    def events(self) -> Iterator[Event]:
        """Yield the added events in their order."""
        return map(orjson.loads, self.lines)


@dataclass(slots=True)
class _Activity:
    session: SessionOfLog
    id: str  # in the session
    name_and_start: tuple[Any, Any]


class Sessions:
    """Receives the events of logs in their order."""

    def __init__(self) -> None:
        self.all: list[SessionOfLog] = []
        self.clashes = 0  # activities that had the identifier of another activity
        self.current: SessionOfLog | None = None
        self._by_id: dict[str, SessionOfLog] = {}  # the latest session with that identifier
        self._activities: dict[str, _Activity] = {}
        self._waiting: dict[str, list[bytes]] = {}  # entities that no relation has named yet
        self._entities: dict[str, tuple[SessionOfLog, bytes | None]] = {}  # the last of each
        self._handlers: dict[str, Callable[[Event], None]] = {
            vocabulary.SESSION: self._add_session,
            vocabulary.ACTIVITY: self._add_activity,
            vocabulary.ACTIVITY_END: self._add_end,
            vocabulary.ENTITY: self._add_entity,
            vocabulary.DERIVATION: self._add_derivation,
        }

    def add(self, event: Event) -> None:
        """Add an event. Kinds of event that other tools do not write are skipped."""
        handler = self._handlers.get(event["event"])
        if handler is not None:
            handler(event)

    def close(self) -> list[SessionOfLog]:
        """Return the sessions. No more events can be added."""
        for entity_id, lines in self._waiting.items():
            known = self._entities.get(entity_id)
            session = known[0] if known else self._now(entity_id)
            _add_states(entity_id, lines, session)
        self._waiting.clear()
        return self.all

    def _add_session(self, event: Event) -> None:
        session_id, started = event["session_id"], event.get("startTime")
        session = self._by_id.get(session_id)
        # logprov writes the event of a session once. Its identifier is an address in memory. lstosa
        # writes the event of the session of an observation again in each of its processes.
        is_once = "class" in event
        if session is None or (is_once and session.started != started):
            key = f"{session_id}|{started}" if is_once else session_id
            session = self._new(key, session_id)
        self.current = session
        if session.started is None:
            session.started = started
            session.add(event)

    def _add_activity(self, event: Event) -> None:
        activity_id, session_id = event["activity_id"], event.get("session_id")
        if "activity_name" in event or "startTime" in event:
            session = self._by_id.get(session_id) if session_id else self.current
            if session is None:
                session = self._new(f"{session_id}|{activity_id}", session_id or "")
            self._begin(event, session)
        activity = self._activity(event)
        activity.session.add(self._related(event, "used", activity))
        self.current = activity.session

    def _begin(self, event: Event, session: SessionOfLog) -> None:
        activity_id = event["activity_id"]
        name_and_start = event.get("activity_name"), event.get("startTime")
        known = self._activities.get(activity_id)
        if known is not None and known.session is session:
            if known.name_and_start in (name_and_start, (None, None)):
                known.name_and_start = name_and_start
                return
            self.clashes += 1
            activity_id = f"{known.id}~"
        self._activities[event["activity_id"]] = _Activity(session, activity_id, name_and_start)

    def _add_end(self, event: Event) -> None:
        activity = self._activity(event)
        activity.session.add(self._related(event, "generated", activity))
        self.current = activity.session

    def _related(self, event: Event, how: str, activity: _Activity) -> Event:
        ours = event | {"activity_id": activity.id}
        if how in event:
            key = f"{how}_id"
            ours[how] = [
                item | {key: self._place(item[key], activity.session)} for item in event[how]
            ]
        return ours

    def _add_entity(self, event: Event) -> None:
        members = event.get("members", ())
        if not members:
            self._waiting.setdefault(event["entity_id"], []).append(packed(event))
            return
        session = self._session_of(event["entity_id"])
        listed = [item | {"member_id": self._place(item["member_id"], session)} for item in members]
        entity_id = self._place(event["entity_id"], session)
        session.add(event | {"entity_id": entity_id, "members": listed})

    def _add_derivation(self, event: Event) -> None:
        known = event["progenitor_id"] in self._entities
        session = self._session_of(event["progenitor_id" if known else "entity_id"])
        both = {key: self._place(event[key], session) for key in ("progenitor_id", "entity_id")}
        session.add(event | both)

    def _place(self, entity_id: str, session: SessionOfLog) -> str:
        """Add the descriptions of an entity to the session that names the entity.

        Return the identifier of the entity in the session: one content at two places is two
        entities.
        """
        waiting = self._waiting.pop(entity_id, [])
        before, described = self._entities.get(entity_id, (None, None))
        if not waiting and before is not session and described is not None:
            waiting = [described]  # another session described it
        self._entities[entity_id] = session, waiting[-1] if waiting else described
        return _add_states(entity_id, waiting, session)

    def _activity(self, event: Event) -> _Activity:
        activity_id = event["activity_id"]
        if activity_id not in self._activities:  # its start is missing in the log
            session = self._now(activity_id)
            self._activities[activity_id] = _Activity(session, activity_id, (None, None))
        return self._activities[activity_id]

    def _session_of(self, entity_id: str) -> SessionOfLog:
        known = self._entities.get(entity_id)
        return known[0] if known else self._now(entity_id)

    def _now(self, subject_id: str) -> SessionOfLog:
        if self.current is None:
            self.current = self._new(f"|{subject_id}", "")
        return self.current

    def _new(self, key: str, session_id: str) -> SessionOfLog:
        session = SessionOfLog(key=key)
        self.all.append(session)
        self._by_id[session_id] = session
        return session


# The location of an object is an expression, and one object may have several expressions. So only
# the locations of files count.
def _place_of(event: Event) -> Any:
    place = event.get("location")
    is_file = event.get("type") in (vocabulary.FILE, vocabulary.FILE_COLLECTION)
    return place if is_file or (isinstance(place, str) and "/" in place) else None


def _add_states(entity_id: str, lines: list[bytes], session: SessionOfLog) -> str:
    states = session.states.setdefault(entity_id, States())
    for line in lines:
        event = orjson.loads(line)
        own_id = states.observe(entity_id, _place_of(event))
        session.lines.append(line if own_id == entity_id else packed(event | {"entity_id": own_id}))
    return states.named() or entity_id
