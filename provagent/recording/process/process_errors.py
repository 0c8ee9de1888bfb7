"""Internal errors outside of calls: reported at once, and recorded when the process ends."""

from __future__ import annotations

from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.settings.table import Settings, warn


def what_failed(error: BaseException) -> str:
    """Return the text of an exception; the code for it is loaded at the first error."""
    try:
        from provagent.contract.values.exception_message import what_failed

        return what_failed(error)
    except BaseException as failure:
        if is_the_programs(failure):
            raise
        return introspection.name(type(error))


class ProcessErrors:
    """Collects the internal errors of all code outside of calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.unwritten: list[tuple[str, str, str]] = []  # reported, and not yet written
        self._reported: set[tuple[str, str, str]] = set()

    # An error that cannot be reported is dropped.
    def add(self, name: str, stage: str, error: BaseException) -> None:
        """Report an error once; it is written with the complaints at the end.

        Raises ``error`` again if it belongs to the program, or if the settings are strict.
        """
        if self._settings.strict or is_the_programs(error):
            raise error
        try:
            failure = name, stage, what_failed(error)
            if failure not in self._reported:
                self._reported.add(failure)
                self.unwritten.append(failure)
                warn(f"{': '.join(failure)}; the program continues; its record is incomplete")
        except BaseException as failure:
            if is_the_programs(failure):
                raise
