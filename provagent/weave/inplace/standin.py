"""Code with a function's signature that calls the plain one, and hands over what that made.

For generator functions and coroutine functions. Their call runs none of their code: it makes an
object, which runs later, when neither this code nor its caller is on the stack. The stand-in has
the name, the place, the flags and the parameters of the plain code, so that whoever asks the
function about itself is told the same.
"""

from __future__ import annotations

from inspect import CO_VARARGS, CO_VARKEYWORDS
from keyword import iskeyword
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from provagent.weave.inplace import STEPWISE

if TYPE_CHECKING:
    from provagent.weave.inplace import Probe

_MADE, _PLAIN = "provagent made", "provagent plain"


def stand_in(function: FunctionType, probe: Probe) -> CodeType | None:
    """Return code to put in the place of the function's; None where it can't be written."""
    code = function.__code__
    names = [*code.co_varnames[: _count(code)], *code.co_freevars]
    if not all(name.isidentifier() and not iskeyword(name) for name in names):
        return None
    made = _compiled(code)
    consts = {_MADE: probe.made, _PLAIN: _plain(function)}
    return made.replace(
        co_consts=tuple(
            consts.get(const, const) if type(const) is str else const for const in made.co_consts
        ),
        co_filename=code.co_filename,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
        co_flags=made.co_flags | code.co_flags & STEPWISE,
    )


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
        f"  def inner({parameters}): return "
        f"({_MADE!r} or 0)(({_PLAIN!r} or 0)({arguments})) if 1 else ({free})\n"
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


def _plain(function: FunctionType) -> FunctionType:
    plain = FunctionType(
        function.__code__, function.__globals__, function.__name__, None, function.__closure__
    )
    plain.__qualname__ = function.__qualname__
    plain.__module__ = function.__module__
    return plain
