"""The hot path: from a call to events.

The event of the activity is written before the user's call, and the event of its end after the
call: each in one write. Errors of our code before and after the call are caught; the user's call
itself is not changed.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
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
from provagent.recording.capture.arguments import Undescribed, is_plain, own_names
from provagent.recording.capture.context import CallSite, Events, Links, OpenActivity, current, now
from provagent.recording.capture.entity_events import changed_by
from provagent.recording.capture.entity_tracker import Call, EntityTracker
from provagent.recording.capture.event_writer import EventWriter
from provagent.recording.capture.lookup import Missing, found
from provagent.recording.capture.outcome import describe_error, status_of
from provagent.recording.capture.plan import Plan
from provagent.recording.capture.session_configuration import SessionConfiguration
from provagent.recording.capture.sessions import Session, session_event
from provagent.settings.table import Settings


class Capture:
    """Opens and closes activities.

    ``on_opening`` is called with the file and the mode of each opening that a definition declares.
    """

    def __init__(
        self,
        writer: EventWriter,
        tracker: EntityTracker,
        settings: Settings,
        on_opening: Callable[[Any, Any], None] = lambda _file, _mode: None,
    ) -> None:
        self.tracker = tracker
        self.sessions = tracker.sessions
        self.configured = SessionConfiguration(tracker)
        self.writer = writer
        self.write_all = writer.write_all
        self.internal_errors = writer.internal_errors
        self.busy = writer.busy
        self.skipped_calls = writer.skipped_calls
        self.byte_limit = writer.byte_limit
        self.on_opening = on_opening
        self._settings = settings
        self.undescribed = Undescribed(tracker, settings)
        self._described: set[tuple[str | None, str]] = set()
        # What probes keep of each call until the call ends, by the frame in which the call runs.
        self.calls: dict[FrameType, Any] = {}
        self._skipped_open = self.skipped_calls.open
        self._written = tracker.seen.owners

    def forget(self) -> None:
        """Start again in a forked process."""
        self.tracker.forget()
        self.writer.forget()
        self._described.clear()

    def is_recorded(self, plan: Plan, instance: Any, args: tuple[Any, ...]) -> bool:
        """Return whether to record this call: no call of our own work, no call of another class."""
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
        """Write the start of the activity; return None after an internal error."""
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
        """Do the work of ``open`` without a guard; ``start`` is the time of an earlier start."""
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
        """Write the end of the activity."""
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
        """Do the work of ``close`` without a guard."""
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
        if self._written:
            self.tracker.seen.end(activity, events)
        if self._skipped_open:
            self.skipped_calls.end(activity.id, events)
        events.append((fields, fits))
        self.write_all(plan.target, events)

    def open_session(
        self, plan: Plan, instance: Any, call: Call, place: CallSite, session: Session
    ) -> None:
        """Write the session of a new instance of a woven class, with its configuration."""
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
        """Return the usages of a call that a definition describes."""
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
        """Return the generations of a call."""
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
