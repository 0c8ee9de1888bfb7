"""The interfaces between the parts of an activation: files, children, the recorder, weaving.

Each part receives the activation, and uses only the members listed here. So no part imports the
module of a part that is made later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from _thread import RLock
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from provagent.definition.source import Source
    from provagent.recording.capture.file_entities import FileEntities
    from provagent.recording.capture.internal_errors import InternalErrors
    from provagent.recording.process.process_errors import ProcessErrors
    from provagent.recording.process.requested_targets import RequestedTarget
    from provagent.recording.weave.finder import TargetFinder
    from provagent.settings.table import Settings


class FileAccess(Protocol):
    """The files that the program opens (``file_access``)."""

    busy: set[int]

    def catch_up(self) -> None: ...
    def record_closed(self) -> None: ...
    def record_before_child(self) -> None: ...
    def note_opening(self, file: Any, mode: Any, /) -> None: ...


class Starting(Protocol):
    """The processes that the program starts (``children``)."""

    within: set[int]


class Recording(Protocol):
    """Writes the events (``recorder``)."""

    internal_errors: InternalErrors
    files: FileEntities
    has_begun: bool

    def begin(self) -> None: ...
    def write_child(self, **fields: Any) -> None: ...


class Process(Protocol):
    """The recording of one process (``activation``)."""

    settings: Settings
    start_ns: int
    run_id: str
    process_id: str
    parent_process_id: str | None
    cwd: str
    is_root: bool
    is_adopted: bool
    sources: list[Source]
    requested: list[RequestedTarget]
    failures: ProcessErrors
    finder: TargetFinder
    frame: FrameType | None
    lock: RLock

    @property
    def files(self) -> FileAccess | None: ...
    @property
    def children(self) -> Starting: ...
    @property
    def loaded(self) -> Recording | None: ...
    @property
    def recorder(self) -> Recording: ...
    @property
    def program_names(self) -> set[str]: ...

    def adopt(self, activity_id: str, is_alone: bool) -> None: ...
    def pass_on(self, variables: dict[str, str]) -> None: ...
    def leave(self, exit_code: int) -> None: ...
    def load_early(self) -> None: ...
    def missed(self) -> Iterator[tuple[RequestedTarget, str]]: ...
    def variable_here(self, environ: Mapping[Any, Any]) -> dict[str, str] | None: ...
