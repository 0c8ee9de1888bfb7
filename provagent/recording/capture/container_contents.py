"""The members of containers: known entities, and values that an activity made.

An activity that receives a list also receives the items of the list. Of an argument, the items are
recorded that this process knows already, by the object or by the content. Of a result, all items
are recorded that may be used on their own later. If objects come from other processes, this process
does not know them. The index can find them by content in the record of the process that made them,
so these items are recorded as well.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import PYTHON_OBJECT
from provagent.identity.distinctive import is_distinctive
from provagent.identity.registry import Identity, identify
from provagent.isolation import introspection
from provagent.recording.capture.collection_members import (
    FEW,
    KNOWN,
    NEW,
    NO,
    NUMBERS,
    TEXTS,
    ContainedItems,
    contained_items,
    is_code,
    is_data,
    is_plain,
    length_of,
)
from provagent.recording.capture.observed_value import ObservedValue
from provagent.recording.capture.plan import undescribed_kind

if TYPE_CHECKING:
    from provagent.recording.capture.context import Events, OpenActivity
    from provagent.recording.capture.known_objects import KnownEntity
    from provagent.recording.capture.tracker import Tracker

_LONG = 256  # characters; shorter texts are names and paths, and nobody asks for their origin
# factor on the items read if processes exchange tasks: nothing else shows a list's origin
_TIMES = 100


class ContainerContents:
    """Finds the members of containers; at most ``max_items`` items of a container are read.

    ``exchanges``: this process sends tasks to other processes, or works for another process.
    """

    def __init__(self, tracker: Tracker, max_items: int) -> None:
        self._tracker = tracker
        self._max_items = max_items
        self.kind = undescribed_kind(PYTHON_OBJECT, partial(identify, **tracker.digests.options()))
        self.exchanges = False

    def contained(self, value: Any, *, is_made: bool) -> ContainedItems | None:
        """Return the members of a container; None without members, or if the value is no container.

        ``is_made``: an activity has generated the value.
        """
        contained = contained_items(value, self._made if is_made else self._used, self._max_items)
        return contained if contained is not None and contained.items else None

    def entities(
        self, contained: ContainedItems, activity: OpenActivity, events: Events, is_made: bool
    ) -> list[KnownEntity]:
        """Return the entity of each item, in its present state."""
        return [
            self.entity(item, None, activity, events, is_made and what == NEW, None)
            for item, what in contained.items
        ]

    def entity(
        self,
        value: Any,
        name: str | None,
        activity: OpenActivity,
        events: Events,
        is_made: bool,
        contained: ContainedItems | None,
    ) -> KnownEntity:
        """Return the entity of an argument, a result or a member that no definition describes."""
        observed = ObservedValue(self.kind, value, None, name, None)
        return self._tracker.object(
            self.kind, value, observed, None, None, activity, events, is_made, contained
        )

    def is_recorded(self, value: Any) -> bool:
        """Return whether this object, or its content, is an entity already."""
        return self._tracker.objects.may_have(value) or self._is_equal_to_known(value)

    def _is_known(self, value: Any) -> bool:
        objects = self._tracker.objects
        if not objects.may_have(value):
            return False
        return (
            objects.has(value) or objects.find(value, self.kind.identify(value).digest) is not None
        )

    def _is_equal_to_known(self, value: Any) -> bool:
        """Return whether an activity has made this content, here or possibly in another process."""
        if introspection.is_among(type(value), NUMBERS):
            return False
        exchanges, contents = self.exchanges or _is_worker(), self._tracker.contents
        if not (exchanges or contents.may_have(type(value))):
            return False
        length = length_of(value)
        if introspection.is_among(type(value), TEXTS) and length < _LONG:
            return False
        if length > self._max_items * (_TIMES if exchanges else 1):
            return False
        if is_code(value) or not is_distinctive(value):
            return False
        identity: Identity = self.kind.identify(value)
        if identity.digest is None or identity.identified != "content" or identity.sampled:
            return False
        return exchanges or contents.has(identity.digest)

    def _used(self, item: Any, outer: Any, _count: int, _is_bare: bool) -> int:
        if self._is_known(item):
            return KNOWN
        if not is_data(outer):  # an attribute of a client or a pool is of no use elsewhere
            return NO
        return NEW if self._is_equal_to_known(item) else NO

    def _made(self, item: Any, outer: Any, count: int, is_bare: bool) -> int:
        if is_code(item):
            return NO
        if self._is_known(item):
            return KNOWN
        if not is_bare:  # an attribute of an object, or part of an attribute
            return NEW if is_data(outer) and self._is_equal_to_known(item) else NO
        if not is_plain(item):
            return NEW
        is_result = count <= FEW and (type(item) is not float or issubclass(type(outer), tuple))
        return NEW if is_result else NO


def _is_worker() -> bool:
    """Return whether this is a process of multiprocessing or of a library that uses it."""
    module: Any = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None
