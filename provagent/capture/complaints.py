"""What our own code could not do: counted, told once for each target, written down."""

from __future__ import annotations

from collections.abc import Callable

from provagent.capture.context import now
from provagent.errors import is_the_programs, what_failed
from provagent.settings import tell
from provagent.terms import COMPLAINT

WRITING = "writing to the store"


class Complaints:
    """The failures of one process. With ``strict`` they are raised instead, for tests.

    ``unsaid`` counts those of which not even a complaint could be made: the stack or the
    memory was used up.
    """

    def __init__(self, write_event: Callable[..., None], *, strict: bool = False) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}
        self._write_event = write_event
        self.strict = strict
        self.unsaid = 0
        self._told: set[str] = set()
        self._written: dict[tuple[str, str, str], int] = {}

    def add(self, target: str, stage: str, error: BaseException | str) -> None:
        """Count a failure; say so on stderr the first time that this target has one.

        Raises ``error`` again where it is the program's, and with ``strict``; nothing else.
        """
        rises = False
        try:
            rises = isinstance(error, BaseException) and (self.strict or is_the_programs(error))
            if not rises:
                self._add(target, stage, error)
        except BaseException as failure:
            self.unsaid += 1
            if is_the_programs(failure):
                raise
        if rises and isinstance(error, BaseException):
            raise error

    def _add(self, target: str, stage: str, error: BaseException | str) -> None:
        what = error if isinstance(error, str) else what_failed(error)
        key = (target, stage, what)
        count = self.counts[key] = self.counts.get(key, 0) + 1
        # A store that cannot be written fails for every target alike: it is told once.
        about = stage if stage == WRITING else target
        if about not in self._told:
            self._told.add(about)
            tell(f"{target}: {stage}: {what}; the program went on, provagent doctor tells more")
        if count == 1:
            self._write(key, count)

    def note(self, target: str, stage: str, what: str) -> None:
        """Count a failure that was told already, before there was anything to write it with."""
        self._told.add(target)
        self._add(target, stage, what)

    def write_counts(self) -> None:
        """Write the totals of what has happened again since it was first written."""
        if self.unsaid:
            count, self.unsaid = self.unsaid, 0
            what = f"{count} failures without room on the stack or in memory to say which"
            self._add("run", "calls", what)
        for key, count in list(self.counts.items()):
            if self._written.get(key) != count:
                self._write(key, count)

    def _write(self, key: tuple[str, str, str], count: int) -> None:
        target, stage, what = key
        try:
            self._write_event(
                COMPLAINT, target=target, stage=stage, what=what, time=now(), count=count
            )
            self._written[key] = count  # else it is tried again at the end
        except BaseException as error:
            if is_the_programs(error):
                raise
            # nothing can be written: it was told on stderr
