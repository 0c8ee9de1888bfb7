"""Failures of our own outside the calls: told when they happen, written when the process ends."""

from __future__ import annotations

from provagent.isolation import introspection
from provagent.isolation.interrupts import is_the_programs
from provagent.settings.table import Settings, warn


def what_failed(error: BaseException) -> str:
    """Tell an exception as a piece of text; what that takes is loaded at the first failure."""
    try:
        from provagent.contract.values.message import what_failed

        return what_failed(error)
    except BaseException as failure:
        if is_the_programs(failure):
            raise
        return introspection.name(type(error))


class ProcessErrors:
    """The guard of every border but the calls themselves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.told: list[tuple[str, str, str]] = []  # and not yet written
        self._said: set[tuple[str, str, str]] = set()

    # What cannot even be told is let go.
    def add(self, name: str, stage: str, error: BaseException) -> None:
        """Tell a failure once; it is written with the complaints at the end.

        Raises ``error`` again where it is the program's, or the settings are strict.
        """
        if self._settings.strict or is_the_programs(error):
            raise error
        try:
            failure = name, stage, what_failed(error)
            if failure not in self._said:
                self._said.add(failure)
                self.told.append(failure)
                warn(f"{': '.join(failure)}; the program continues; its record is incomplete")
        except BaseException as failure:
            if is_the_programs(failure):
                raise
