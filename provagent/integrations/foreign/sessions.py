"""The events of a log, told apart by the session that they belong to.

logprov, the branch of gammapy and lstosa write no run: a log holds the sessions of any number
of programs, one after the other or mixed, and identifiers are unique in a session at best.
An activity says its session; what else is said of it, and of what it used and generated,
belongs there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from provagent.contract import vocabulary
from provagent.recording.emit.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.reading.record.facts import Gap

Event: TypeAlias = dict[str, Any]


def packed(event: Event) -> bytes:
    """Return an event as a line has it, without a newline: a tenth of its size as objects."""
    try:
        line = orjson.dumps(event)
    except TypeError:  # text that UTF-8 has not
        line = orjson.dumps(plain(event))
    return b"%b" % line  # a copy: what orjson gives holds 4 kB, however short it is


@dataclass(slots=True)
class States:
    """The entities of one identifier: a digest of a content, which may lie at several places.

    ``due`` are those that were said since a relation named the identifier, the first one first.
    """

    by_place: dict[Any, str] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    last: str = ""  # the one that was named last

    def meet(self, entity_id: str, place: Any) -> str:
        """Return the identifier of the entity at a place; the first one keeps its own.

        Where no place is said, more is said of the last one.
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
        """Return the entity that a relation means: the next one that was said, or the last."""
        if self.due:
            self.last = self.due.pop(0)
        return self.last


@dataclass(slots=True, kw_only=True)
class SessionOfLog:
    """What a log says of one session; ``key`` tells it from all others, in any log.

    ``started`` is as the log has it. ``gaps`` are what could not be read while it went on.
    """

    key: str
    started: str | None = None
    lines: list[bytes] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    states: dict[str, States] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.lines.append(packed(event))

    def events(self) -> Iterator[Event]:
        """Yield what was added, in its order."""
        return map(orjson.loads, self.lines)


@dataclass(slots=True)
class _Activity:
    session: SessionOfLog
    id: str  # in the session
    said: tuple[Any, Any]  # its name and its start


class Sessions:
    """Takes the events of logs, in their order."""

    def __init__(self) -> None:
        self.all: list[SessionOfLog] = []
        self.clashes = 0  # activities that had the identifier of another
        self.current: SessionOfLog | None = None
        self._by_id: dict[str, SessionOfLog] = {}  # the latest of that identifier
        self._activities: dict[str, _Activity] = {}
        self._waiting: dict[str, list[bytes]] = {}  # entities that no relation has named yet
        self._entities: dict[str, tuple[SessionOfLog, bytes | None]] = {}  # where each was last
        self._handlers: dict[str, Callable[[Event], None]] = {
            vocabulary.SESSION: self._add_session,
            vocabulary.ACTIVITY: self._add_activity,
            vocabulary.ACTIVITY_END: self._add_end,
            vocabulary.ENTITY: self._add_entity,
            vocabulary.DERIVATION: self._add_derivation,
        }

    def add(self, event: Event) -> None:
        """Take an event; those that no log of another program has are passed over."""
        handler = self._handlers.get(event["event"])
        if handler is not None:
            handler(event)

    def close(self) -> list[SessionOfLog]:
        """Return the sessions; nothing can be added any more."""
        for entity_id, lines in self._waiting.items():
            known = self._entities.get(entity_id)
            session = known[0] if known else self._now(entity_id)
            _stand(entity_id, lines, session)
        self._waiting.clear()
        return self.all

    def _add_session(self, event: Event) -> None:
        session_id, started = event["session_id"], event.get("startTime")
        session = self._by_id.get(session_id)
        # logprov begins a session once, and takes its identifier from an address in memory.
        # lstosa says the same session of an observation again, in each of its processes.
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
        said = event.get("activity_name"), event.get("startTime")
        known = self._activities.get(activity_id)
        if known is not None and known.session is session:
            if known.said in (said, (None, None)):
                known.said = said
                return
            self.clashes += 1
            activity_id = f"{known.id}~"
        self._activities[event["activity_id"]] = _Activity(session, activity_id, said)

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
        """Let what is said of an entity stand in the session that names it.

        Return its identifier there: one content at two places is two entities.
        """
        waiting = self._waiting.pop(entity_id, [])
        before, said = self._entities.get(entity_id, (None, None))
        if not waiting and before is not session and said is not None:
            waiting = [said]  # another session said it
        self._entities[entity_id] = session, waiting[-1] if waiting else said
        return _stand(entity_id, waiting, session)

    def _activity(self, event: Event) -> _Activity:
        activity_id = event["activity_id"]
        if activity_id not in self._activities:  # its beginning was lost
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


# The location of an object is the words that lead to it: one object may have several.
def _place_of(event: Event) -> Any:
    place = event.get("location")
    is_file = event.get("type") in (vocabulary.FILE, vocabulary.FILE_COLLECTION)
    return place if is_file or (isinstance(place, str) and "/" in place) else None


def _stand(entity_id: str, lines: list[bytes], session: SessionOfLog) -> str:
    states = session.states.setdefault(entity_id, States())
    for line in lines:
        event = orjson.loads(line)
        own_id = states.meet(entity_id, _place_of(event))
        session.lines.append(line if own_id == entity_id else packed(event | {"entity_id": own_id}))
    return states.named() or entity_id
