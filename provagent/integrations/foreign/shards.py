"""Convert a session of a log to the events of a run, in log format 1, with new identifiers.

Equal sessions become equal lines, so a second import adds nothing.
"""

from __future__ import annotations

import hashlib
import json
import os.path
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from provagent.contract import vocabulary
from provagent.definition.parse import parse_definition

if TYPE_CHECKING:
    from datetime import tzinfo

    from provagent.integrations.foreign.sessions import Event, SessionOfLog
    from provagent.reading.record.facts import Gap

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST = 160  # maximum characters of an unchanged identifier
_TIMES = ("startTime", "endTime", "generated_time")
_IDS = ("activity_id", "entity_id", "session_id", "parent_id", "progenitor_id")
_LISTED = {"used": "used_id", "generated": "generated_id", "members": "member_id"}
_UNKNOWN = "19700101T000000"


class Shard:
    """The shard of a session. ``zone`` is the time zone of times without a zone.

    ``process_id`` and the end of ``run_id`` are computed from the key of the session.
    """

    def __init__(self, session: SessionOfLog, zone: tzinfo | None) -> None:
        self.session = session
        self.zone = zone
        self.wrong: list[str] = []  # invalid times
        code = int.from_bytes(hashlib.sha256(_utf8(session.key)).digest())
        self.tail, self.process_id = _letters(code), _letters(code >> 64)
        self.start = self._start()
        second = self.start[:19].translate({45: None, 58: None}) if self.start else _UNKNOWN
        self.run_id = f"{second}-{self.tail}"

    def events(self) -> Iterator[Event]:
        """Yield the events of the shard. ``run_id`` may be changed before."""
        session, rest = self._session_event()
        system = rest.get("system")
        surroundings = _surroundings(system if isinstance(system, dict) else {})
        yield self._run(surroundings, rest)
        if "environment" in surroundings:
            yield surroundings["environment"]
        described = _described(rest.get("definitions"), self.session.events())
        yield from described
        definition = described[0]["definition"] if described else None
        if session is not None:
            yield self._ours(session)
        for event in self.session.events():
            if event["event"] == vocabulary.SESSION:
                continue
            ours = self._ours(event)
            if definition and {"activity_name", "entity_description"} & ours.keys():
                ours["definition"] = definition
            yield ours
        if self.session.gaps or self.wrong:
            yield self._complaint()

    def _session_event(self) -> tuple[Event | None, dict[str, Any]]:
        """Return the session's own event, and its data about the process."""
        for event in self.session.events():
            if event["event"] == vocabulary.SESSION:
                own = dict(event.get("configuration", {}))
                rest = {key: own.pop(key) for key in ("system", "definitions") if key in own}
                return event | {"configuration": own}, rest | own
        return None, {}

    def _run(self, surroundings: dict[str, Any], rest: dict[str, Any]) -> Event:
        user = next(
            (each["agent_name"] for each in self.session.events() if "agent_name" in each), None
        )
        known: dict[str, Any] = {
            key: surroundings[key] for key in ("command", "host") if key in surroundings
        }
        if isinstance(user, str):
            known["user"] = user
        if "environment" in surroundings:
            known["environment_id"] = surroundings["environment"]["environment_id"]
        writer = (
            "logprov" if "definitions" in rest else "lstosa" if "observation_date" in rest else ""
        )
        if writer:
            known["software"] = {writer: str(rest.get("software_version", "unknown"))}
        if self.start:
            known["startTime"] = self.start
        return _event(vocabulary.RUN, run_id=self.run_id, process_id=self.process_id, **known)

    def _ours(self, event: Event) -> Event:
        """Return an event with new identifiers, and with times in UTC."""
        ours = dict(event)
        for key in _IDS:
            if key in ours:
                ours[key] = self._id(ours[key])
        for key, item_key in _LISTED.items():
            if key in ours:
                ours[key] = [item | {item_key: self._id(item[item_key])} for item in ours[key]]
        for key in _TIMES:
            if key in ours and (time := self._time(ours.pop(key))) is not None:
                ours[key] = time
        namespace, mark, word = str(event.get("entity_id", "")).partition(":")
        if mark and namespace.isidentifier() and not word.startswith(("/", "\\")):
            ours.setdefault("namespace", namespace)
            ours.setdefault("name", word)
        return ours

    def _id(self, text: str) -> str:
        local = quote(text, safe=":~").replace(".", "%2E")
        if len(local) > _LONGEST:
            local = f"{local[:_LONGEST]}-{hashlib.sha256(_utf8(text)).hexdigest()[:12]}"
        return f"{self.run_id}.{self.process_id}.{local}"

    def _start(self) -> str | None:
        texts = [self.session.started, *(each.get("startTime") for each in self.session.events())]
        times = (_in_utc(text, self.zone) for text in texts if text)
        return next((time for time in times if time), None)

    def _time(self, text: Any) -> str | None:
        time = _in_utc(text, self.zone)
        if time is None:
            self.wrong.append(f"{text!r:.60} is not a time and was skipped")
        return time

    def _complaint(self) -> Event:
        problems = [*map(_gap_text, self.session.gaps), *self.wrong]
        what = f"{len(problems)} lines of the log could not be read; first: {problems[0]}"
        return _event(
            vocabulary.COMPLAINT, target="", stage="import", what=what, count=len(problems)
        )


def _event(kind: str, **fields: Any) -> Event:
    return {"v": vocabulary.LOG_FORMAT, "event": kind, **fields}


def _gap_text(gap: Gap) -> str:
    """Return a gap as text that does not depend on the folder of the log."""
    if gap.place is None:
        return gap.what
    return f"{os.path.basename(gap.place.file)}:{gap.place.line}: {gap.what}"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _letters(code: int) -> str:
    return "".join(_LETTERS[code // 36**place % 36] for place in range(6))


def _in_utc(text: Any, zone: tzinfo | None) -> str | None:
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=zone)  # None: the zone of this machine
        return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except (ValueError, TypeError, OverflowError):
        return None


def _surroundings(system: dict[str, Any]) -> dict[str, Any]:
    """Return the content of logprov's ``system`` with the keys of our events."""
    found: dict[str, Any] = {}
    python, platform = (_texts(system.get(key)) for key in ("python", "platform"))
    if "executable" in system:
        python["executable"] = str(system["executable"])
    arguments = system.get("arguments")
    if isinstance(arguments, list):
        found["command"] = [str(each) for each in (python.get("executable", "python"), *arguments)]
    if "node" in platform:
        found["host"] = platform["node"]
    if python or platform:
        fields = {
            "python": {
                key: python[key]
                for key in ("version", "implementation", "executable")
                if key in python
            },
            "platform": {
                key: platform[key] for key in ("system", "release", "machine") if key in platform
            },
            "packages": {},
            "variables": _texts(system.get("environment")),
        }
        content = json.dumps(fields, sort_keys=True).encode()
        name = hashlib.sha256(content).hexdigest()[:12]
        found["environment"] = _event(vocabulary.ENVIRONMENT, environment_id=name, **fields)
    return found


def _texts(value: Any) -> dict[str, str]:
    items = value.items() if isinstance(value, dict) else ()
    return {str(key): item for key, item in items if isinstance(item, str) and item != "None"}


def _described(definitions: Any, events: Iterable[Event]) -> list[Event]:
    """Return the descriptions in a log of logprov of all activities and entities it names."""
    if not isinstance(definitions, dict):
        return []
    data = json.dumps(definitions, sort_keys=True).encode()
    read = parse_definition(data, location="", name="logprov").definition
    if read is None:
        return []
    activities: dict[Any, None] = {}
    entities: dict[Any, None] = {}
    for event in events:
        activities[event.get("activity_name")] = None
        entities[event.get("entity_description")] = None
    found = [
        _event(
            vocabulary.DESCRIPTION, definition=read.name, activity=_fields_of(read.activities[name])
        )
        for name in activities
        if name in read.activities
    ]
    found += [
        _event(vocabulary.DESCRIPTION, definition=read.name, entity=_fields_of(read.entities[name]))
        for name in entities
        if name in read.entities
    ]
    return found


def _fields_of(description: Any) -> dict[str, Any]:
    fields: dict[str, Any] = _without_empty(asdict(description))
    return fields


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        items = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, (), [], {}, False)}
    if isinstance(value, list | tuple):
        return [_without_empty(item) for item in value]
    return value
