"""Exceptions that belong to the program, although they are raised inside our own work."""

from __future__ import annotations

from provagent.isolation import introspection


def is_the_programs(error: BaseException) -> bool:
    """Return whether an exception belongs to the program: an interrupt, or from a signal handler.

    Both may occur at any place of the interpreter, so inside our own work too. A signal handler is
    recognized by its argument: the frame that the signal interrupted. A KeyboardInterrupt that
    other code raises by a statement is no interrupt, for example in the ``__str__`` of an object
    that a definition reads.
    """
    try:
        return _is_interrupt(error) or _met_an_interrupted_frame(error)
    except BaseException as failure:
        if type(failure) is KeyboardInterrupt:
            raise
        return False  # no stack or memory is left for the check


def _is_interrupt(error: BaseException | None) -> bool:
    while error is not None and introspection.is_a(error, KeyboardInterrupt):
        if not _is_raised_by_statement(error):
            return True
        error = introspection.context(error)  # it may have replaced another one
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


# CPython ends a program that was interrupted by SIGINT with the signal, so that the caller sees it.
# This is lost if code was run from text after the interrupt, as dataclasses do at their import.
def interrupt_again() -> None:
    """Make the interpreter end as an interrupted one again."""
    try:
        exec("raise KeyboardInterrupt")  # noqa: S102 - the code is our own
    except KeyboardInterrupt:
        pass
