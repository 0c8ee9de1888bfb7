"""Find the source files that a program imports from its own folders.

The record does not list imported modules. Modules that are not installed are found as the
interpreter finds them: by name in the folders of the program, from the imports in its source code.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator

_LEFT_OUT = ("__pycache__", ".git", ".hg", ".svn", ".venv", "venv", "node_modules")


def code_in_folders(
    texts: Iterable[str], names: Iterable[str], folders: Iterable[str]
) -> list[str]:
    """Return the paths of the module files in ``folders`` that source code needs.

    ``texts`` is the code. ``names`` are further imported modules. All files of a package are
    returned, including data files.
    """
    places = list(folders)
    waiting = [*names, *(name for text in texts for name in _imported(text))]
    found: dict[str, None] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop().partition(".")[0]
        if name in seen or not name.isidentifier():  # a path is not a module
            continue
        seen.add(name)
        for file in next(filter(None, (_files_of(place, name) for place in places)), []):
            found[file] = None
            if file.endswith(".py"):
                waiting += _imported(_text(file))
    return sorted(found)


def _files_of(folder: str, name: str) -> list[str]:
    package, module = os.path.join(folder, name), os.path.join(folder, f"{name}.py")
    if os.path.isfile(os.path.join(package, "__init__.py")):
        return list(_inside(package))
    if os.path.isfile(module):
        return [module]
    # A folder without __init__.py may be a package, or just have the name of a module.
    return [file for file in _inside(package) if file.endswith(".py")]


def _inside(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one not in _LEFT_OUT]
        yield from (os.path.join(place, name) for name in names if not name.endswith(".pyc"))


def _imported(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _text(path: str) -> str:
    if not os.path.isfile(path):  # reading a pipe would never end
        return ""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
