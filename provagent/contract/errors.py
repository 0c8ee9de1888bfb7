"""The errors of provagent, as one tree.

ProvagentError
├── DefinitionError    a definition.yaml cannot be used; contains all problems of the file
├── SettingsError      a setting is unknown or contradictory; names the source of the setting
├── TargetError        a target cannot be read, found or woven
├── RecordError        a record cannot be read
├── StoreError         a store does not exist, or does not contain a run
│   └── BrokenIndexError   the index was found broken during a query
├── QueryError         a query cannot be read; shows the place
├── DraftError         a definition cannot be drafted
├── ExportError        a format is unknown, or its extra is not installed
├── DocumentError      a PROV document cannot be read
├── EmbedError         nothing can be embedded into a file
├── FetchError         a server returned no usable answer
└── LinkError          a run cannot be linked with the results of a job

ProvagentWarning       an internal error; the program continued
"""

from __future__ import annotations


class ProvagentError(Exception):
    """Base of all errors that provagent raises on purpose.

    Each argument is one line of the message.
    """

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class DefinitionError(ProvagentError):
    """A definition cannot be used.

    ``problems`` contains all problems of the file, not only the first.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(*map(str, problems))
        self.problems = problems


class SettingsError(ProvagentError):
    """A setting is unknown, malformed or contradictory."""


class TargetError(ProvagentError):
    """A target cannot be read, found or woven."""


class RecordError(ProvagentError):
    """A record cannot be read."""


class StoreError(ProvagentError):
    """A store does not exist, or does not contain a run."""


class BrokenIndexError(StoreError):
    """An index was found broken during a query. It was deleted and is built again."""


class QueryError(ProvagentError):
    """A query cannot be read. The message marks the place."""


class DraftError(ProvagentError):
    """A definition cannot be drafted."""


class ExportError(ProvagentError):
    """A format is unknown, or its extra is not installed."""


class DocumentError(ProvagentError):
    """A PROV document cannot be read."""


class EmbedError(ProvagentError):
    """Nothing can be embedded into a file."""


class FetchError(ProvagentError):
    """A server returned no usable answer."""


class LinkError(ProvagentError):
    """A run cannot be linked with the results of a job."""


class ProvagentWarning(UserWarning):
    """An internal error of provagent. The program continued unchanged."""


class Problem:
    """One problem in a file, with its place and its remedy.

    ``line`` and ``column`` count from 1. Column 0 means no particular column. ``path`` is the way
    to the value inside the document (``activities.get_observations.usage[0].role``), or empty. A
    warning reports content that is skipped without being an error.
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
