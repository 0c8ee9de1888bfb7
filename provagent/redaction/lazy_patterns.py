"""Regular expressions that are compiled at first use.

There are about forty. To compile all of them would make the start of recording 10 ms longer, and
most programs need only a few.
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
        # Called only until the attribute is set; then it is the attribute of the compiled
        # expression.
        if name.startswith("_"):
            raise AttributeError(name)
        compiled = re.compile(self._pattern, self._flags)
        self.sub, self.search = compiled.sub, compiled.search
        self.match, self.fullmatch = compiled.match, compiled.fullmatch
        return getattr(compiled, name)
