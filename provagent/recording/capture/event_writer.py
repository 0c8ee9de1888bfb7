"""The writer of the events of one process, and its limits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from provagent.isolation.interrupts import is_the_programs
from provagent.recording.call_sites import new_files
from provagent.recording.capture.byte_limit import ByteLimit
from provagent.recording.capture.context import Events
from provagent.recording.capture.internal_errors import WRITING, InternalErrors
from provagent.recording.capture.skipped_calls import MAX_BYTES, SkippedCalls
from provagent.recording.capture.user_code import UserCode


class Output:
    """Writes lines to a sink, with the run event before the first lines.

    Parameters
    ----------
    write : callable
        Writes lines to the sink.
    begin : callable
        Writes the run event of the process; called before the first lines.

    """

    __slots__ = ("_begin", "_write", "write")

    def __init__(self, write: Callable[[bytes], None], begin: Callable[[], None]) -> None:
        self._write = write
        self._begin = begin
        self.write: Callable[[bytes], None]  # an attribute: the hot path calls it directly
        self.restart()

    def restart(self) -> None:
        """Call ``begin`` before the next lines."""
        self.write = self._write_first

    def silence(self) -> None:
        """Write nothing until ``restart``."""
        self.write = lambda _data: None

    def open(self) -> None:
        """Call ``begin`` now, before there are lines to write."""
        self._begin()
        self.write = self._write

    def _write_first(self, data: bytes) -> None:
        self.open()
        self._write(data)


class EventWriter:
    """Writes events to the sink, with the user's code that is loaded by then.

    ``line`` returns the bytes of an event. ``size`` returns the number of bytes written. ``busy``
    contains the threads in which our own work runs.
    """

    def __init__(
        self,
        *,
        output: Output,
        line: Callable[[dict[str, Any], bool], bytes],
        size: Callable[[], int],
        max_bytes: int,
        internal_errors: InternalErrors,
        code: UserCode,
        busy: set[int],
    ) -> None:
        self.internal_errors = internal_errors
        self.code = code
        self.busy = busy
        self._output = output
        self._line = line
        self.skipped_calls = SkippedCalls(self.write_all)
        self.byte_limit = ByteLimit(max_bytes, size, partial(internal_errors.add, "run", MAX_BYTES))

    def forget(self) -> None:
        """Start again in a forked process."""
        self.code.forget()
        self.busy.clear()
        self.skipped_calls.forget()
        self.byte_limit.restart()

    def write_all(self, target: str, events: Events) -> None:
        """Write the events of a call or of a file access in one write."""
        try:
            line = self._line
            if new_files:
                self.keep_code()
            if len(events) == 1:
                self._output.write(line(*events[0]))
            else:
                self._output.write(b"".join([line(*event) for event in events]))
        except BaseException as error:
            self.internal_errors.add(target, WRITING, error)

    def keep_code(self) -> None:
        """Record the user's code that is loaded by now."""
        try:
            self.code.keep_new()
        except OSError as error:  # the next events cannot be written either: that error is reported
            if is_the_programs(error):
                raise
        except Exception as error:
            self.internal_errors.add("code", WRITING, error)
