"""Records the provenance of unchanged Python analyses.

Importing it has no effect. ``start`` begins recording in this process, ``stop`` ends it;
``read`` gives the provenance of a run, ``export`` writes it as a document, ``open_store`` asks
all runs.

Nothing is imported at the top, ``__future__`` neither: under ``python -m provagent`` the working
folder is searched first, and may hold a file of any name.
"""

__all__ = [
    "ProvagentError",
    "ProvagentWarning",
    "Provenance",
    "Store",
    "export",
    "open_store",
    "read",
    "start",
    "stop",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provagent.api import export, read, start, stop
    from provagent.contract.errors import ProvagentError, ProvagentWarning
    from provagent.contract.version import __version__ as __version__
    from provagent.reading.record.model import Provenance
    from provagent.reading.store.api import Store, open_store

# Loaded when they are asked for: the interpreter imports this package at its start.
_DOORS = {
    "Provenance": "provagent.reading.record.model",
    "ProvagentError": "provagent.contract.errors",
    "ProvagentWarning": "provagent.contract.errors",
    "Store": "provagent.reading.store.api",
    "export": "provagent.api",
    "open_store": "provagent.reading.store.api",
    "read": "provagent.api",
    "load_ipython_extension": "provagent.api",
    "start": "provagent.api",
    "stop": "provagent.api",
    "unload_ipython_extension": "provagent.api",
    "__version__": "provagent.contract.version",
}


def __getattr__(name: str) -> "Any":
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
