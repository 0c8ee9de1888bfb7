"""Values that flow outside of the variables of the program: standard streams and library objects.

``sys.stdin`` and ``sys.stdout`` are variables that a program may set, as ``redirect_stdout`` does.
If a shell has redirected them to files, the record contains a site for each file. This site is in
no source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from provagent.reading.flow.graph import CodePosition, Position
from provagent.reading.flow.memory import Memory
from provagent.reading.flow.state import NONE, NOTHING, AbstractObject, Kind, Value

INPUT, OUTPUT = "sys.stdin", "sys.stdout"
_FIRST = {"sys.__stdin__": INPUT, "sys.__stdout__": OUTPUT}
_POSITIONS: dict[Position, str] = {("<stdin>", 0, None): INPUT, ("<stdout>", 0, None): OUTPUT}
_PRINTS = frozenset({"print", "pprint.pprint", "pprint.pp", "rich.print"})
_READS = frozenset({"input", "fileinput.input"})
_LOGS = ("logging", "files")
_NUMBERS = {0: INPUT, 1: OUTPUT, "/dev/stdin": INPUT, "/dev/stdout": OUTPUT}
_OPENS_NUMBER = frozenset({"open", "io.open", "os.fdopen"})


def stream_of(chain: tuple[Position, ...]) -> str | None:
    """Return the standard stream of a recorded site, or None if the site is in the code."""
    return _POSITIONS.get(chain[0]) if len(chain) == 1 else None


class Streams(Memory):
    """Values in standard input and output, in logs, and in objects of libraries."""

    read_marks: frozenset[ast.AST] = frozenset()  # calls that opened files only for reading

    def begin_stream(
        self, name: str, chain: tuple[Position, ...]
    ) -> tuple[CodePosition, AbstractObject]:
        """Make a standard stream a recorded file; return its place and its object."""
        place = self.root.enter(("stream", name), chain[0])
        known = self.stream(name)
        if known:
            return place, next(iter(known))
        place.is_marked = True
        before, self.place = self.place, place
        obj = self.make(ast.Module([], []), name)
        self.place = before
        obj.is_handle = name == OUTPUT
        for each in (name, *(first for first, now in _FIRST.items() if now == name)):
            self.state.put(("library", each), frozenset((obj,)))
        return place, obj

    def held(self, value: Value, changed_at: ast.AST | None = None) -> Value:
        """Replace objects of libraries (``os.environ``) by the contents that the program stored.

        ``changed_at``: the code that stores a value in the object now.
        """
        if not any(obj.kind is Kind.LIBRARY for obj in value):
            return value
        found: set[AbstractObject] = set()
        for obj in value:
            stored: Value | None = None
            if obj.kind is Kind.LIBRARY:
                stored = self.state.get(("library", obj.detail))
                if stored is None and changed_at is not None:
                    made = self.make(changed_at, ("held", obj.detail))
                    made.holds_several = True
                    stored = frozenset((made,))
                    self.state.put(("library", obj.detail), stored)
            found |= frozenset((obj,)) if stored is None else stored
        return frozenset(found)

    @property
    def logs(self) -> Value:
        """The files into which the program logs."""
        value: Value | None = self.state.get(_LOGS)
        return NONE if value is None else value

    def add_log(self, value: Value) -> None:
        """Add a file into which the program logs."""
        self.state.put(_LOGS, self.logs | frozenset(one for one in value if one.is_handle))

    def stream(self, name: str) -> Value:
        """Return the current object of a standard stream; an empty value if it is not recorded."""
        value: Value | None = self.state.get(("library", name))
        return NONE if value is None else value

    def opened_stream(self, library: str, first: Value) -> Value:
        """Return the standard stream that a call opens by its number or as a device."""
        if library not in _OPENS_NUMBER:
            return NONE
        names = {
            _NUMBERS[obj.detail]
            for obj in first
            if obj.kind is Kind.CONSTANT and obj.detail in _NUMBERS
        }
        return frozenset().union(*map(self.stream, names))

    def read_stream(self, library: str, *, is_given: bool) -> Value:
        """Return standard input if a call reads it; ``is_given``: the call has arguments."""
        if library not in _READS or (is_given and library != "input"):
            return NONE
        return self.stream(INPUT)

    def print_into(self, library: str, file: Value) -> Value:
        """Return the destination of a call that prints without a ``file`` argument."""
        is_given = any(obj.is_data or obj.kind is Kind.LIBRARY for obj in file)
        return self.stream(OUTPUT) if library in _PRINTS and not is_given else NONE

    @contextmanager
    def redirected(self, value: Value) -> Iterator[None]:
        """Let the value of a context manager be standard output, if the manager redirects it."""
        if not any(obj.detail == "redirect_stdout" for obj in value):
            yield
            return
        before = self.state.get(("library", OUTPUT))
        self.state.put(("library", OUTPUT), value)
        yield
        after = frozenset((NOTHING,)) if before is None else before
        self.state.put(("library", OUTPUT), after)
