"""What the recorder loads, and how the program does not notice."""

from __future__ import annotations

import sys
from _thread import get_ident

from provagent.process.wanted import NEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Of these the one that a program imports is its own: executed when the program imports it,
# with the sys.stdout of then, and woven where it is a target. The others are compiled code.
GIVEN_BACK = frozenset(NEEDED) - {"orjson", "wrapt", "yaml"}
# What structlog shows things at a terminal with, where it is there: most of the time that it
# takes to load. Ours shows nothing.
_UNUSED = frozenset(("better_exceptions", "colorama", "rich"))


class OwnCopies:
    """Within it the recorder is loaded, and the program still loads its own of what it needs.

    ``is_shared``: nothing is given back, nor left out, since code of the user's needs the same.
    """

    def __init__(self, *, is_shared: bool) -> None:
        self.is_shared = is_shared

    def __enter__(self) -> None:
        self._thread = get_ident()
        self._before = set(sys.modules)
        if not self.is_shared:
            sys.meta_path.insert(1, self)  # the first is the finder of targets

    def __exit__(self, *_: object) -> None:
        if not self.is_shared:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
            _give_back(self._before)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: object = None
    ) -> None:
        """Find nothing; raise ModuleNotFoundError for what our structlog has no use for."""
        if name in _UNUSED and get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


# Ours keep no stream of the program's: it writes what it still holds when it dies at exit.
def _give_back(before: set[str]) -> None:
    """Take out of ``sys.modules`` what was not there before, so that the program loads its own."""
    streams = sys.stdout, sys.stderr
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if top in GIVEN_BACK and top not in before:
            namespace = vars(sys.modules.pop(name))
            for key, value in list(namespace.items()):
                if value is not None and (value is streams[0] or value is streams[1]):
                    namespace[key] = None


class KeptRandom:
    """Gives the program its random numbers: rich, which structlog loads, draws one at import."""

    def __enter__(self) -> None:
        random: Any = sys.modules.get("random")
        is_loaded = type(random) is type(sys) and hasattr(random, "setstate")
        self._random = random if is_loaded else None
        self._state = random.getstate() if is_loaded else None

    def __exit__(self, *_: object) -> None:
        if self._random is not None:
            self._random.setstate(self._state)
