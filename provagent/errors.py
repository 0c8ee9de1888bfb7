"""What can go wrong, as one tree.

ProvagentError
├── DefinitionError    a definition.yaml that cannot be used; carries every problem found
├── SettingsError      an unknown or contradictory setting; names where it came from
├── TargetError        a target that cannot be read, found or woven
├── RecordError        a record that cannot be read at all
├── StoreError         a store that is not there, or a run that it does not hold
└── ExportError        a format that is unknown, or whose extra is not installed

ProvagentWarning       what our own code could not do while the program went on
"""

from __future__ import annotations


class ProvagentError(Exception):
    """Base of every error that provagent raises on purpose."""


class DefinitionError(ProvagentError):
    """A definition that cannot be used.

    ``problems`` holds every problem of the file, not just the first.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class SettingsError(ProvagentError):
    """A setting that is unknown, malformed or contradictory."""


class TargetError(ProvagentError):
    """A target that cannot be read, found or woven."""


class RecordError(ProvagentError):
    """A record that cannot be read at all."""


class StoreError(ProvagentError):
    """A store that is not there, or a run that it does not hold."""


class ExportError(ProvagentError):
    """A format that is unknown, or whose extra is not installed."""


class ProvagentWarning(UserWarning):
    """Our own code could not do something; the program went on unchanged."""


class Problem:
    """One thing that is wrong in a file, with its place and its remedy.

    ``line`` counts from 1; ``path`` is the way to the value inside the document
    (``activities.get_observations.usage[0].role``) and may be empty.
    """

    __slots__ = ("file", "line", "path", "remedy", "what")

    def __init__(self, file: str, line: int, path: str, what: str, remedy: str = "") -> None:
        self.file = file
        self.line = line
        self.path = path
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        return place + self.what + (f"; {self.remedy}" if self.remedy else "")

    def __repr__(self) -> str:
        return f"Problem({str(self)!r})"


def is_from_signal(error: BaseException) -> bool:
    """Whether a handler that the program has set for a signal raised this, while we worked.

    Such an error (a timeout by ``signal.alarm``) is the program's, wherever it strikes.
    """
    import sys

    entry = error.__traceback__
    handlers = _handlers() if entry is not None and "signal" in sys.modules else ()
    while handlers and entry is not None:
        if any(entry.tb_frame.f_code is code for code in handlers):
            return True
        entry = entry.tb_next
    return False


def _handlers() -> list[object]:
    """The code of every handler of a signal that is written in Python."""
    import signal
    from functools import partial
    from types import FunctionType, MethodType

    codes: list[object] = []
    for number in signal.valid_signals():
        handler: object = signal.getsignal(number)
        while True:
            if isinstance(handler, MethodType):
                handler = handler.__func__
            elif isinstance(handler, partial):
                handler = handler.func
            else:
                break
        if not isinstance(handler, FunctionType):
            handler = vars(type(handler)).get("__call__")
        if isinstance(handler, FunctionType):
            codes.append(handler.__code__)
    return codes
