"""What is recorded of the things in a container: those that are known, and those that were made.

An activity that is handed a list was handed what is in it. Of an argument that is what this
process knows already, by itself or by its content. Of a result it is whatever may be used by itself
later. Where objects come from other processes, nothing of theirs is known here: by their content
they can be found in the record of whoever made them, so that they are told as well.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import PYTHON_OBJECT
from provagent.identity.payload import is_distinctive
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
    from provagent.recording.capture.entity_tracker import EntityTracker
    from provagent.recording.capture.known_objects import KnownEntity

_LONG = 256  # characters: shorter texts are names and paths, of which nobody asks who made them
_TIMES = 100  # so many more items are read where nothing else tells where a list came from


class ContainerContents:
    """Finds the members of containers for a ledger; of each container ``max_items`` are seen.

    ``exchanges``: this process hands tasks to others, or works for one.
    """

    def __init__(self, tracker: EntityTracker, max_items: int) -> None:
        self._tracker = tracker
        self._max_items = max_items
        self.kind = undescribed_kind(PYTHON_OBJECT, partial(identify, **tracker.digests.options()))
        self.exchanges = False

    def contained(self, value: Any, *, is_made: bool) -> ContainedItems | None:
        """What is to be a member of a container; None where there is none, or it is no container.

        ``is_made``: an activity has generated it.
        """
        contained = contained_items(value, self._made if is_made else self._used, self._max_items)
        return contained if contained is not None and contained.items else None

    def entities(
        self, contained: ContainedItems, activity: OpenActivity, events: Events, is_made: bool
    ) -> list[KnownEntity]:
        """The entity of each, in its present state."""
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
        """The entity of an argument, a result or a member that no definition describes."""
        observed = ObservedValue(self.kind, value, None, name, None)
        return self._tracker.object(
            self.kind, value, observed, None, None, activity, events, is_made, contained
        )

    def is_met(self, value: Any) -> bool:
        """Whether this very object, or its content, is an entity already."""
        return self._tracker.objects.may_have(value) or self._is_equal_to_known(value)

    def _is_known(self, value: Any) -> bool:
        objects = self._tracker.objects
        if not objects.may_have(value):
            return False
        return (
            objects.has(value) or objects.find(value, self.kind.identify(value).digest) is not None
        )

    def _is_equal_to_known(self, value: Any) -> bool:
        """Whether an activity has made this content, here or, for all that is known, elsewhere."""
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
        if not is_data(outer):  # an attribute of a client, a pool: of no use elsewhere
            return NO
        return NEW if self._is_equal_to_known(item) else NO

    def _made(self, item: Any, outer: Any, count: int, is_bare: bool) -> int:
        if is_code(item):
            return NO
        if self._is_known(item):
            return KNOWN
        if not is_bare:  # an attribute, or in one
            return NEW if is_data(outer) and self._is_equal_to_known(item) else NO
        if not is_plain(item):
            return NEW
        is_result = count <= FEW and (type(item) is not float or issubclass(type(outer), tuple))
        return NEW if is_result else NO


def _is_worker() -> bool:
    """Whether this is a process of multiprocessing, or of what is built on it."""
    module: Any = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None
