"""The interface of the entity tracker for its parts: files, containers, overwriting."""

from __future__ import annotations

from typing import Any, Protocol

from provagent.identity.digests import Digests
from provagent.identity.files import FileIdentities
from provagent.identity.registry import Identity
from provagent.recording.capture.collection_members import ContainedItems
from provagent.recording.capture.context import Events, OpenActivity
from provagent.recording.capture.entity_events import EntityEvents
from provagent.recording.capture.known_objects import (
    AttributeEntities,
    KnownContents,
    KnownEntity,
    KnownObjects,
)
from provagent.recording.capture.observed_value import ObservedValue
from provagent.recording.capture.plan import Kind, Use
from provagent.recording.capture.unfinished_files import UnfinishedFiles


class Tracker(Protocol):
    """Finds the entity of an object or a file in its present state."""

    digests: Digests
    files: FileIdentities
    paths: dict[str, KnownEntity]
    objects: KnownObjects
    contents: KnownContents
    slots: AttributeEntities
    events: EntityEvents
    unfinished: UnfinishedFiles

    def file(
        self,
        observed: ObservedValue,
        activity: OpenActivity,
        events: Events,
        generated: bool,
        next_: OpenActivity | None = None,
        *,
        is_real: bool = False,
        identity: Identity | None = None,
    ) -> str:
        """Return the entity of a file."""

    def object(
        self,
        kind: Kind,
        value: Any,
        observed: ObservedValue | None,
        use: Use | None,
        instance: Any,
        activity: OpenActivity,
        events: Events,
        generated: bool,
        contained: ContainedItems | None = None,
    ) -> KnownEntity:
        """Return the entity of an object."""

    def known(
        self,
        entity_id: str,
        identity: Identity,
        kind: Kind,
        activity: OpenActivity,
        generated: bool,
    ) -> KnownEntity:
        """Return the data kept about an entity that was written."""

    def identify_file(self, location: str, kind: Kind) -> Identity:
        """Return the identity of a file by its content, as far as the content can be read."""
