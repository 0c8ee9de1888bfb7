"""Guess the kind of an argument from its name, annotation or type.

Results are marked as guesses.
"""

from __future__ import annotations

import inspect
import re
import sys
from enum import Enum
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import FILE, FILE_COLLECTION

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE_NAME = re.compile(r"(?:^|_)(?:path|(?:file|fname|filename|filepath|infile|outfile)s?)(?:$|_)")
_FOLDER_NAME = re.compile(r"(?:^|_)(?:dir|directory|folder|outdir|indir)(?:$|_)")
_FILE_TYPE = re.compile(r"\b(?:Pure|Posix)?Path(?:Like)?\b|\bFilePath\b|\bfile-like\b")
_NO_FILE = re.compile(r"(?:^|_)(?:format|type|mode|size|overwrite|checksum)$")
_WRITES = re.compile(r"(?:^|_)(?:write|save|dump|export|store|to|plot|savefig)(?:_|$)")
_OUT = re.compile(r"(?:^|_)(?:out|output|dest|destination|outfile|outdir|save)(?:_|$)")
_CLASS = re.compile(r"(?:^|[\s.\[|(])([A-Z]\w*[a-z]\w*)\b")
# Types that are plain values without a state of their own.
_VALUES = frozenset(
    (
        *("None", "Any", "Optional", "Union", "Literal", "Callable", "Sequence", "Iterable"),
        *("Mapping", "List", "Dict", "Tuple", "Set", "Path", "PathLike", "PurePath", "Self"),
        *("Iterator", "Generator", "Quantity", "Angle", "Time", "TypeVar", "True", "False"),
        *("String", "Boolean", "Default", "FilePath", "Number", "PosixPath", "Unit"),
    )
)
_DATATYPES = {
    "bool": "boolean",
    "int": "long",
    "float": "double",
    "str": "char",
    "complex": "doubleComplex",
}


def file_type(name: str, type_text: str) -> str | None:
    """Return the type of a file or folder that an argument names, or None for other arguments."""
    if _NO_FILE.search(name):
        return None
    if _FOLDER_NAME.search(name):
        return FILE_COLLECTION
    return FILE if _FILE_NAME.search(name) or _FILE_TYPE.search(type_text) else None


def is_written(function_name: str, argument: str) -> bool:
    """Return whether the names suggest that the file of an argument is written, not read."""
    return bool(_WRITES.search(function_name) or _OUT.search(argument))


def type_text(annotation: Any) -> str:
    """Return an annotation as it is written."""
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


def class_named(text: str, namespace: Mapping[str, Any]) -> str | None:
    """Return the name of the class in a type's text, if its objects have a state; otherwise None.

    ``namespace`` contains the globals of the callable. A class that is imported only for type
    checkers, or named in a docstring, is searched in all loaded modules.
    """
    for name in map(str, _CLASS.findall(text)):
        if name not in _VALUES and _is_thing(
            namespace.get(name) or _loaded(len(sys.modules)).get(name)
        ):
            return name
    return None


def _is_thing(found: Any) -> bool:
    return (
        isinstance(found, type)
        and not issubclass(found, Enum | BaseException)
        and found.__module__ not in _ABSTRACT
    )


# Aliases, protocols and abstract types show what an argument can do, not what it is.
_ABSTRACT = frozenset(("typing", "typing_extensions", "collections.abc", "abc", "numbers"))


# The argument is part of the key of the cache: the search is repeated after further imports.
@lru_cache(maxsize=1)
def _loaded(_count: int) -> dict[str, type]:
    found: dict[str, type] = {}
    for module in list(sys.modules.values()):
        if type(module) is ModuleType:  # a lazy module would load itself
            found |= {
                name: value
                for name, value in list(vars(module).items())
                if isinstance(value, type) and value.__name__ == name
            }
    return found


def datatype(text: str, default: Any) -> dict[str, str]:
    """Return datatype and arraysize of VOTable 1.4, section 2.1, if type or default show them."""
    name = type(default).__name__ if default not in (None, inspect.Parameter.empty) else ""
    first = re.match(r"(?:Optional\[)?(\w+)", text)
    word = _DATATYPES.get(first[1] if first else "") or _DATATYPES.get(name)
    if word is None:
        return {}
    return {"datatype": word, "arraysize": "*"} if word == "char" else {"datatype": word}
