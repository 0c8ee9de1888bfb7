"""The program: its names, and the frame in which it runs."""

from __future__ import annotations

import sys

from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

# multiprocessing runs the script again in a spawned process, under the second name.
MAIN = "__main__"
MAIN_NAMES = (MAIN, "__mp_main__")
HAS_OWN_LOCALS = 0x2  # CO_NEWLOCALS: the code of a function, not of a module


def on_beginning(on_frame: Callable[[FrameType], None]) -> None:
    """Call ``on_frame`` with the program's frame at its beginning, unless a tracer is active.

    Only for a program that begins right after the interpreter's start, as with ``-c``: until then
    each call is slower.
    """

    def on_call(frame: FrameType, _event: str, _value: object) -> None:
        is_outermost = frame.f_back is None and not frame.f_code.co_flags & HAS_OWN_LOCALS
        if is_outermost and frame.f_globals.get("__name__") == MAIN:
            sys.settrace(None)
            on_frame(frame)

    if sys.gettrace() is None:
        sys.settrace(on_call)


def program_module(namespace: dict[str, Any]) -> ModuleType | None:
    """Return the program's module, if ``namespace`` belongs to it."""
    name = namespace.get("__name__")
    if name not in MAIN_NAMES:
        return None
    module = sys.modules.get(name)
    if module is None or object.__getattribute__(module, "__dict__") is not namespace:
        return None
    return module


def program_names(module: ModuleType) -> set[str]:
    """Return the names of the program: ``__main__``, and its name as a module.

    The second name is ``crab`` for ``crab.py``, ``package.module`` for ``-m package.module``.
    """
    namespace = object.__getattribute__(module, "__dict__")
    spec, file = namespace.get("__spec__"), namespace.get("__file__")
    name = getattr(spec, "name", None)
    if isinstance(name, str):
        return {MAIN, name}
    return {MAIN, *(_stem(file) if isinstance(file, str) else ())}


def expected_names() -> set[str]:
    """Return the names of the program of this process, before it begins or while it runs."""
    names = {MAIN}
    main = sys.modules.get(MAIN)
    if main is not None:
        names |= program_names(main)
    argv, given = getattr(sys, "argv", None) or [""], sys.orig_argv
    if argv[0] == "-m" and len(given) > len(argv):
        word = given[len(given) - len(argv)]
        name = word.partition("m")[2] if word.startswith("-") else word
        names |= {name, f"{name}.{MAIN}"}  # a module, or a package
    elif not argv[0].startswith("-"):
        names.update(_stem(argv[0]))
    return names


def home_name(name: str) -> str:
    """Return the name of a module in targets."""
    return MAIN if name in MAIN_NAMES else name


def _stem(file: str) -> list[str]:
    stem, extension = os.path.splitext(os.path.basename(file))
    return [stem] if stem.isidentifier() and extension in (".py", ".pyw", ".pyc", "") else []
