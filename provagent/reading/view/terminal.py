"""The door to standard output and standard error: all that a verb prints goes through here.

What a record, a file's name or an argument says is text: here it becomes visible text, and
colours are added afterwards. ``view.console`` is the same door for what rich lays out.
``tests/test_house.py`` lets no other module print.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import click

from provagent.contract.errors import ExportError
from provagent.contract.file_names import is_utf8
from provagent.contract.printable import harmless, json_escaped
from provagent.contract.values.clean import clean

JSON = ("json", "jsonld", "opus")  # formats of documents that are JSON


def echo(line: object = "", *, err: bool = False, **style: Any) -> None:
    """Print one line; ``style`` is click's: ``fg="red"``, ``bold=True``.

    A line is prose, which may quote with escapes of its own: its backslashes stay.
    """
    text = harmless(str(line), kept="")
    click.echo(click.style(text, **style) if any(style.values()) else text, err=err)


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print text of several lines that has its own escapes, as it is but for commands."""
    click.echo(harmless(text), nl=False, err=err)


def echo_json(data: Any, *, default: Callable[[Any], Any] | None = None) -> None:
    """Print JSON: exact, with the characters escaped that are no text.

    Names of files that are not UTF-8 are as docs/reference/events.md says.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, default=default)
    if not is_utf8(text):
        text = json.dumps(clean(data), indent=2, ensure_ascii=False, default=default)
    click.echo(json_escaped(text))


def echo_document(text: str) -> None:
    """Print text for a program: exact, unless it is a terminal that gets it."""
    if _is_terminal():
        echo_lines(text)
    else:
        click.echo(text, nl=False)


def echo_rendered(text: str) -> None:
    """Print what a console of ours has rendered, colours and all."""
    click.echo(text, nl=False)


def page_rendered(text: str) -> None:
    """Give the user's pager what a console of ours has rendered."""
    click.echo_via_pager(text)


def ask_secret(question: str) -> str:
    """Return what a person types unseen."""
    answer: str = click.prompt(harmless(question, kept=""), hide_input=True, err=True)
    return answer


@contextlib.contextmanager
def document_stream(*, is_json: bool) -> Iterator[BinaryIO]:
    """Give the stream for a document on standard output.

    A pipe gets its bytes. A terminal gets its text, in which commands are escaped, as JSON
    escapes them where it is JSON. Raises ExportError for binary data on a terminal.
    """
    if sys.stdout is None:
        raise ExportError("standard output: is closed; use -o FILE")
    if not _is_terminal():
        yield sys.stdout.buffer
        return
    whole = io.BytesIO()
    yield whole
    try:
        text = whole.getvalue().decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ExportError("standard output: is a terminal, the document is binary; use -o FILE")
    click.echo(json_escaped(text) if is_json else harmless(text), nl=False)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def open_streams() -> None:
    """Let standard output and error take any text: what they cannot encode is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
