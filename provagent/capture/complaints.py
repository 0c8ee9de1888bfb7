"""What our own code could not do: counted, told once for each target, written down."""

from __future__ import annotations

from collections.abc import Callable

from provagent.capture.context import now
from provagent.errors import is_from_signal
from provagent.settings import tell
from provagent.terms import COMPLAINT

WRITING = "writing to the store"


class Complaints:
    """The failures of one process. With ``strict`` they are raised instead, for tests.

    What a signal handler of the program raised while our own code ran is no failure of
    ours: it is raised again, for the program.
    """

    def __init__(self, write_event: Callable[..., None], *, strict: bool = False) -> None:
        self.counts: dict[tuple[str, str, str], int] = {}
        self.too_deep: dict[str, int] = {}  # by target; no depth was left to call add
        self._write_event = write_event
        self._strict = strict
        self._told: set[str] = set()
        self._written: dict[tuple[str, str, str], int] = {}

    def add(self, target: str, stage: str, error: BaseException | str) -> None:
        """Count a failure; say so on stderr the first time that this target has one."""
        if isinstance(error, BaseException) and (self._strict or is_from_signal(error)):
            raise error
        what = error if isinstance(error, str) else _what(error)
        key = (target, stage, what)
        count = self.counts[key] = self.counts.get(key, 0) + 1
        # A store that cannot be written fails for every target alike: it is told once.
        about = stage if stage == WRITING else target
        if about not in self._told:
            self._told.add(about)
            tell(f"{target}: {stage}: {what}; the program went on, provagent doctor tells more")
        if count == 1:
            self._write(key, count)

    def write_counts(self) -> None:
        """Write the totals of what has happened again since it was first written."""
        for target, count in self.too_deep.items():
            self.counts[target, "near the limit of recursion", "it was not recorded"] = count
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
        except Exception as error:
            # Nothing can be written now: it was told on stderr, and is tried at the end.
            if is_from_signal(error):
                raise


def _what(error: BaseException) -> str:
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be read)"
    return f"{type(error).__name__}: {message}"[:500]
