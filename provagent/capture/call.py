"""The hot path: one call in, events out.

Before the user's call its activity is written, after it the activity's end: each in
one write. What we do before and after is guarded; the user's call is not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from types import FrameType, FunctionType, ModuleType
from typing import Any

from provagent.capture.bound import arguments, is_object, is_plain
from provagent.capture.compile import undescribed_kind
from provagent.capture.complaints import WRITING, Complaints
from provagent.capture.context import Open, Place, address_of, current, line_of, now
from provagent.capture.entities import Call, Ledger
from provagent.capture.entity_events import Events
from provagent.capture.outcome import describe_error, status_of
from provagent.capture.plan import Plan
from provagent.capture.select import Missing, found
from provagent.capture.sessions import Sessions, session_event
from provagent.settings import Settings
from provagent.terms import (
    ACTIVITY,
    ACTIVITY_END,
    DESCRIPTION,
    LOG_FORMAT,
    OK,
)
from provagent.value.encode import encode
from provagent.value.types import type_name

_CODE = (FunctionType, ModuleType, type)  # arguments that are code, not data


class Capture:
    """Opens and closes activities. ``line`` gives an event's bytes, ``write`` writes them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        sessions: Sessions,
        complaints: Complaints,
        line: Callable[[dict[str, Any], bool], bytes],
        write: Callable[[bytes], None],
        settings: Settings,
        busy: set[int],
    ) -> None:
        self.ledger = ledger
        self.sessions = sessions
        self.complaints = complaints
        self.busy = busy
        self.write = write
        self._line = line
        self._settings = settings
        self._undescribed = undescribed_kind(ledger.digests)
        self._described: set[tuple[str | None, str]] = set()
        # What activities have open for writing, by their ids, and what tells it (see files).
        self.written: dict[str, Any] = {}
        self.end_files: Callable[[Open, Events], None] = lambda _activity, _events: None

    def forget(self) -> None:
        """Begin again, in a process that was forked."""
        self.ledger.forget()
        self._described.clear()
        self.busy.clear()

    def is_meant(self, plan: Plan, instance: Any, args: tuple[Any, ...]) -> bool:
        """Whether this call is to be recorded: not from our own work, nor another class's."""
        if get_ident() in self.busy:
            return False
        if not plan.receivers:
            return True
        receiver = args[0] if instance is None and args else instance
        cls = receiver if issubclass(type(receiver), type) else type(receiver)
        return any(base in plan.receivers for base in cls.__mro__)

    def open(
        self,
        plan: Plan,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        frame: FrameType | Place,
    ) -> Open | None:
        """Write that the activity began; None when that could not be done."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            return self._open(plan, (instance, args, kwargs, None), frame, thread)
        except BaseException as error:
            self.complaints.add(plan.target, "before the call", error)
            return None
        finally:
            self.busy.discard(thread)

    def _open(self, plan: Plan, call: Call, frame: FrameType | Place, thread: int) -> Open:
        ledger, parent = self.ledger, current.get()
        place: Any = frame
        if type(frame) is FrameType:
            offset = frame.f_lasti
            place = Place(frame.f_code, offset, line_of(frame, offset), address_of(frame))
        activity = Open(ledger.new_id(), ledger.order, place)
        events: Events = []
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": ACTIVITY,
            "activity_id": activity.id,
            "activity_name": plan.name,
            "target": plan.target,
            "startTime": now(),
            "thread": thread,
            "site": {"file": place.code.co_filename, "line": place.line},
        }
        if parent is not None:
            fields["parent_id"] = parent.id
        if plan.definition is not None:
            fields["definition"] = plan.definition
            self._describe(plan, events)
        if plan.takes_instance:
            self._add_instance(plan, call[0], fields, events)
        if plan.is_described:
            parameters = self._parameters(plan, call)
            used = self._usages(plan, call, activity, events)
        else:
            parameters, used = self._bound(plan, call, activity, events)
        if parameters:
            fields["parameters"] = parameters
        if used:
            fields["used"] = used
        is_plain_text = is_plain(parameters)
        if plan.rules is not None:
            is_plain_text &= plan.rules.mark(plan.target, fields, events, self.complaints)
        events.append((fields, is_plain_text))
        self.write_all(plan.target, events)
        return activity

    def close(
        self, plan: Plan, activity: Open, call: Call, error: BaseException | None = None
    ) -> None:
        """Write that the activity ended."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            self._close(plan, activity, call, error)
        except BaseException as failure:
            self.complaints.add(plan.target, "after the call", failure)
        finally:
            self.busy.discard(thread)

    def _close(self, plan: Plan, activity: Open, call: Call, error: BaseException | None) -> None:
        events: Events = []
        fields: dict[str, Any] = {
            "v": LOG_FORMAT,
            "event": ACTIVITY_END,
            "activity_id": activity.id,
            "endTime": now(),
            "status": OK,
        }
        is_right = error is None
        if error is not None:
            fields["status"] = status_of(error)
            fields["error"] = describe_error(error)
        else:
            generated = self._outputs(plan, call, activity, events)
            if generated:
                fields["generated"] = generated
            if plan.rules is not None:
                is_right = plan.rules.mark(plan.target, fields, events, self.complaints)
        if self.written:
            self.end_files(activity, events)
        events.append((fields, is_right))
        self.write_all(plan.target, events)

    def open_session(
        self, plan: Plan, instance: Any, call: Call, place: Place, session_id: str
    ) -> None:
        """Write that a woven class has a new instance, with its configuration."""
        thread = get_ident()
        try:
            self.busy.add(thread)
            cls = type(instance)
            configuration = self._parameters(plan, call)
            fields = session_event(session_id, cls, now(), configuration)
            fields["site"] = {"file": place.code.co_filename, "line": place.line}
            self.write_all(plan.target, [(fields, False)])
        except BaseException as error:
            self.complaints.add(plan.target, "at the constructor", error)
        finally:
            self.busy.discard(thread)

    def write_all(self, target: str, events: Events) -> None:
        """Write the events of a call, or of what was seen, in one write."""
        try:
            line = self._line
            if len(events) == 1:
                self.write(line(*events[0]))
            else:
                self.write(b"".join([line(*event) for event in events]))
        except BaseException as error:
            self.complaints.add(target, WRITING, error)

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
    ) -> None:
        cls = type(instance)
        if cls is not plan.owner:
            if issubclass(cls, type):
                cls = instance
            if cls is not plan.owner:
                fields["class"] = type_name(cls)
        session_id = self.sessions.find(instance)
        if session_id is None and cls is type(instance) and self.sessions.are_of(cls):
            session_id = self.sessions.open(instance)
            events.append((session_event(session_id, cls, fields["startTime"], {}), True))
        if session_id is not None:
            fields["session_id"] = session_id

    def _usages(
        self, plan: Plan, call: Call, activity: Open, events: Events
    ) -> list[dict[str, str]]:
        used = []
        if plan.files:
            self.ledger.files.read_ahead([found(location, call) for location in plan.files])
        for use in plan.usages:
            try:
                entity_id = self.ledger.find(use, call, activity, events, False)
            except BaseException as error:
                self.complaints.add(plan.target, f"role {use.role!r}", error)
                continue
            if entity_id is not None:
                used.append({"used_id": entity_id, "used_role": use.role})
        return used

    def _outputs(
        self, plan: Plan, call: Call, activity: Open, events: Events
    ) -> list[dict[str, str]]:
        if not plan.is_described:
            return self._result(call[3], activity, events)
        generated = []
        for use in plan.generations:
            try:
                entity_id = self.ledger.find(use, call, activity, events, True)
            except BaseException as error:
                self.complaints.add(plan.target, f"role {use.role!r}", error)
                continue
            if entity_id is not None:
                generated.append({"generated_id": entity_id, "generated_role": use.role})
        return generated

    def _result(self, result: Any, activity: Open, events: Events) -> list[dict[str, str]]:
        """The result of a call that no definition describes."""
        if result is None or not self._settings.log_returned_result:
            return []
        entity_id = self.ledger.value(result, self._undescribed, "result", activity, events, True)
        return [{"generated_id": entity_id, "generated_role": "result"}]

    def _parameters(self, plan: Plan, call: Call) -> dict[str, Any]:
        if not plan.is_described:
            return {name: self._encode(value) for name, value, _ in arguments(plan, call)}
        parameters = {}
        for name, select in plan.parameters:
            try:
                parameters[name] = self._encode(select(*call))
            except Missing:
                continue
            except BaseException as error:
                self.complaints.add(plan.target, f"parameter {name!r}", error)
        return parameters

    def _bound(
        self, plan: Plan, call: Call, activity: Open, events: Events
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """The arguments of a call that no definition describes."""
        settings = self._settings
        parameters: dict[str, Any] = {}
        used = []
        for name, value, by_keyword in arguments(plan, call):
            data = self._encode(value)
            is_data = not is_object(data) or issubclass(type(value), _CODE)
            if settings.log_args_as_entities and (not is_data or self.ledger.has_met(value)):
                entity_id = self.ledger.value(
                    value, self._undescribed, name, activity, events, False
                )
                used.append({"used_id": entity_id, "used_role": name})
            if is_data and (settings.log_kwargs if by_keyword else settings.log_args):
                parameters[name] = data
        return parameters, used

    def _encode(self, value: Any) -> Any:
        return encode(value, max_items=self._settings.max_items)
