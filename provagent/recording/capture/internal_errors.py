"""Internal errors: counted, reported on stderr once per target, and recorded."""

from __future__ import annotations

from collections.abc import Callable

from provagent.contract.values.exception_message import what_failed
from provagent.contract.vocabulary import COMPLAINT
from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.capture.context import now
from provagent.settings.table import warn

WRITING = "writing to the store"


class InternalErrors:
    """The internal errors of one process; with ``strict`` they are raised instead, for tests.

    An error that belongs to the program, such as an interrupt while our code ran, is raised again.
    ``unsaid`` counts, by target, errors that could not be recorded as a complaint, because the
    stack or the memory was used up.
    """

    def __init__(self, write_event: Callable[..., None], *, strict: bool = False) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}
        self._write_event = write_event
        self.strict = strict
        self.unsaid: dict[str, int] = {}
        self._printed: set[str] = set()
        self._written: dict[tuple[str, str, str], int] = {}

    def add(self, target: str, stage: str, error: BaseException | str) -> None:
        """Count an error, and report the first error of each target on stderr.

        Raises ``error`` again if it belongs to the program, and with ``strict``. Raises no other
        error.
        """
        rises = False
        try:
            rises = introspection.is_error(error) and (self.strict or is_the_programs(error))
            if not rises:
                self._add(target, stage, error)
        except BaseException as failure:
            self.unsaid[target] = self.unsaid.get(target, 0) + 1
            if is_the_programs(failure):
                raise
        if rises and introspection.is_error(error):
            raise error

    def _add(
        self, target: str, stage: str, error: BaseException | str, *, is_reported: bool = False
    ) -> None:
        what = what_failed(error) if introspection.is_error(error) else str(error)
        key = (target, stage, what)
        count = self.counts[key] = self.counts.get(key, 0) + 1
        # A store that cannot be written fails for all targets alike: it is reported once.
        about = stage if stage == WRITING else target
        if not is_reported and about not in self._printed:
            self._printed.add(about)
            about = what.removeprefix(f"{target}: ")
            warn(f"{target}: {stage}: {about} (the program continues; see provagent doctor)")
        if count == 1:
            self._write(key, count)

    def note(self, target: str, stage: str, what: str) -> None:
        """Count an error without a line on stderr: it was reported before, or was harmless."""
        self._add(target, stage, what, is_reported=True)

    def write_counts(self) -> None:
        """Write the counts of errors that occurred again after they were first written."""
        for target, count in self.unsaid.items():
            self.counts[target, "calls", "too little stack or memory to record it"] = count
        for key, count in list(self.counts.items()):
            if self._written.get(key) != count:
                self._write(key, count)

    def _write(self, key: tuple[str, str, str], count: int) -> None:
        target, stage, what = key
        try:
            self._write_event(
                COMPLAINT, target=target, stage=stage, what=what, time=now(), count=count
            )
            self._written[key] = count
        except BaseException as error:
            # Nothing can be written now: the error is on stderr, and is written at the end.
            if is_the_programs(error):
                raise
