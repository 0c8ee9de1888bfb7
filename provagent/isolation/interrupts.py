"""Which exceptions are the program's own, though they are met inside our own work."""

from __future__ import annotations

from provagent.isolation import introspection


def is_the_programs(error: BaseException) -> bool:
    """Whether the program must get it: an interrupt, or what its own signal handler raised.

    Both arrive wherever the interpreter is, so inside our own work too. A handler is known
    by what it is given: the very frame that it interrupted. A KeyboardInterrupt that other
    code raises by itself, such as an object's ``__str__`` that a definition asks for, is no
    interrupt.
    """
    try:
        return _is_interrupt(error) or _met_an_interrupted_frame(error)
    except BaseException as failure:
        if type(failure) is KeyboardInterrupt:
            raise
        return False  # no stack or memory is left to look at it


def _is_interrupt(error: BaseException | None) -> bool:
    while error is not None and introspection.is_a(error, KeyboardInterrupt):
        if not _is_raised_by_statement(error):
            return True
        error = introspection.context(error)  # it may stand for another
    return False


def _is_raised_by_statement(error: BaseException) -> bool:
    from opcode import opname

    trace = introspection.traceback(error)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_lasti < 0:
        return False
    return opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def _met_an_interrupted_frame(error: BaseException) -> bool:
    trace = introspection.traceback(error)
    while trace is not None and trace.tb_next is not None:
        interrupted, trace = trace.tb_frame, trace.tb_next
        for value in trace.tb_frame.f_locals.values():
            if value is interrupted:
                return True
            if type(value) is tuple and any(item is interrupted for item in value):
                return True
    return False


# CPython ends a program that was interrupted by SIGINT, for its caller to see; unless code
# was run from text after the interrupt, as dataclasses do when they are loaded.
def interrupt_again() -> None:
    """Let the interpreter end as one that was interrupted, once more."""
    try:
        exec("raise KeyboardInterrupt")  # noqa: S102 - the code is our own
    except KeyboardInterrupt:
        pass
