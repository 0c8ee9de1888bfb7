"""What can go wrong, as one tree.

ProvagentError
├── DefinitionError    a definition.yaml that cannot be used; carries every problem found
├── SettingsError      an unknown or contradictory setting; names where it came from
├── TargetError        a target that cannot be read, found or woven
├── RecordError        a record that cannot be read at all
├── StoreError         a store that is not there, or a run that it does not hold
│   └── BrokenIndexError   its index turned out to be broken while it was asked
├── QueryError         a question that cannot be read; says where
├── DraftError         a definition that cannot be drafted
├── ExportError        a format that is unknown, or whose extra is not installed
├── DocumentError      a document of PROV that cannot be read
├── EmbedError         a file into which nothing can be embedded
├── FetchError         a server that does not answer as it should
└── LinkError          a run that cannot be joined with results of a job

ProvagentWarning       what our own code could not do while the program went on
"""

from __future__ import annotations


class ProvagentError(Exception):
    """Base of every error that provagent raises on purpose; each argument is a line of it."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class DefinitionError(ProvagentError):
    """A definition that cannot be used.

    ``problems`` holds every problem of the file, not just the first.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(*map(str, problems))
        self.problems = problems


class SettingsError(ProvagentError):
    """A setting that is unknown, malformed or contradictory."""


class TargetError(ProvagentError):
    """A target that cannot be read, found or woven."""


class RecordError(ProvagentError):
    """A record that cannot be read at all."""


class StoreError(ProvagentError):
    """A store that is not there, or a run that it does not hold."""


class BrokenIndexError(StoreError):
    """An index that turned out to be broken while it was asked; it is gone, and made again."""


class QueryError(ProvagentError):
    """A question that cannot be read; the message marks the place."""


class DraftError(ProvagentError):
    """A definition that cannot be drafted."""


class ExportError(ProvagentError):
    """A format that is unknown, or whose extra is not installed."""


class DocumentError(ProvagentError):
    """A document of PROV that cannot be read."""


class EmbedError(ProvagentError):
    """A file into which nothing can be embedded."""


class FetchError(ProvagentError):
    """A server that does not answer as it should."""


class LinkError(ProvagentError):
    """A run that cannot be joined with results of a job."""


class ProvagentWarning(UserWarning):
    """Our own code could not do something; the program went on unchanged."""


class Problem:
    """One thing that is wrong in a file, with its place and its remedy.

    ``line`` and ``column`` count from 1; ``column`` 0 is none in particular. ``path`` is the
    way to the value inside the document (``activities.get_observations.usage[0].role``) and
    may be empty. A warning tells what is passed over, where nothing is wrong.
    """

    __slots__ = ("column", "file", "is_warning", "line", "path", "remedy", "what")

    def __init__(
        self,
        file: str,
        line: int,
        path: str,
        what: str,
        remedy: str = "",
        *,
        column: int = 0,
        is_warning: bool = False,
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.is_warning = is_warning
        self.path = path
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        column = f"{self.column}:" if self.column else ""
        place = f"{self.file}:{self.line}:{column} "
        kind = "warning: " if self.is_warning else ""
        path = f"{self.path}: " if self.path else ""
        return place + kind + path + self.what + (f"; {self.remedy}" if self.remedy else "")

    def __repr__(self) -> str:
        return f"Problem({str(self)!r})"
