"""The message of an exception, without running code of the exception or of its arguments."""

from __future__ import annotations

import builtins
import sys

from provagent.isolation import introspection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEP = 3  # maximum levels of containers in a message
_MANY = 100  # maximum items of one container
_SCALARS = (type(None), bool, int, float, complex, str, bytes)
_SERIES = (tuple, list, set, frozenset)
_COMPILED = type(BaseException.__str__)


def what_failed(error: BaseException) -> str:
    """Return the type and the message of an exception as text."""
    return f"{introspection.name(type(error))}: {message_of(error)}"[:500]


def message_of(error: BaseException) -> str:
    """Return ``str(error)`` if only code of the interpreter runs for it.

    This is the case if neither the class of the exception nor its arguments have their own code for
    the text. Arguments with their own code are shown as values: a path as its text, an object as
    its class. If a class has its own ``__str__``, the arguments are returned, or the attributes if
    there are no arguments.
    """
    try:
        cls = type(error)
        holder = _holder(cls)
        if _is_builtin(holder):
            return _of_builtin(error, holder)
        if _is_harmless(error, holder):
            return str(error)
        return _joined(introspection.arguments(error)) or _attributes(error)
    except Exception:
        return "(its message cannot be read)"


# No generator may stay unfinished here: at the recursion limit CPython 3.12 cannot close it, and
# reports this on stderr.
def _holder(cls: type) -> type:
    """Return the class that defines ``__str__``."""
    for base in introspection.mro(cls):
        if "__str__" in introspection.namespace(base):
            return base
    return object


def _of_builtin(error: BaseException, holder: type) -> str:
    arguments = introspection.arguments(error)
    if holder is BaseException and len(arguments) == 1 and type(arguments[0]) is str:
        return arguments[0]
    # A built-in exception with the same arguments has the same message.
    base: Any = [one for one in introspection.mro(type(error)) if _is_builtin(one)][0]  # noqa: RUF015
    arguments = base.__reduce__(error)[1]
    arguments = tuple(map(_own_text, arguments))
    is_group = issubclass(base, BaseExceptionGroup)  # its inner exceptions are not shown
    try:
        return str(base(*(one if _is_plain(one) or is_group else _Shown(one) for one in arguments)))
    except (TypeError, ValueError):  # its constructor requires certain types
        return _joined(arguments)


def _is_builtin(cls: type) -> bool:
    return vars(builtins).get(introspection.name(cls)) is cls


def _is_harmless(error: BaseException, holder: type) -> bool:
    """Return whether ``__str__`` is compiled or of the standard library, and reads plain data.

    The class itself defines the method, or the class is of the standard library. So no code of the
    program overrides the method.
    """
    from provagent.contract.values.types import instance_state

    cls = type(error)
    if cls is not holder and not _is_of_standard_library(cls):
        return False
    if type(
        introspection.namespace(holder)["__str__"]
    ) is not _COMPILED and not _is_of_standard_library(holder):
        return False
    return _is_plain((introspection.arguments(error), list(instance_state(error).values())))


def _is_of_standard_library(cls: type) -> bool:
    module = introspection.module_name(cls)
    if type(module) is not str or module.partition(".")[0] not in sys.stdlib_module_names:
        return False
    return vars(sys.modules.get(module, builtins)).get(introspection.name(cls)) is cls


def _is_plain(value: object, deep: int = _DEEP) -> bool:
    """Return whether only code of the interpreter runs for the text of a value."""
    kind = type(value)
    if any(kind is scalar for scalar in _SCALARS):
        return True
    if not deep or not any(kind is series for series in (*_SERIES, dict)):
        return False
    items: Any = value
    if kind is dict:
        items = [*items.keys(), *items.values()]
    return len(items) <= _MANY and all(_is_plain(item, deep - 1) for item in items)


def _joined(values: Any) -> str:
    return ", ".join(str(_Shown(_own_text(value))) for value in values)


def _own_text(value: Any) -> Any:
    return str.__str__(value) if introspection.is_a(value, str) else value


def _attributes(error: BaseException) -> str:
    from provagent.contract.values.types import instance_state

    state = instance_state(error)
    return ", ".join(f"{key}={_Shown(item)!r}" for key, item in state.items() if type(key) is str)


class _Shown:
    """Replaces a value in a message."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __str__(self) -> str:
        return self.value if type(self.value) is str else repr(self)

    def __repr__(self) -> str:
        from provagent.contract.values.encode import encode
        from provagent.contract.values.show import text

        return repr(self.value) if _is_plain(self.value) else text(encode(self.value))
