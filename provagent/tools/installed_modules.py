"""Find out whether modules exist, without importing anything.

``importlib.util.find_spec`` would import the parent packages. This module searches their folders.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

from provagent.recording.weave.target import is_glob


def is_top_installed(module: str) -> bool:
    """Return whether the package of a module can be found, on the path or in the working folder."""
    return _spec(module.partition(".")[0], None) is not None


def module_exists(module: str) -> bool:
    """Return whether a module can be found."""
    path: list[str] | None = None
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:end]), path)
        if spec is None:
            return False
        path = list(spec.submodule_search_locations or ())
    return True


def target_with_colon(text: str) -> str:
    """Return the target that was meant if a dot is in the place of the colon, or an empty text.

    ``gammapy.analysis.Analysis`` is not a module, but ``gammapy.analysis`` is.
    """
    if ":" in text or "." not in text or is_glob(text) or not is_top_installed(text):
        return ""
    parts = text.split(".")
    if module_exists(text):
        return ""
    for end in range(len(parts) - 1, 0, -1):
        if module_exists(".".join(parts[:end])):
            return f"{'.'.join(parts[:end])}:{'.'.join(parts[end:])}"
    return ""


def _spec(name: str, path: list[str] | None) -> ModuleSpec | None:
    if name in sys.builtin_module_names:
        return ModuleSpec(name, None)
    try:
        # The modules of a script are in its folder, which is usually the working folder.
        places = [*sys.path, os.getcwd()] if path is None else path
        return PathFinder.find_spec(name, places)
    except (ImportError, ValueError):
        return None
