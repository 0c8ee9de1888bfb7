"""Regular expressions that are compiled when they are first needed.

There are some forty of them, and compiling them all takes a start of recording 10 ms; most
programs need a few.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Found = re.Match[str] | None


class Form:
    """A regular expression, with the methods of a compiled one."""

    sub: Callable[..., str]
    search: Callable[..., Found]
    match: Callable[..., Found]
    fullmatch: Callable[..., Found]

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        # Only where the attribute is not there yet; from then on it is the compiled one's own.
        if name.startswith("_"):
            raise AttributeError(name)
        compiled = re.compile(self._pattern, self._flags)
        self.sub, self.search = compiled.sub, compiled.search
        self.match, self.fullmatch = compiled.match, compiled.fullmatch
        return getattr(compiled, name)
