"""The standard library as it was at the interpreter's start: ``os``, ``io``, ``time`` and others.

A program, or its tests, may replace ``os.stat``, ``time.time_ns`` or ``open`` while it runs: by
mocks that count their calls, by a clock that does not move, by files that do not exist. The program
must not notice our calls, and the record needs the real files and times. So code that runs in a
user's process imports these modules from here::

    from provagent.isolation.originals import io, os, time

- The copies are made when this module is loaded, at the interpreter's start. Most of the recorder
  is loaded at the first target or file, when the program may have replaced many functions.
- The copies are objects, not modules. pyfakefs replaces ``os``, ``io``, ``fcntl`` and their
  functions in the namespaces of all modules and among the default arguments of functions; freezegun
  does the same with the functions of ``time``. Neither searches other objects. So our code must not
  store these functions as global names or default arguments: write ``os.stat(path)``.
- Functions written in Python (``os.makedirs``, ``os.path.realpath``) call each other and the system
  by global names. They are made again, with these objects as their globals.
- time-machine replaces the code inside of ``time.time_ns`` itself, and has another function for the
  real time (see ``real_time_ns``).

``os.environ`` is the program's own object, unless the program assigns another object.
"""

from __future__ import annotations

import sys
from _thread import get_ident

__all__ = [
    "TIME_MACHINE",
    "Original",
    "PutBack",
    "export",
    "fake_folder",
    "fcntl",
    "io",
    "os",
    "pwd",
    "real_time_ns",
    "time",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import fcntl
    import io
    import os
    import pwd
    import time
    from types import ModuleType
    from typing import Any

# Not from types: a program need not load it.
_Function: Any = type(lambda: None)
_Builtin: Any = type(len)


class Original:
    """The attributes of a module at the interpreter's start."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.__dict__ = attributes


def _copied(module: ModuleType, **others: Any) -> Any:
    """Copy a module's attributes; its functions use the copies of each other, and ``others``."""
    own = {**vars(module), **others}
    for name, value in own.items():
        if type(value) is _Function and value.__globals__ is vars(module):
            made = _Function(
                value.__code__, own, value.__name__, value.__defaults__, value.__closure__
            )
            made.__kwdefaults__ = value.__kwdefaults__
            own[name] = made
    return Original(own)


def _system() -> Any:
    """Copy ``os``, ``os.path`` and the used part of ``genericpath``, connected to each other."""
    import os

    genericpath = sys.modules["genericpath"]  # already loaded: os imports it first
    # Compiled functions are read from the module that defines them: ``start`` may be called in the
    # middle of a program that has replaced names of ``os``.
    compiled = {
        name: value
        for name, value in vars(sys.modules[os.name if os.name == "nt" else "posix"]).items()
        if type(value) is _Builtin and name in vars(os)
    }
    system = _copied(os, **compiled)
    generic = vars(_copied(genericpath, os=system))
    shared = {
        name: generic[name]
        for name, value in vars(os.path).items()
        if name in genericpath.__all__ and getattr(value, "__globals__", None) is vars(genericpath)
    }
    path = _copied(os.path, os=system, genericpath=Original(generic), **shared)
    vars(system).update(path=path)
    return system


if not TYPE_CHECKING:
    import _io
    import time as _time

    os = _system()
    io = Original({**vars(_io)})
    time = Original({**vars(_time)})

    def __getattr__(name: str) -> Any:
        """Load ``fcntl`` and ``pwd``, which the recorder needs; None on Windows."""
        if name not in ("fcntl", "pwd"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            found = Original({**vars(__import__(name))})
        except ImportError:
            found = None
        return globals().setdefault(name, found)


def _functions(name: str) -> dict[str, Any]:
    """Return the present functions of a module."""
    kinds = _Function, _Builtin
    return {key: value for key, value in vars(sys.modules[name]).items() if type(value) in kinds}


# By module. From Python 3.14 on the interpreter does not load ``io``.
_AT_START = {
    **{name: _functions(name) for name in ("os", os.path.__name__, "genericpath", "time")},
    "builtins": {"open": io.open},
    "io": {"open": io.open},
}


class PutBack:
    """Restores functions that the program has replaced, inside its block.

    Modules of the standard library that are loaded with the recorder call these functions at their
    execution, by the modules' own names. Other threads of the program also see the original
    functions during this time.
    """

    def __enter__(self) -> None:
        # threading has its own name for a function of C
        known = {**_AT_START, "threading": {"get_ident": get_ident}}
        self._replaced = [
            (namespace, name, namespace[name], value)
            for module, functions in known.items()
            for namespace in (vars(_modules[module]) if module in _modules else {},)
            for name, value in functions.items()
            if namespace.get(name, value) is not value
        ]
        for namespace, name, _, value in self._replaced:
            namespace[name] = value

    def __exit__(self, *_: object) -> None:
        for namespace, name, theirs, value in self._replaced:
            if namespace.get(name) is value:
                namespace[name] = theirs


TIME_MACHINE = "_time_machine"  # the module of time-machine with the real clock
_modules = sys.modules


def export(name: str, value: str) -> None:
    """Set a variable of the process, without the ``os.putenv`` that the program may replace."""
    environ: Any = os.environ
    try:
        key, data = environ.encodekey(name), environ.encodevalue(value)
        os.putenv(key, data)
        environ._data[key] = data  # noqa: SLF001
    except AttributeError:  # another kind of mapping
        environ[name] = value


def fake_folder() -> str | None:
    """Return the working folder of pyfakefs while its files replace those of the system."""
    module: Any = _modules.get("pyfakefs.fake_filesystem_unittest")
    if module is None:
        return None
    patcher = getattr(getattr(module, "Patcher", None), "PATCHER", None)
    if getattr(patcher, "_patching", False) is not True:
        return None
    folder = getattr(getattr(patcher, "fs", None), "cwd", None)
    return folder if isinstance(folder, str) else "/"


def real_time_ns() -> int:
    """Return the real time in nanoseconds, also while time-machine is active."""
    if TIME_MACHINE in _modules:
        try:
            real: int = _modules[TIME_MACHINE].original_time_ns()
        except Exception:  # time-machine is not active now
            pass
        else:
            return real
    return time.time_ns()
