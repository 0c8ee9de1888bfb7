"""The program: what it is called, and the frame in which it runs."""

from __future__ import annotations

import sys

from provagent.isolation.originals import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

# multiprocessing runs the script once more in a spawned process, under the second name.
MAIN = "__main__"
MAIN_NAMES = (MAIN, "__mp_main__")
HAS_OWN_LOCALS = 0x2  # CO_NEWLOCALS: a function's code, not a module's


def meet_beginning(on_frame: Callable[[FrameType], None]) -> None:
    """Call ``on_frame`` with the program's frame when it begins, unless somebody traces.

    Only for a program that begins right after the interpreter's start, as ``-c`` does: until
    then each call costs more.
    """

    def on_call(frame: FrameType, _event: str, _value: object) -> None:
        is_outermost = frame.f_back is None and not frame.f_code.co_flags & HAS_OWN_LOCALS
        if is_outermost and frame.f_globals.get("__name__") == MAIN:
            sys.settrace(None)
            on_frame(frame)

    if sys.gettrace() is None:
        sys.settrace(on_call)


def program_module(namespace: dict[str, Any]) -> ModuleType | None:
    """The program's module, if ``namespace`` is where it lives."""
    name = namespace.get("__name__")
    if name not in MAIN_NAMES:
        return None
    module = sys.modules.get(name)
    if module is None or object.__getattribute__(module, "__dict__") is not namespace:
        return None
    return module


def program_names(module: ModuleType) -> set[str]:
    """What the program is called: ``__main__``, and as the module that it would be.

    That is ``crab`` for ``crab.py``, ``package.module`` for ``-m package.module``.
    """
    namespace = object.__getattribute__(module, "__dict__")
    spec, file = namespace.get("__spec__"), namespace.get("__file__")
    name = getattr(spec, "name", None)
    if isinstance(name, str):
        return {MAIN, name}
    return {MAIN, *(_stem(file) if isinstance(file, str) else ())}


def expected_names() -> set[str]:
    """What the program of this process will be called, before it begins or while it runs."""
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
    """The name of a module as a target gives it."""
    return MAIN if name in MAIN_NAMES else name


def _stem(file: str) -> list[str]:
    stem, extension = os.path.splitext(os.path.basename(file))
    return [stem] if stem.isidentifier() and extension in (".py", ".pyw", ".pyc", "") else []
