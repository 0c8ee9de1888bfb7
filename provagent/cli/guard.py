"""The guard of all verbs: one line for an error, and the exit code.

An exception of a verb never reaches the user as a traceback, except with ``--debug``.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import click

from provagent.contract.errors import ProvagentError
from provagent.contract.printable import harmless
from provagent.contract.values.exception_message import what_failed
from provagent.reading.view.terminal import echo, echo_lines, open_streams
from provagent.settings.table import warn

# Exit codes of sysexits.h, and exit codes of a shell for programs that a signal ended.
FAILED = 1
INTERNAL_ERROR = 70
OUT_OF_MEMORY = 71
INPUT_OR_OUTPUT = 74
INTERRUPTED = 130
PIPE_CLOSED = 141

F = TypeVar("F", bound=Callable[..., Any])
_is_debugging = False


class PipeClosedError(Exception):
    """Nobody reads standard output any more. click has its own exit code for this."""


def debug_option(*, hidden: bool = False) -> Callable[[F], F]:
    """Return the option ``--debug`` as a decorator of a command."""
    return click.option(
        "--debug", is_flag=True, expose_value=False, hidden=hidden, callback=_remember,
        help="Show the traceback of an error.",
    )  # fmt: skip


def with_debug(command: click.Command) -> click.Command:
    """Add ``--debug`` to a command and its subcommands: the option may also follow the verb."""
    if all(param.name != "debug" for param in command.params):
        debug_option(hidden=True)(command)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_debug(below)
    return command


def _remember(_: click.Context, __: click.Parameter, value: bool) -> None:
    global _is_debugging  # noqa: PLW0603 - one command line is one process
    _is_debugging = _is_debugging or value


@contextlib.contextmanager
def closed_pipe() -> Iterator[None]:
    """Raise PipeClosedError if standard output is a pipe that nobody reads."""
    try:
        yield
        _flush()
    except BrokenPipeError:
        raise PipeClosedError from None


def exit_with(run: Callable[[], Any]) -> NoReturn:
    """Run a command line. Exit with its code, or with the code of its error."""
    global _is_debugging  # noqa: PLW0603
    _is_debugging = False
    open_streams()
    code = _code(run)
    with contextlib.suppress(ValueError):  # already closed
        flushed = _code(_flush)
        # Otherwise the interpreter would try again at its end, and report an error.
        if flushed:
            _discard_output()
            code = code or flushed
    sys.exit(code)


def _code(run: Callable[[], Any]) -> int:
    try:
        code = run()
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        code = _code_of(error)
        if _is_debugging:
            echo_lines("".join(traceback.format_exception(error)), err=True)
        with contextlib.suppress(OSError):  # standard error is closed as well
            _print_error(error)
    return code if isinstance(code, int) else 0


def _code_of(error: BaseException) -> int:
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, ProvagentError):
        return int(getattr(error, "exit_code", FAILED))
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (PipeClosedError, BrokenPipeError)):
        return PIPE_CLOSED
    if isinstance(error, click.Abort) and not isinstance(error.__cause__, EOFError):
        return FAILED
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    return INPUT_OR_OUTPUT if _is_of_system(error) else INTERNAL_ERROR


def _is_of_system(error: BaseException) -> bool:
    """Return whether the system refused a file, known by its name or by the kind of error."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
    return isinstance(error, OSError) and (error.filename is not None or error.errno in full)


def _print_error(error: BaseException) -> None:
    code = _code_of(error)
    if isinstance(error, click.ClickException):
        _print_usage_error(error)
    elif isinstance(error, ProvagentError):
        for line in error.args:
            warn(line)
    elif code == FAILED:
        echo("Aborted!", err=True)
    elif code == OUT_OF_MEMORY:
        warn("out of memory; reduce the output (for example with --limit), or use a larger machine")
    elif code == INPUT_OR_OUTPUT and isinstance(error, OSError):
        warn(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
    elif code == INTERNAL_ERROR:
        cause = error.__cause__ if isinstance(error, click.Abort) else None
        what = what_failed(cause or error)
        warn(f"internal error: {what}; please report it with the output of --debug")


def _print_usage_error(error: click.ClickException) -> None:
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the help
        vars(error)["message"] = harmless(error.message, kept="")  # it quotes the typed text
    shown = io.StringIO()
    error.show(shown)
    echo_lines(shown.getvalue(), err=True)


def _flush() -> None:
    if sys.stdout is not None:  # closed before Python began
        sys.stdout.flush()


def _discard_output() -> None:
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
