"""Content of functions: the code of a function of the program, the name of any other function.

The code consists of the bytecode and its constants, the defaults, and the enclosed values. Globals
that the code uses are not part of the content. A function of an installed package is identified by
its name: a new version of the package does not change the identity. The environment of the run
shows the version.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import type_name
from provagent.identity.content import UnidentifiableError
from provagent.isolation import introspection
from provagent.isolation.originals import os

if TYPE_CHECKING:
    from provagent.identity.content import Parts


def place(value: Any) -> Any:
    """Return the module and name of a compiled function, or its name and its bound object."""
    module, name = value.__module__, value.__qualname__
    owner = value.__self__
    if owner is not None and type(owner) is not ModuleType:
        return name, owner
    if type(name) is not str or "<" in name:
        raise UnidentifiableError(f"{module}:{name}: the name does not lead to this function")
    return module, name


def is_installed(value: FunctionType) -> bool:
    """Return whether a function belongs to an installed package or to Python."""
    return _is_installed(_code(value).co_filename)


def _is_installed(file: str) -> bool:
    return file.startswith(_INSTALLED) or "site-packages" in file or "dist-packages" in file


class ByName:
    """The name of a class or module of the program, whose code may be different in another run."""

    def __init__(self, name: Any) -> None:
        self.name = name


def named_code(name: Any, module: object) -> Any:
    """Return the name of a class or a module.

    The name of code of the program becomes a ``ByName``.
    """
    found = sys.modules.get(module) if type(module) is str else None
    file = introspection.attributes(found).get("__file__") if type(found) is ModuleType else None
    is_program = module == "__main__" or (type(file) is str and not _is_installed(file))
    return ByName(name) if is_program else name


def by_code(value: FunctionType) -> Any:
    """Return the name, the code, the defaults and the enclosed values of a function."""
    enclosed = _closure(value) or ()
    return (
        _name(value),
        _of_code(_code(value)),
        _defaults(value),
        _keyword_defaults(value),
        [_content_of(cell) for cell in enclosed],
    )


def installed(value: FunctionType) -> Any:
    """Return the module and name of an installed function, or its code if no name finds it."""
    name = _qualname(value)
    return by_code(value) if "<" in name else (value.__module__, name)


def bound(value: MethodType) -> Any:
    """Return the function of a method, and the object that the method is bound to."""
    return value.__func__, value.__self__


def cached(value: Any) -> Any:
    """Return the function that a ``functools.lru_cache`` calls."""
    return value.__wrapped__


def dispatcher(value: Any) -> Any:
    """Return the module and name of a numpy function that other array types may override."""
    module, name = value.__module__, value.__qualname__
    found: Any = sys.modules.get(module)
    if getattr(found, name, None) is not value:
        raise UnidentifiableError(f"{module}:{name}: the name does not lead to this object")
    return module, name


def is_dispatcher(cls: type) -> bool:
    """Return whether a class is the class of such functions.

    No numpy module has this class by name.
    """
    mean = introspection.attributes(sys.modules.get("numpy")).get("mean")
    return type_name(cls) == "numpy:_ArrayFunctionDispatcher" and cls is type(mean)


def is_without_code(cls: type) -> bool:
    """Return whether a class contains no code of the program and is in no module of the program."""
    for at in introspection.namespace(cls).values():
        code = next((get(at) for kind, get in _INSIDE.items() if issubclass(type(at), kind)), at)
        if type(code) is FunctionType and not is_installed(code):
            return False
    module = introspection.module_name(cls)
    return type(module) is str and type(named_code("", module)) is str


def _of_code(code: CodeType) -> Any:
    constants = [_of_code(one) if type(one) is CodeType else one for one in code.co_consts]
    return (
        code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars,
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags,
    )  # fmt: skip


def _content_of(cell: Any) -> Any:
    try:
        return (cell.cell_contents,)
    except ValueError:  # the cell is empty
        return ()


# Read by descriptors, so that attributes of the function cannot change the result.
_members = FunctionType.__dict__
_code: Any = _members["__code__"].__get__
_defaults: Any = _members["__defaults__"].__get__
_keyword_defaults: Any = _members["__kwdefaults__"].__get__
_closure: Any = _members["__closure__"].__get__
_name: Any = _members["__name__"].__get__
_qualname: Any = _members["__qualname__"].__get__
_INSTALLED = ("<frozen ", os.path.join(os.path.dirname(os.__file__ or "<frozen "), ""))

_INSIDE: dict[type, Any] = {
    classmethod: classmethod.__dict__["__func__"].__get__,
    property: property.__dict__["fget"].__get__,
    staticmethod: staticmethod.__dict__["__func__"].__get__,
}

EXACT: dict[str, tuple[str, Parts]] = {
    "builtins:builtin_function_or_method": ("function", place),
    "functools:_lru_cache_wrapper": ("cached", cached),
}
