"""Plug-ins that read the content of types of other packages. They are loaded when needed.

An entry point of the group ``provagent.identifiers`` has the name of the package whose types it
describes. It is a dict, or a function that returns a dict: ``module:QualName`` of a type -> a
function that returns the content, as for ``registry.register``. The entry point is loaded at the
first value of a type of that package. Entry points with other names are loaded at the first value
of an unknown type.
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
    """Entry points that were found but are not loaded yet. None: the search has not started."""

    by_name: dict[str, list[str]] | None = None


def load_for(packages: set[str], *, also_others: bool = False) -> dict[str, Parts]:
    """Load the functions of plug-ins for types of some packages, and for any type; each once.

    A plug-in that fails to load is reported in one line and skipped.
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
                _warn_of_plugin(f"{name} = {value}", error, "the plugin is skipped")
    return found


def guarded(name: str, parts: Parts) -> Parts:
    """Return ``parts`` with a guard: after an error the value is identified by itself only.

    The first error is reported.
    """
    failed: list[bool] = []

    def guard(value: Any) -> Any:
        try:
            return parts(value)
        except UnidentifiableError:
            raise
        except Exception as error:
            if not failed:
                failed.append(True)
                _warn_of_plugin(name, error, "its values are identified by object identity only")
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


def _warn_of_plugin(what: str, error: Exception, rest: str) -> None:
    warn(f"identifiers: {what}: {type(error).__name__}: {error}; {rest}")


# Packages of the interpreter and of the program: no plug-ins are searched for their types.
_OWN_PACKAGES = frozenset((*sys.stdlib_module_names, "provagent", "__main__", ""))
