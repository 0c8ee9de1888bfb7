"""Safe introspection: reads classes, instances and exceptions without running their code.

``isinstance`` reads ``__class__`` of an object. ``in`` and a dict call ``__eq__`` and ``__hash__``
of a metaclass. Each attribute of a class may be computed by its metaclass. The functions here avoid
all of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, TypeGuard

# the import of types would add a module to an interpreter's start
_GetSet = type(type.__dict__["__dict__"])
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
    """Return whether an object is an instance of a class, whatever its ``__class__`` is."""
    return issubclass(type(value), kinds)


def is_class(value: object) -> TypeGuard[type]:
    """Return whether an object is a class, whatever its ``__class__`` is."""
    return issubclass(type(value), type)


def is_error(value: object) -> TypeGuard[BaseException]:
    """Return whether an object is an exception."""
    return issubclass(type(value), BaseException)


def set_attribute(holder: object, key: str, value: object) -> None:
    """Set an attribute of a module or a class; raises TypeError if this is not possible."""
    try:
        if is_class(holder):
            type.__setattr__(holder, key, value)
            return
    except TypeError:
        pass  # a metaclass that is written in C requires its own method
    setattr(holder, key, value)


def text(value: object) -> str:
    """Return ``str(value)``, which runs code of its class, as text of type ``str``."""
    return str.__str__(str(value))


def is_among(cls: object, classes: Iterable[object]) -> bool:
    """Return whether a class is one of ``classes``, by identity: no metaclass code runs."""
    for one in classes:  # noqa: SIM110 - no generator that has to be closed, see value.message
        if cls is one:
            return True
    return False


def attributes(value: object) -> Mapping[str, Any]:
    """Return the ``__dict__`` of an object itself; empty if it has none."""
    at = lookup(type(value), "__dict__")
    return at.__get__(value) if type(at) in _KEEP_ATTRIBUTES else {}


def lookup(cls: type, key: str, default: Any = None) -> Any:
    """Return the raw value of a name in a class or its bases."""
    for base in mro(cls):
        if key in namespace(base):
            return namespace(base)[key]
    return default


def items(value: object) -> Iterable[Any]:
    """Return an iterable unchanged, and another value as a tuple of one item.

    An API that accepts several values often accepts a single value too. A text is a single value.
    """
    cls = type(value)
    is_several = any(lookup(cls, name) is not None for name in ("__iter__", "__getitem__"))
    return value if is_several and not issubclass(cls, (str, bytes)) else (value,)  # type: ignore[return-value]


_KEEP_ATTRIBUTES = (_GetSet, _Member)
