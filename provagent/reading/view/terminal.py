"""All output of commands to standard output and standard error.

The content of records, file names and arguments is only text: this module makes all its characters
visible. Colours are added afterwards. ``view.console`` does the same for output of rich.
``tests/test_house.py`` does not allow other modules to print.
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
    """Print one line. ``style`` contains options of click: ``fg="red"``, ``bold=True``.

    A line may quote text with escapes. Its backslashes stay unchanged.
    """
    text = harmless(str(line), kept="")
    click.echo(click.style(text, **style) if any(style.values()) else text, err=err)


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print text of several lines with its own escapes. Only terminal commands are escaped."""
    click.echo(harmless(text), nl=False, err=err)


def echo_json(data: Any, *, default: Callable[[Any], Any] | None = None) -> None:
    """Print exact JSON. Control and invisible characters are escaped.

    docs/reference/events.md describes the form of file names that are not UTF-8.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, default=default)
    if not is_utf8(text):
        text = json.dumps(clean(data), indent=2, ensure_ascii=False, default=default)
    click.echo(json_escaped(text))


def echo_document(text: str) -> None:
    """Print text for a program: unchanged, except on a terminal."""
    if _is_terminal():
        echo_lines(text)
    else:
        click.echo(text, nl=False)


def echo_rendered(text: str) -> None:
    """Print text that a console of this package has rendered, with its colours."""
    click.echo(text, nl=False)


def page_rendered(text: str) -> None:
    """Show text that a console of this package has rendered in the user's pager."""
    click.echo_via_pager(text)


def ask_secret(question: str) -> str:
    """Ask a question, and return the answer, which is typed invisibly."""
    answer: str = click.prompt(harmless(question, kept=""), hide_input=True, err=True)
    return answer


@contextlib.contextmanager
def document_stream(*, is_json: bool) -> Iterator[BinaryIO]:
    """Return a stream for a document on standard output.

    A pipe receives the bytes of the document. A terminal receives its text with escaped commands.
    JSON is escaped in JSON's own way. Raises ExportError for binary data on a terminal.
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
    """Let standard output and error accept any text: escape characters they cannot encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
