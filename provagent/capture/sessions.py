"""Sessions: the instances of woven classes, known by identity and not kept alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from provagent import beneath
from provagent.address import address_of
from provagent.terms import LOG_FORMAT, SESSION
from provagent.value.types import TypeCache, type_name


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


class Sessions:
    """Session identifiers by instance. ``classes`` are those whose instances are sessions."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.classes: list[type] = []
        self.under_way: list[Any] = []  # instances whose constructor runs
        self._new_id = new_id
        self._ids: dict[int, tuple[weakref.ref[Any] | None, str]] = {}
        self._known_types: TypeCache[bool] = TypeCache(self._are_of)

    def add_class(self, cls: type) -> None:
        self.classes.append(cls)
        self._known_types.clear()

    def let_go(self) -> None:
        """Keep no class: through its methods it keeps the module that defines it."""
        self.classes.clear()
        self._known_types.clear()

    def are_of(self, cls: type) -> bool:
        """Whether instances of ``cls`` are sessions."""
        known = self._known_types.known.get(id(cls))
        return self._known_types(cls) if known is None else known

    def _are_of(self, cls: type) -> bool:
        return any(beneath.is_among(base, self.classes) for base in beneath.mro(cls))

    def find(self, instance: Any) -> str | None:
        """The session that this instance is."""
        entry = self._ids.get(address_of(instance))
        if entry is None:
            return None
        reference, session_id = entry
        return session_id if reference is None or reference() is instance else None

    def open(self, instance: Any) -> str:
        """A new session for this instance."""
        address, session_id = address_of(instance), self._new_id()
        try:
            # Called without a frame of ours, in which a signal's handler could raise unheard.
            reference = weakref.ref(instance, partial(self._ids.pop, address))
        except TypeError:
            reference = None  # its constructor will replace this entry when the address is reused
        self._ids[address] = (reference, session_id)
        return session_id
