"""Code with a function's signature that calls the plain one, and hands over what that made.

For generator functions and coroutine functions. Their call runs none of their code: it makes an
object, which runs later, when neither this code nor its caller is on the stack. The stand-in has
the name, the place, the flags and the parameters of the plain code, so that whoever asks the
function about itself is told the same.

The plain code is a constant of the stand-in, as that of a nested function is, and what is called is
made of it at each call: it has the globals and the closure of the function that is called, also
where that is a copy, with the same code and other globals. What takes a function's code apart, as
cloudpickle does to pickle it by value, finds the plain code's names and constants.
"""

from __future__ import annotations

import sys
import typing
from inspect import CO_VARARGS, CO_VARKEYWORDS
from keyword import iskeyword
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from provagent.recording.weave.inplace.attached import STEPWISE
from provagent.recording.weave.inplace.constant import constant

if TYPE_CHECKING:
    from provagent.recording.weave.inplace.attached import Probe

_MADE = "provagent made"


def stand_in(function: FunctionType, probe: Probe) -> CodeType | None:
    """Return code to put in the place of the function's; None where it can't be written."""
    code = function.__code__
    names = [*code.co_varnames[: _count(code)], *code.co_freevars]
    if not all(name.isidentifier() and not iskeyword(name) for name in names):
        return None
    made = _compiled(code)
    if not made.co_freevars == _inside(made).co_freevars == code.co_freevars:
        return None
    tell = constant(_teller(function, probe), typing.cast, None)
    return made.replace(
        co_consts=tuple(_replaced(const, code, tell) for const in made.co_consts),
        co_names=code.co_names,  # it uses none itself
        co_filename=code.co_filename,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
        co_flags=made.co_flags | code.co_flags & STEPWISE,
    )


def _replaced(const: object, code: CodeType, tell: object) -> object:
    if type(const) is CodeType:
        return code
    return tell if type(const) is str and const == _MADE else const


def _teller(function: FunctionType, probe: Probe) -> Any:
    """What the stand-in calls. A function may have another name than its code has."""
    code, contained = function.__code__, ref(function)
    name, qualname, frame_of = code.co_name, code.co_qualname, sys._getframe  # noqa: SLF001

    def tell(inner: Any, frame: FrameType | None = None) -> Any:
        called = contained()
        if called is not None:
            if (its := called.__name__) is not name:
                inner.__name__ = its
            if (its := called.__qualname__) is not qualname:
                inner.__qualname__ = its
        return probe.made(inner, frame or frame_of(1))

    return tell


def _count(code: CodeType) -> int:
    return (
        code.co_argcount
        + code.co_kwonlyargcount
        + bool(code.co_flags & CO_VARARGS)
        + bool(code.co_flags & CO_VARKEYWORDS)
    )


# One line, as the call's own line is the function's first. What is free in the plain code is free
# here, in the same order, since the function's closure has as many cells. A constant that is
# called as it is would be warned of.
def _compiled(code: CodeType) -> CodeType:
    parameters, arguments = _signature(code)
    free = "".join(f"{name}, " for name in code.co_freevars)
    source = (
        f"def outer({free}):\n"
        f"  def inner({parameters}): return ({_MADE!r} or 0)((lambda: ({free}))({arguments}))\n"
    )
    return _inside(_inside(compile(source, "<provagent>", "exec", dont_inherit=True)))


def _inside(code: CodeType) -> CodeType:
    return next(const for const in code.co_consts if type(const) is CodeType)


def _signature(code: CodeType) -> tuple[str, str]:
    """Return the parameters as a function's head has them, and the arguments as a call has."""
    names, count = code.co_varnames, code.co_argcount
    keywords = names[count : count + code.co_kwonlyargcount]
    rest = list(names[count + len(keywords) : _count(code)])
    positional = list(names[:count])
    parameters, arguments = [*positional], [*positional]
    if code.co_posonlyargcount:
        parameters.insert(code.co_posonlyargcount, "/")
    if code.co_flags & CO_VARARGS:
        star = f"*{rest.pop(0)}"
        parameters.append(star)
        arguments.append(star)
    elif keywords:
        parameters.append("*")
    parameters += keywords
    arguments += [f"{name}={name}" for name in keywords]
    if code.co_flags & CO_VARKEYWORDS:
        stars = f"**{rest.pop(0)}"
        parameters.append(stars)
        arguments.append(stars)
    return ", ".join(parameters), ", ".join(arguments)
