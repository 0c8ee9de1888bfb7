"""Sessions: the instances of woven classes, known by identity and not kept alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.contract.values.types import TypeCache, type_name
from provagent.contract.vocabulary import LOG_FORMAT, SESSION
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of


def session_event(
    session_id: str, cls: type, start: str, configuration: dict[str, Any]
) -> dict[str, Any]:
    """Return the event of an instance of ``cls`` that came into use."""
    module, _, qualname = type_name(cls).partition(":")
    return {
        "v": LOG_FORMAT,
        "event": SESSION,
        "session_id": session_id,
        "module": module,
        "class": qualname,
        "startTime": start,
        "configuration": configuration,
    }


class Session:
    """An instance of a woven class; ``reference`` is a weak reference, if the class allows one.

    ``given`` is its configuration (see session_configuration). ``first_read`` is the number of
    files that constructors had read before its own constructor started.
    """

    __slots__ = ("first_read", "given", "id", "reference")

    def __init__(self, id: str, reference: weakref.ref[Any] | None, first_read: int) -> None:  # noqa: A002 - its name everywhere
        self.id = id
        self.reference = reference
        self.first_read = first_read
        self.given: tuple[Any, ...] = ()


class Sessions:
    """Sessions by instance; instances of ``classes`` are sessions.

    ``reads`` contains the files that were read during constructors, with thread and activity.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.classes: list[type] = []
        self.under_way: list[Any] = []  # instances whose constructor runs
        self.reads: list[tuple[int, str, str]] = []
        self._new_id = new_id
        self._sessions: dict[int, Session] = {}
        self._known_types: TypeCache[bool] = TypeCache(self._are_of)

    def add_class(self, cls: type) -> None:
        self.classes.append(cls)
        self._known_types.clear()

    def drop_references(self) -> None:
        """Keep no class: a class keeps its module alive through its methods."""
        self.classes.clear()
        self._known_types.clear()

    def are_of(self, cls: type) -> bool:
        """Return whether instances of ``cls`` are sessions."""
        known = self._known_types.known.get(id(cls))
        return self._known_types(cls) if known is None else known

    def _are_of(self, cls: type) -> bool:
        return any(introspection.is_among(base, self.classes) for base in introspection.mro(cls))

    def find(self, instance: Any) -> Session | None:
        """Return the session of this instance."""
        session = self._sessions.get(address_of(instance))
        if session is None:
            return None
        reference = session.reference
        return session if reference is None or reference() is instance else None

    def open(self, instance: Any) -> Session:
        """Return a new session for this instance."""
        address = address_of(instance)
        try:
            # A partial has no Python frame, in which an exception of a signal handler could be
            # lost.
            reference = weakref.ref(instance, partial(self._sessions.pop, address))
        except TypeError:
            # if the address is used again, the new object's constructor replaces this entry
            reference = None
        session = Session(self._new_id(), reference, len(self.reads))
        self._sessions[address] = session
        return session
