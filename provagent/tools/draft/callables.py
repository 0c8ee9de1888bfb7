"""Find the callables of a target in the installed packages. This imports the packages."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType

from provagent.contract.errors import TargetError
from provagent.contract.values.exception_message import what_failed
from provagent.recording.capture.plan import Callee
from provagent.recording.weave.program import MAIN
from provagent.recording.weave.site import Site, find_sites
from provagent.recording.weave.target import Target, is_glob


def sites_of(text: str) -> list[Site]:
    """Return the callables that a target would weave, each once.

    Raises TargetError if there is none, or if the module cannot be imported.
    """
    target = Target(text)
    found: dict[str, Site] = {}
    for module in _modules(target):
        for site in find_sites(module, target):
            found.setdefault(site.target, site)
    if not found:
        raise TargetError(f"{text}: no installed function or class matches")
    return list(found.values())


def callee_of(site: Site) -> Callee:
    """Return the callable in the form that the plan compiler uses."""
    return Callee(
        target=site.target,
        qualname=site.qualname,
        function=site.function,
        namespace=getattr(site.function, "__globals__", {}),
        owner=site.owner,
        receivers=site.receivers,
        takes_instance=takes_instance(site),
    )


def takes_instance(site: Site) -> bool:
    """Return whether the first parameter is the instance or the class."""
    return site.kind in ("method", "classmethod", "getter", "constructor")


def _modules(target: Target) -> Iterator[ModuleType]:
    if target.module == MAIN:
        raise TargetError(
            f"{target.text}: __main__ is the program itself; write the name of its module"
        )
    if target.is_exact:
        yield _imported(target.module, target.text)
        return
    parts = target.module.removesuffix(".**").split(".")
    fixed = parts[: next((i for i, part in enumerate(parts) if is_glob(part)), len(parts))]
    if not fixed:
        raise TargetError(f"{target.text}: the first part is a glob; write the name of a package")
    package = _imported(".".join(fixed), target.text)
    if target.matches_module(package.__name__):
        yield package
    for name in _names_below(package):
        if target.matches_module(name):
            yield from _if_importable(name)


def _names_below(package: ModuleType) -> list[str]:
    depth = package.__name__.count(".") + 1
    below = pkgutil.walk_packages(
        getattr(package, "__path__", []), package.__name__ + ".", onerror=lambda _: None
    )
    names = [one.name for one in below]
    return [name for name in names if not any(map(_is_apart, name.split(".")[depth:]))]


# Modules that are run, not imported.
def _is_apart(part: str) -> bool:
    return part in ("__main__", "conftest", "tests", "test") or part.startswith(("test_", "_test"))


# Some modules of a package need packages that are not installed. A program would not import them
# either.
def _if_importable(name: str) -> Iterator[ModuleType]:
    try:
        yield _imported(name, name)
    except TargetError:
        pass


def _imported(name: str, text: str) -> ModuleType:
    try:
        # Output of the imported module must not mix with our output.
        with _working_folder_last(), redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise TargetError(f"{text}: {_why_missing(error.name)}") from error
        raise TargetError(f"{text}: {name} cannot be imported: {what_failed(error)}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise TargetError(f"{text}: {name} cannot be imported: {what_failed(error)}") from error


# The command line removes the working folder from the path, whose first entry it is with ``python
# -m``. A module in the working folder is found, but never replaces an installed module.
@contextmanager
def _working_folder_last() -> Iterator[None]:
    folder = os.getcwd()
    if {"", folder} & set(sys.path):
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _why_missing(name: str) -> str:
    parent, _, last = name.rpartition(".")
    if not parent:
        return f"no module {name}; install its package, or check the name"
    siblings = [
        one.name for one in pkgutil.iter_modules(getattr(_imported(parent, name), "__path__", []))
    ]
    close = difflib.get_close_matches(last, siblings, n=1)
    hint = f'; did you mean "{parent}.{close[0]}"?' if close else ""
    if not close and hasattr(sys.modules[parent], last):
        hint = f'; did you mean "{parent}:{last}"?'
    return f"no module {name}{hint}"
