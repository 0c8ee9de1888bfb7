"""What stands for the types of other packages: offered by them, loaded when it is needed.

An entry point of the group ``provagent.identifiers`` is named as the package whose types it
serves, and gives a dict, or a function that returns one: ``module:QualName`` of a type to
what stands for its values, as ``registry.register`` takes it. It is loaded when the first
value of that package is met; those of other names at the first value of an unknown type.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from provagent.identity.content import UnidentifiableError
from provagent.isolation.entry_points import offered
from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.identity.content import Parts

ENTRY_POINT = "provagent.identifiers"


class _Waiting:
    """Entry points that were found and not loaded yet; None before they were looked for."""

    by_name: dict[str, list[str]] | None = None


def load_for(packages: set[str], *, also_others: bool = False) -> dict[str, Parts]:
    """Load what is offered for types of some packages, and for any type; each once.

    What fails to load is told in one line, and left out.
    """
    if packages <= _OWN_PACKAGES:
        return {}
    if _Waiting.by_name is None:
        _Waiting.by_name = {}
        for name, value in offered(ENTRY_POINT):
            _Waiting.by_name.setdefault(name, []).append(value)
    waiting = _Waiting.by_name
    names = list(waiting) if also_others else [name for name in waiting if name in packages]
    found: dict[str, Parts] = {}
    for name in names:
        for value in waiting.pop(name, ()):
            try:
                found.update(_load(value))
            except Exception as error:
                _tell(f"{name} = {value}", error, "the plugin is skipped")
    return found


def guarded(name: str, parts: Parts) -> Parts:
    """Return the same parts; where they fail, the value is known by itself, and that is told."""
    failed: list[bool] = []

    def guard(value: Any) -> Any:
        try:
            return parts(value)
        except UnidentifiableError:
            raise
        except Exception as error:
            if not failed:
                failed.append(True)
                _tell(name, error, "its values are identified by object identity only")
            raise UnidentifiableError(f"{name}: {error}") from error

    return guard


def _load(value: str) -> dict[str, Parts]:
    module, _, path = value.partition("[")[0].strip().partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if callable(found):
        found = found()
    if not isinstance(found, Mapping) or not all(map(callable, found.values())):
        raise TypeError(
            f"returns {type(found).__name__}; return a dict of type names and functions"
        )
    return dict(found)


def _tell(what: str, error: Exception, rest: str) -> None:
    warn(f"identifiers: {what}: {type(error).__name__}: {error}; {rest}")


# An interpreter's own types are never asked for.
_OWN_PACKAGES = frozenset((*sys.stdlib_module_names, "provagent", "__main__", ""))
