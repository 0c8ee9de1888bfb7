"""Code with a function's signature that calls the plain function, and reports the result.

The code replaces the code of generator functions and coroutine functions. A call of these functions
runs none of their code: it makes an object, which runs later, when neither this code nor its caller
is on the stack. The stand-in has the name, the place, the flags and the parameters of the plain
code, so that code that inspects the function sees the same values.

The plain code is a constant of the stand-in, like the code of a nested function. At each call a
function is made from it. This function has the globals and the closure of the function that is
called, also if that function is a copy with the same code and other globals. A library that takes a
function's code apart, such as cloudpickle for a pickle by value, finds the names and constants of
the plain code.
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
    """Return code to replace the function's code; None if it cannot be written."""
    code = function.__code__
    names = [*code.co_varnames[: _count(code)], *code.co_freevars]
    if not all(name.isidentifier() and not iskeyword(name) for name in names):
        return None
    made = _compiled(code)
    if not made.co_freevars == _inside(made).co_freevars == code.co_freevars:
        return None
    report = constant(_reporter(function, probe), typing.cast, None)
    return made.replace(
        co_consts=tuple(_replaced(const, code, report) for const in made.co_consts),
        co_names=code.co_names,  # the stand-in uses no names itself
        co_filename=code.co_filename,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
        co_flags=made.co_flags | code.co_flags & STEPWISE,
    )


def _replaced(const: object, code: CodeType, report: object) -> object:
    if type(const) is CodeType:
        return code
    return report if type(const) is str and const == _MADE else const


def _reporter(function: FunctionType, probe: Probe) -> Any:
    """Return the call of the stand-in; a function and its code may have different names."""
    code, contained = function.__code__, ref(function)
    name, qualname, frame_of = code.co_name, code.co_qualname, sys._getframe  # noqa: SLF001

    def report(inner: Any, frame: FrameType | None = None) -> Any:
        called = contained()
        if called is not None:
            if (its := called.__name__) is not name:
                inner.__name__ = its
            if (its := called.__qualname__) is not qualname:
                inner.__qualname__ = its
        return probe.made(inner, frame or frame_of(1))

    return report


def _count(code: CodeType) -> int:
    return (
        code.co_argcount
        + code.co_kwonlyargcount
        + bool(code.co_flags & CO_VARARGS)
        + bool(code.co_flags & CO_VARKEYWORDS)
    )


# The source is one line, because the line of the call is the first line of the function. The free
# variables are those of the plain code, in the same order, since the function's closure has as many
# cells. The ``or 0`` prevents the compiler's warning about the call of a constant.
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
    """Return the parameters as in a function's head, and the arguments as in a call."""
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
