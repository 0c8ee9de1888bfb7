"""The hot path: one call in, events out.

Before the user's call its activity is written, after it the activity's end: each in
one write. What we do before and after is guarded; the user's call is not touched.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from provagent.contract.values.encode import encode
from provagent.contract.values.types import type_name
from provagent.contract.vocabulary import (
    ACTIVITY,
    ACTIVITY_END,
    DESCRIPTION,
    LOG_FORMAT,
    OK,
)
from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.call_sites import new_files
from provagent.recording.capture.arguments import Undescribed, is_plain, own_names
from provagent.recording.capture.byte_limit import ByteLimit
from provagent.recording.capture.context import CallSite, Events, Links, OpenActivity, current, now
from provagent.recording.capture.entity_events import changed_by
from provagent.recording.capture.entity_tracker import Call, EntityTracker
from provagent.recording.capture.internal_errors import WRITING, InternalErrors
from provagent.recording.capture.lookup import Missing, found
from provagent.recording.capture.outcome import describe_error, status_of
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.session_configuration import SessionConfiguration
from provagent.recording.capture.sessions import Session, session_event
from provagent.recording.capture.skipped_calls import MAX_BYTES, SkippedCalls
from provagent.recording.capture.user_code import UserCode
from provagent.settings.table import Settings


class Capture:
    """Opens and closes activities.

    ``line`` gives an event's bytes, ``write`` writes them, ``size`` tells how many are written.
    """

    def __init__(
        self,
        *,
        tracker: EntityTracker,
        internal_errors: InternalErrors,
        code: UserCode,
        line: Callable[[dict[str, Any], bool], bytes],
        write: Callable[[bytes], None],
        size: Callable[[], int],
        settings: Settings,
        busy: set[int],
    ) -> None:
        self.tracker = tracker
        self.sessions = tracker.sessions
        self.configured = SessionConfiguration(tracker)
        self.internal_errors = internal_errors
        self.code = code
        self.busy = busy
        self.write = write
        self._line = line
        self._settings = settings
        self.undescribed = Undescribed(tracker, settings)
        self._described: set[tuple[str | None, str]] = set()
        # What probes keep of each call until it ends, by the frame in which it runs.
        self.calls: dict[FrameType, Any] = {}
        self.skipped_calls = SkippedCalls(self.write_all)
        self._skipped_open = self.skipped_calls.open
        self.byte_limit = ByteLimit(
            settings.max_bytes, size, partial(internal_errors.add, "run", MAX_BYTES)
        )
        # What activities have open for writing, by their ids, and what tells it (see files).
        self.written: dict[str, Any] = {}
        self.end_files: Callable[[OpenActivity, Events], None] = lambda _activity, _events: None
        self.meet_file: Callable[[str, str, str, Any], None] = lambda *_: None
        # What is told of the files that definitions say are opened (see opened).
        self.note_opening: Callable[[Any, Any], None] = lambda _file, _mode: None

    def forget(self) -> None:
        """Begin again, in a process that was forked."""
        self.tracker.forget()
        self.code.forget()
        self._described.clear()
        self.busy.clear()
        self.skipped_calls.forget()
        self.byte_limit.restart()

    def is_recorded(self, plan: Plan, instance: Any, args: tuple[Any, ...]) -> bool:
        """Whether this call is to be recorded: not from our own work, nor another class's."""
        if get_ident() in self.busy:
            return False
        if not plan.receivers:
            return True
        receiver = args[0] if instance is None and args else instance
        cls = receiver if introspection.is_class(receiver) else type(receiver)
        return any(introspection.is_among(base, plan.receivers) for base in introspection.mro(cls))

    def open(
        self,
        plan: Plan,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        frame: FrameType | CallSite,
    ) -> OpenActivity | None:
        """Write that the activity began; None when that could not be done."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            return self.begin(plan, (instance, args, kwargs, None), frame, thread)
        except BaseException as error:
            self.internal_errors.add(plan.target, "before the call", error)
            return None
        finally:
            self.busy.discard(thread)

    def begin(
        self, plan: Plan, call: Call, frame: FrameType | CallSite, thread: int, start: str = ""
    ) -> OpenActivity:
        """What ``open`` does, unguarded; with ``start``: of a call that began then."""
        tracker, parent = self.tracker, current.get()
        call = own_names(call) if call[2] else call
        place: Any = CallSite(frame) if type(frame) is FrameType else frame
        groups = plan.group if parent is None else parent.groups | plan.group
        activity = OpenActivity(tracker.new_id(), tracker.order, place, groups)
        events: Events = []
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": ACTIVITY,
            "activity_id": activity.id,
            "activity_name": plan.name,
            "target": plan.target,
            "startTime": start or now(),
            "thread": thread,
            **place.event_fields(),
        }
        if parent is not None:
            fields["parent_id"] = parent.id
        if plan.definition is not None:
            fields["definition"] = plan.definition
            self._describe(plan, events)
        session = self._add_instance(plan, call[0], fields, events) if plan.takes_instance else None
        parameters, used = self._inputs(plan, call, activity, events)
        if parameters:
            fields["parameters"] = parameters
        if session is not None and session.given and plan.log_entities:
            self.configured.add_used(session, call[0], activity, events, used)
        if used:
            fields["used"] = used
        fits = plan.expected is None or plan.expected.mark(fields, events)
        events.append((fields, fits and is_plain(parameters)))
        self.write_all(plan.target, events)
        return activity

    def close(
        self, plan: Plan, activity: OpenActivity, call: Call, error: BaseException | None = None
    ) -> None:
        """Write that the activity ended."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            self.finish(plan, activity, call, error)
        except BaseException as failure:
            self.internal_errors.add(plan.target, "after the call", failure)
        finally:
            self.busy.discard(thread)

    def finish(
        self, plan: Plan, activity: OpenActivity, call: Call, error: BaseException | None
    ) -> None:
        """What ``close`` does, unguarded."""
        call = own_names(call) if call[2] else call
        events: Events = []
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": ACTIVITY_END,
            "activity_id": activity.id,
            "endTime": now(),
            "status": OK,
        }
        fits = error is None
        if error is not None:
            fields["status"] = status_of(error)
            fields["error"] = describe_error(error)
        else:
            generated = self.outputs(plan, call, activity, events)
            if generated:
                fields["generated"] = generated
            fits = plan.expected is None or plan.expected.mark(fields, events)
        if self.written:
            self.end_files(activity, events)
        if self._skipped_open:
            self.skipped_calls.end(activity.id, events)
        events.append((fields, fits))
        self.write_all(plan.target, events)

    def open_session(
        self, plan: Plan, instance: Any, call: Call, place: CallSite, session: Session
    ) -> None:
        """Write that a woven class has a new instance, with its configuration."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            configuration = self._parameters(plan, call)
            fields = session_event(session.id, type(instance), now(), configuration)
            fields |= place.event_fields()
            if plan.expected is not None:
                plan.expected.mark(fields, [])
            events: Events = [(fields, False)]
            if plan.log_entities:
                self.configured.observe(session, plan, call, place, current.get(), events)
            self.write_all(plan.target, events)
        except BaseException as error:
            self.internal_errors.add(plan.target, "at the constructor", error)
        finally:
            self.busy.discard(thread)

    def write_all(self, target: str, events: Events) -> None:
        """Write the events of a call, or of what was seen, in one write."""
        try:
            line = self._line
            if new_files:
                self.keep_code()
            if len(events) == 1:
                self.write(line(*events[0]))
            else:
                self.write(b"".join([line(*event) for event in events]))
        except BaseException as error:
            self.internal_errors.add(target, WRITING, error)

    def keep_code(self) -> None:
        """Keep the user's code that is loaded by now."""
        try:
            self.code.keep_new()
        except OSError as error:  # what follows cannot be written either, and is complained of
            if is_the_programs(error):
                raise
        except Exception as error:
            self.internal_errors.add("code", WRITING, error)

    def _describe(self, plan: Plan, events: Events) -> None:
        key = (plan.definition, plan.name)
        if key in self._described:
            return
        self._described.add(key)
        described = {"v": LOG_FORMAT, "event": DESCRIPTION, "definition": plan.definition}
        if (plan.definition, "") not in self._described:
            self._described.add((plan.definition, ""))
            events += [({**described, "agent": agent}, False) for agent in plan.agents]
        events.append(({**described, "activity": plan.description}, False))

    def _add_instance(
        self, plan: Plan, instance: Any, fields: dict[str, Any], events: Events
    ) -> Session | None:
        cls = type(instance)
        if cls is not plan.owner:
            if issubclass(cls, type):
                cls = instance
            if cls is not plan.owner:
                fields["class"] = type_name(cls)
        session = self.sessions.find(instance)
        if session is None and cls is type(instance) and self.sessions.are_of(cls):
            session = self.sessions.open(instance)
            events.append((session_event(session.id, cls, fields["startTime"], {}), True))
        if session is not None:
            fields["session_id"] = session.id
        return session

    def _inputs(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> tuple[dict[str, Any], Links]:
        if not plan.is_described:
            return self.undescribed.inputs(plan, call, activity, events)
        return self._parameters(plan, call), self.usages(plan, call, activity, events)

    def usages(self, plan: Plan, call: Call, activity: OpenActivity, events: Events) -> Links:
        """What a call uses that a definition describes."""
        used = []
        if plan.files:
            self.tracker.files.read_ahead([found(location, call) for location in plan.files])
        for use in plan.usages:
            try:
                entity_id = self.tracker.find(use, call, activity, events, False)
            except BaseException as error:
                self.internal_errors.add(plan.target, f"role {use.role!r}", error)
                continue
            if entity_id is not None:
                used.append({"used_id": entity_id, **use.used_as})
        return used

    def outputs(self, plan: Plan, call: Call, activity: OpenActivity, events: Events) -> Links:
        """What a call has generated."""
        if not plan.is_described:
            return self.undescribed.outputs(plan, call[3], activity, events)
        generated = []
        for use in plan.generations:
            first = len(events)
            try:
                entity_id = self.tracker.find(use, call, activity, events, True)
            except BaseException as error:
                self.internal_errors.add(plan.target, f"role {use.role!r}", error)
                continue
            ids = [] if use.members is None else changed_by(activity.id, events[first:])
            if entity_id is not None and entity_id not in ids:
                ids.append(entity_id)
            generated += [{"generated_id": each, "generated_role": use.role} for each in ids]
        return generated

    def _parameters(self, plan: Plan, call: Call) -> dict[str, Any]:
        if not plan.is_described:
            return self.undescribed.parameters(plan, call)
        parameters = {}
        for name, select in plan.parameters:
            try:
                parameters[name] = self._encode(select(*call))
            except Missing:
                continue
            except BaseException as error:
                self.internal_errors.add(plan.target, f"parameter {name!r}", error)
        return parameters

    def _encode(self, value: Any) -> Any:
        return encode(value, max_items=self._settings.max_items)
