"""The source code beside a program that it needs: what its imports find in its own folders.

No record says which modules were imported. Those that are not installed are found as the
interpreter does, by name in the folders of the program, from what its source imports.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator

_LEFT_OUT = ("__pycache__", ".git", ".hg", ".svn", ".venv", "venv", "node_modules")


def code_beside(texts: Iterable[str], names: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Return the files of the modules in ``folders`` that source code needs, by paths.

    ``texts`` is the code, ``names`` are modules that it is known to import besides. Of a
    package these are all of its files: its data too.
    """
    places = list(folders)
    waiting = [*names, *(name for text in texts for name in _imported(text))]
    found: dict[str, None] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop().partition(".")[0]
        if name in seen or not name.isidentifier():  # a path is no module
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
    # Without an __init__.py it may be a package, or a folder that only has a module's name.
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
    if not os.path.isfile(path):  # a pipe would never end
        return ""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
