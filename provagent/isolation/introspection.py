"""Classes, instances and exceptions, read past whatever they override: no code of theirs runs.

``isinstance`` asks an object for its ``__class__``, ``in`` and a dict ask a class's metaclass
for ``__eq__`` and ``__hash__``, and each attribute of a class may be the metaclass's doing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, TypeGuard

_GetSet = type(type.__dict__["__dict__"])  # types costs an interpreter's start a module
_Member = type((lambda: None).__class__.__dict__["__globals__"])

mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
namespace: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
module_name: Callable[[type], object] = type.__dict__["__module__"].__get__
qualname: Callable[[type], object] = type.__dict__["__qualname__"].__get__
name: Callable[[type], str] = type.__dict__["__name__"].__get__
flags: Callable[[type], int] = type.__dict__["__flags__"].__get__

arguments: Callable[[BaseException], tuple[Any, ...]] = BaseException.__dict__["args"].__get__
_traceback: Any = BaseException.__dict__["__traceback__"]
traceback: Callable[[BaseException], TracebackType | None] = _traceback.__get__
set_traceback: Callable[[BaseException, TracebackType | None], None] = _traceback.__set__
context: Callable[[BaseException], BaseException | None]
context = BaseException.__dict__["__context__"].__get__
exit_argument: Callable[[SystemExit], object]
exit_argument = SystemExit.__dict__["code"].__get__


def is_a(value: object, kinds: type | tuple[type, ...]) -> bool:
    """Whether an object is an instance of a class, whatever it says of itself."""
    return issubclass(type(value), kinds)


def is_class(value: object) -> TypeGuard[type]:
    """Whether an object is a class, whatever it says of itself."""
    return issubclass(type(value), type)


def is_error(value: object) -> TypeGuard[BaseException]:
    """Whether an object is an exception."""
    return issubclass(type(value), BaseException)


def set_attribute(holder: object, key: str, value: object) -> None:
    """Set an attribute of a module or a class; raises TypeError where that cannot be set."""
    try:
        if is_class(holder):
            type.__setattr__(holder, key, value)
            return
    except TypeError:
        pass  # a metaclass that is written in C insists on its own way
    setattr(holder, key, value)


def text(value: object) -> str:
    """``str(value)``, which its class is asked for, as plain text, whose class is not."""
    return str.__str__(str(value))


def is_among(cls: object, classes: Iterable[object]) -> bool:
    """Whether a class is one of ``classes``: the very one, no metaclass is asked."""
    for one in classes:  # noqa: SIM110 - no generator that has to be closed, see value.message
        if cls is one:
            return True
    return False


def attributes(value: object) -> Mapping[str, Any]:
    """The ``__dict__`` of an object, itself; empty where it has none."""
    at = lookup(type(value), "__dict__")
    return at.__get__(value) if type(at) in _KEEP_ATTRIBUTES else {}


def lookup(cls: type, key: str, default: Any = None) -> Any:
    """What stands under a name in a class or its bases, as it stands there."""
    for base in mro(cls):
        if key in namespace(base):
            return namespace(base)[key]
    return default


def items(value: object) -> Iterable[Any]:
    """What can be iterated, itself; else the value alone, as the one item that it is.

    An API that takes several things often takes the one alone. A text is one thing.
    """
    cls = type(value)
    is_several = any(lookup(cls, name) is not None for name in ("__iter__", "__getitem__"))
    return value if is_several and not issubclass(cls, (str, bytes)) else (value,)  # type: ignore[return-value]


_KEEP_ATTRIBUTES = (_GetSet, _Member)
