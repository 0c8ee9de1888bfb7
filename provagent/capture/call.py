"""The hot path: one call in, events out.

Before the user's call its activity is written, after it the activity's end: each in
one write. What we do before and after is guarded; the user's call is not touched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import get_ident
from types import FrameType, FunctionType, ModuleType
from typing import Any, TypeAlias

from provagent.capture.complaints import Complaints
from provagent.capture.context import Open, Place, current, now
from provagent.capture.entities import Ledger
from provagent.capture.plan import Kind, Plan, Use, undescribed_kind
from provagent.capture.select import Missing
from provagent.capture.sessions import Sessions
from provagent.settings import Settings
from provagent.terms import (
    ACTIVITY,
    ACTIVITY_END,
    CANCELLED,
    DESCRIPTION,
    ERROR,
    OK,
    SESSION,
)
from provagent.value import encode, type_name

Call: TypeAlias = tuple[Any, tuple[Any, ...], dict[str, Any], Any]

_UNDESCRIBED: Kind = undescribed_kind()
_CODE = (FunctionType, ModuleType, type)  # arguments that are code, not data


class Capture:
    """Opens and closes activities. ``render`` gives an event's bytes, ``write`` writes them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        sessions: Sessions,
        complaints: Complaints,
        render: Callable[..., bytes],
        write: Callable[[bytes], None],
        settings: Settings,
        busy: set[int],
    ) -> None:
        self.ledger = ledger
        self.sessions = sessions
        self.complaints = complaints
        self.busy = busy
        self._render = render
        self._write = write
        self._settings = settings
        self._described: set[tuple[str | None, str]] = set()

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
        frame: FrameType | None,
    ) -> Open | None:
        """Write that the activity began; None when that could not be done."""
        thread = get_ident()
        self.busy.add(thread)
        try:
            return self._open(plan, (instance, args, kwargs, None), frame, thread)
        except Exception as error:
            self.complaints.add(plan.target, "before the call", error)
            return None
        finally:
            self.busy.discard(thread)

    def _open(self, plan: Plan, call: Call, frame: FrameType | None, thread: int) -> Open:
        start = now()
        parent = current.get()
        activity = Open(
            self.ledger.new_id(), plan.name, self.ledger.order, _place(frame), parent
        )
        lines: list[bytes] = []
        emit = self._emitter(lines)
        if plan.description is not None and (plan.definition, plan.name) not in self._described:
            self._described.add((plan.definition, plan.name))
            emit(DESCRIPTION, definition=plan.definition, activity=plan.description)
        fields: dict[str, Any] = {
            "activity_id": activity.id,
            "activity_name": plan.name,
            "target": plan.target,
            "startTime": start,
            "thread": thread,
        }
        if parent is not None:
            fields["parent_id"] = parent.id
        if plan.definition is not None:
            fields["definition"] = plan.definition
        if activity.place is not None:
            fields["site"] = {"file": activity.place.file, "line": activity.place.line}
        if plan.takes_instance:
            self._add_instance(plan, call[0], fields, emit)
        parameters, used = self._inputs(plan, call, activity, emit)
        if parameters:
            fields["parameters"] = parameters
        if used:
            fields["used"] = used
        emit(ACTIVITY, **fields)
        self._write_lines(plan, lines)
        return activity

    def close(
        self, plan: Plan, activity: Open, call: Call, error: BaseException | None = None
    ) -> None:
        """Write that the activity ended."""
        thread = get_ident()
        self.busy.add(thread)
        try:
            self._close(plan, activity, call, error)
        except Exception as failure:
            self.complaints.add(plan.target, "after the call", failure)
        finally:
            self.busy.discard(thread)

    def _close(
        self, plan: Plan, activity: Open, call: Call, error: BaseException | None
    ) -> None:
        end = now()
        lines: list[bytes] = []
        emit = self._emitter(lines)
        fields: dict[str, Any] = {"activity_id": activity.id, "endTime": end}
        if error is None:
            fields["status"] = OK
            generated = self._outputs(plan, call, activity, emit)
            if generated:
                fields["generated"] = generated
        else:
            fields["status"] = status_of(error)
            fields["error"] = describe_error(error)
        emit(ACTIVITY_END, **fields)
        self._write_lines(plan, lines)

    def open_session(
        self, plan: Plan, instance: Any, call: Call, frame: FrameType | None, session_id: str
    ) -> None:
        """Write that a woven class has a new instance, with its configuration."""
        thread = get_ident()
        self.busy.add(thread)
        try:
            lines: list[bytes] = []
            cls = type(instance)
            fields: dict[str, Any] = {
                "session_id": session_id,
                "module": cls.__module__,
                "class": cls.__qualname__,
                "startTime": now(),
                "configuration": self._parameters(plan, call),
            }
            place = _place(frame)
            if place is not None:
                fields["site"] = {"file": place.file, "line": place.line}
            self._emitter(lines)(SESSION, **fields)
            self._write_lines(plan, lines)
        except Exception as error:
            self.complaints.add(plan.target, "at the constructor", error)
        finally:
            self.busy.discard(thread)

    def _emitter(self, lines: list[bytes]) -> Callable[..., None]:
        render = self._render

        def emit(event: str, **fields: Any) -> None:
            lines.append(render(event, **fields))

        return emit

    def _write_lines(self, plan: Plan, lines: list[bytes]) -> None:
        try:
            self._write(b"".join(lines))
        except Exception as error:
            self.complaints.add(plan.target, "writing to the store", error)

    def _add_instance(
        self, plan: Plan, instance: Any, fields: dict[str, Any], emit: Callable[..., None]
    ) -> None:
        cls = instance if issubclass(type(instance), type) else type(instance)
        if cls is not plan.owner:
            fields["class"] = type_name(cls)
        session_id = self.sessions.find(instance)
        if session_id is None and cls is type(instance) and self.sessions.are_of(cls):
            session_id = self.sessions.open(instance)
            emit(
                SESSION,
                session_id=session_id,
                module=cls.__module__,
                **{"class": cls.__qualname__},
                startTime=fields["startTime"],
                configuration={},
            )
        if session_id is not None:
            fields["session_id"] = session_id

    def _inputs(
        self, plan: Plan, call: Call, activity: Open, emit: Callable[..., None]
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        if not plan.is_described:
            return self._bound(plan, call, activity, emit)
        used = []
        for use in plan.usages:
            entity_id = self._guarded(plan, use, self.ledger.use, call, activity, emit)
            if entity_id is not None:
                used.append({"used_id": entity_id, "used_role": use.role})
        return self._parameters(plan, call), used

    def _outputs(
        self, plan: Plan, call: Call, activity: Open, emit: Callable[..., None]
    ) -> list[dict[str, str]]:
        if plan.is_described:
            found = [
                (use.role, self._guarded(plan, use, self.ledger.generate, call, activity, emit))
                for use in plan.generations
            ]
        elif self._settings.log_returned_result and call[3] is not None:
            entity_id = self.ledger.value(
                call[3], _UNDESCRIBED, "result", activity, emit, generated=True
            )
            found = [("result", entity_id)]
        else:
            return []
        return [
            {"generated_id": entity_id, "generated_role": role}
            for role, entity_id in found
            if entity_id is not None
        ]

    def _guarded(
        self, plan: Plan, use: Use, find: Callable[..., str | None], *call: Any
    ) -> str | None:
        try:
            return find(use, *call)
        except Exception as error:
            self.complaints.add(plan.target, f"role {use.role!r}", error)
            return None

    def _parameters(self, plan: Plan, call: Call) -> dict[str, Any]:
        if not plan.is_described:
            return {name: self._encode(value) for name, value, _ in _arguments(plan, call)}
        parameters = {}
        for name, select in plan.parameters:
            try:
                parameters[name] = self._encode(select(*call))
            except Missing:
                continue
            except Exception as error:
                self.complaints.add(plan.target, f"parameter {name!r}", error)
        return parameters

    def _bound(
        self, plan: Plan, call: Call, activity: Open, emit: Callable[..., None]
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """The arguments of a call that no definition describes."""
        settings = self._settings
        parameters: dict[str, Any] = {}
        used = []
        for name, value, by_keyword in _arguments(plan, call):
            data = self._encode(value)
            is_object = _is_object(data) and not issubclass(type(value), _CODE)
            if settings.log_args_as_entities and (is_object or self.ledger.has_met(value)):
                entity_id = self.ledger.value(
                    value, _UNDESCRIBED, name, activity, emit, generated=False
                )
                used.append({"used_id": entity_id, "used_role": name})
            if not is_object and (settings.log_kwargs if by_keyword else settings.log_args):
                parameters[name] = data
        return parameters, used

    def _encode(self, value: Any) -> Any:
        return encode(value, max_items=self._settings.max_items)


def _arguments(plan: Plan, call: Call) -> list[tuple[str, Any, bool]]:
    names = plan.signature.positional
    _, args, kwargs, _ = call
    found = [(name, value, False) for name, value in zip(names, args, strict=False)]
    if len(args) > len(names):
        found.append((plan.signature.var_positional or "args", args[len(names) :], False))
    found.extend((name, value, True) for name, value in kwargs.items())
    return found


def _is_object(data: Any) -> bool:
    return type(data) is dict and data.get("$type") == "object"


def _place(frame: FrameType | None) -> Place | None:
    if frame is None:
        return None
    return Place(frame.f_code.co_filename, frame.f_lineno, id(frame))


def status_of(error: BaseException) -> str:
    """How an activity that raised this has ended."""
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        return CANCELLED
    if isinstance(error, SystemExit) and not error.code:
        return OK
    # asyncio is not imported for this: where it is, its module names the class.
    asyncio = sys.modules.get("asyncio")
    cancelled = getattr(asyncio, "CancelledError", ())
    return CANCELLED if isinstance(error, cancelled) else ERROR


def describe_error(error: BaseException) -> dict[str, str]:
    """The exception's type, as module:QualName, and its message."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be read)"
    return {"type": type_name(type(error)), "message": message}
