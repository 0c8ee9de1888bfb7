"""The path language: texts that describe where to find a value. Each is compiled only once.

A path is a root name, followed by any number of steps::

    config.observations.datastore           .name        an attribute or a key
    args[1].header["OBJECT"]                [literal]    an item
    location(hdu_type="events").path()      (literals)   a call
    geom.axes[*].edges                      [*]          the rest of the path, on every item
    counts?.data                            name?        the stored value of the object, or None

``name?`` reads the object's own dictionary: no property runs, and nothing is loaded lazily. If
nothing, or None, is stored, the path ends in None. Only a path on a value may begin with ``name?``
or with ``[*]``. With ``[*]``, the value is a list, an iterable, or one item.

Literals are numbers, texts in quotes, ``True``, ``False`` and ``None``. The language has nothing
else: no operators, no nested paths, no names that lead to the interpreter.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from provagent.definition.grammar import (
    Call,
    Each,
    Held,
    Item,
    Name,
    PathError,
    Step,
    Text,
    read_path,
    read_path_on_value,
)
from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Call",
    "Item",
    "Name",
    "Path",
    "PathError",
    "Step",
    "Text",
    "compile_on_value",
    "compile_steps",
    "parse_path",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A parsed path."""

    text: str
    root: str
    steps: tuple[Step, ...]

    @property
    def last_name(self) -> str:
        """Return the name of the value: the last name that is not a method, with its indexes."""
        names = [self.root]
        for step in self.steps:
            match step:
                case Name(name) | Held(name):
                    names.append(name)
                case Item(key):
                    names[-1] += f"[{key!r}]"
                case Call() if len(names) > 1:
                    names.pop()
        return names[-1]


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """Return the parsed path. Raise PathError if ``text`` is not a path."""
    root, steps = read_path(text)
    return Path(text=text, root=root.name, steps=steps)


def compile_on_value(text: str) -> Callable[[Any], Any]:
    """Return a function that applies the whole path, including the root, to a value.

    Raises PathError. The function passes on all exceptions of the value.
    """
    first, *rest = read_path_on_value(text)
    if not isinstance(first, Each):
        return compile_steps((first, *rest))
    on_item = compile_steps(tuple(rest))
    return lambda value: [on_item(item) for item in introspection.items(value)]


def compile_steps(steps: tuple[Step, ...]) -> Callable[[Any], Any]:
    """Return a function that applies ``steps`` to its argument, one after the other."""
    functions: list[Callable[[Any], Any]] = []
    for index, step in enumerate(steps):
        if isinstance(step, Held | Each):
            functions.append(_branch(step, compile_steps(steps[index + 1 :])))
            break
        functions.append(_compile(step))
    match functions:
        case []:
            return lambda value: value
        case [only]:
            return only
        case [first, second]:
            return lambda value: second(first(value))

    def follow(value: Any) -> Any:
        for function in functions:
            value = function(value)
        return value

    return follow


def _branch(step: Held | Each, rest: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if isinstance(step, Each):
        return lambda value: [rest(item) for item in value]
    name = step.name

    def if_held(value: Any) -> Any:
        held = introspection.attributes(value).get(name)
        return None if held is None else rest(held)

    return if_held


def _compile(step: Name | Item | Call | Text) -> Callable[[Any], Any]:
    match step:
        case Name(name):
            return _by_name(name)
        case Item(key):
            return lambda value: value[key]
        case Call((), ()):
            return lambda value: value()
        case Call(arguments, keywords):
            by_keyword = dict(keywords)
            return lambda value: value(*arguments, **by_keyword)
        case Text():
            return str


def _by_name(name: str) -> Callable[[Any], Any]:
    attribute = _hyphenated_attribute if "-" in name else getattr

    def get(value: Any) -> Any:
        # This pattern checks for a Mapping by a flag of the type. No method of the value runs.
        match value:
            case {}:
                # The test comes first, because reading may insert a key (defaultdict).
                return value[name] if name in value else attribute(value, name)
        try:
            return attribute(value, name)
        except AttributeError:
            if introspection.lookup(type(value), "__getitem__") is not None:
                with suppress(LookupError, TypeError):
                    return value[name]
            raise

    return get


def _hyphenated_attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except AttributeError:
        return getattr(value, name.replace("-", "_"))
