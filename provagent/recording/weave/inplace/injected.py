"""Three calls in a function's own bytecode, for Python 3.11.

``start()`` after the first RESUME, ``done(value)`` before each RETURN_VALUE, and ``unwind(error)``
in a handler for all code that no handler of the function covers. The rest of the function does not
change: its code runs at the same stack depth, its lines are the same, its exceptions have the same
tracebacks. (The handler reraises with RERAISE 1, as ``finally`` does: this keeps the line and adds
no entry.)

The format is that of CPython 3.11, whose bytecode is fixed: Objects/exception_handling_notes.txt,
Objects/locations.md, Python/ceval.c and Lib/dis.py of that release.
"""

from __future__ import annotations

import dis
import opcode
import typing
from collections.abc import Iterator
from types import CodeType
from typing import TYPE_CHECKING, Any

from provagent.recording.weave.inplace.constant import constant

if TYPE_CHECKING:
    from provagent.recording.weave.inplace.attached import Probe

_OP = opcode.opmap
_CACHES: Any = getattr(opcode, "_inline_cache_entries", ())
_EXTENDED = opcode.EXTENDED_ARG
_BYTE, _TWO, _THREE = 0xFF, 0xFFFF, 0xFFFFFF
_SIX = 0x3F
_MAX_RUN = 8  # code units per entry of a location table

Position = tuple[int | None, int | None, int | None, int | None]
_UNKNOWN: Position = (None, None, None, None)


def inject(code: CodeType, probe: Probe) -> CodeType | None:
    """Return ``code`` with the calls of ``probe``; None if the calls cannot be added."""
    instructions = list(_instructions(code))
    first = next((one for one in instructions if one.op == _OP["RESUME"]), None)
    if first is None or first.arg:
        return None
    calls = (
        constant(probe.start, int),
        constant(probe.done, typing.cast, None),
        constant(probe.unwind, type),
    )
    consts = len(code.co_consts)
    program = _Program(code, instructions)
    program.insert_behind(first, _call_start(consts))
    for one in instructions:
        if one.op == _OP["RETURN_VALUE"]:
            program.insert_before(one, _call_done(consts + 1))
    program.append(_call_unwind(consts + 2))
    return program.assemble((*code.co_consts, *calls))


class _Instruction:
    """One instruction with its EXTENDED_ARGs; ``target`` is the target of a jump.

    ``old`` is the old position, in code units; ``new`` is the new one. ``like`` is the old position
    with the line of this instruction; None for no line.
    """

    __slots__ = ("arg", "caches", "like", "new", "old", "op", "target", "width")

    def __init__(self, op: int, arg: int, old: int | None = None) -> None:
        self.op = op
        self.arg = arg
        self.old = self.like = old
        self.new = 0
        self.caches: int = _CACHES[op]
        self.target: _Instruction | None = None
        self.width = 1 + _extras(arg)

    @property
    def size(self) -> int:
        return self.width + self.caches

    @property
    def end(self) -> int:
        return self.new + self.width + self.caches

    def emit(self) -> bytes:
        made = bytearray()
        for shift in range(8 * (self.width - 1), 0, -8):
            made += bytes((_EXTENDED, self.arg >> shift & _BYTE))
        made += bytes((self.op, self.arg & _BYTE))
        return bytes(made) + bytes(2 * self.caches)


def _extras(arg: int) -> int:
    """Return the number of EXTENDED_ARGs of an argument."""
    return (arg > _BYTE) + (arg > _TWO) + (arg > _THREE)


def _instructions(code: CodeType) -> Iterator[_Instruction]:
    raw = code.co_code
    unit, begin, arg = 0, 0, 0
    while unit < len(raw) // 2:
        op = raw[2 * unit]
        arg = arg << 8 | raw[2 * unit + 1]
        if op == _EXTENDED:
            unit += 1
            continue
        one = _Instruction(op, arg, begin)
        # The compiler may have written more EXTENDED_ARGs than necessary.
        one.width = unit - begin + 1
        yield one
        unit += 1 + one.caches
        begin, arg = unit, 0


def _call_start(const: int) -> list[_Instruction]:
    return [*_load(const), *_call(0), _Instruction(_OP["POP_TOP"], 0)]


# The value stays at the bottom of the stack: value, NULL, done, value.
def _call_done(const: int) -> list[_Instruction]:
    swap = _OP["SWAP"]
    null, load = _load(const)
    return [null, _Instruction(swap, 2), load, _Instruction(swap, 2), *_call(1)]


# The stack contains the instruction that raised, and the error.
def _call_unwind(const: int) -> list[_Instruction]:
    copy, pop, again = _OP["COPY"], _OP["POP_TOP"], _OP["RERAISE"]
    return [
        *_load(const), _Instruction(copy, 3), *_call(1), _Instruction(pop, 0),
        _Instruction(again, 1),
    ]  # fmt: skip


def _load(const: int) -> list[_Instruction]:
    return [_Instruction(_OP["PUSH_NULL"], 0), _Instruction(_OP["LOAD_CONST"], const)]


def _call(count: int) -> list[_Instruction]:
    return [_Instruction(_OP["PRECALL"], count), _Instruction(_OP["CALL"], count)]


class _Program:
    """The instructions of one code object, with additional instructions between them."""

    def __init__(self, code: CodeType, instructions: list[_Instruction]) -> None:
        self._code = code
        self._at = {one.old: one for one in instructions}
        # The real target of a jump to an instruction: the code inserted before it, or the
        # instruction.
        self._entries = dict(self._at)
        self._before: dict[int | None, list[_Instruction]] = {}
        self._behind: dict[int | None, list[_Instruction]] = {}
        self._old = instructions
        self._handler: list[_Instruction] = []
        for one in instructions:
            if one.op in opcode.hasjrel:
                behind = (one.old or 0) + one.size
                back = "BACKWARD" in opcode.opname[one.op]
                one.target = self._at[behind - one.arg if back else behind + one.arg]

    def insert_before(self, one: _Instruction, others: list[_Instruction]) -> None:
        self._before[one.old] = others
        self._entries[one.old] = others[0]
        for other in others:
            other.like = one.old

    def insert_behind(self, one: _Instruction, others: list[_Instruction]) -> None:
        self._behind[one.old] = others

    def append(self, others: list[_Instruction]) -> None:
        self._handler = others

    def assemble(self, consts: tuple[Any, ...]) -> CodeType:
        order = [
            each
            for one in self._old
            for each in (
                *self._before.get(one.old, ()), one, *self._behind.get(one.old, ()),
            )
        ]  # fmt: skip
        self._place([*order, *self._handler])
        return self._code.replace(
            co_code=b"".join(one.emit() for one in (*order, *self._handler)),
            co_consts=consts,
            co_stacksize=self._code.co_stacksize + 5,
            co_linetable=self._lines(order),
            co_exceptiontable=self._exceptions(order),
        )

    def _place(self, order: list[_Instruction]) -> None:
        """Set the position of each instruction; a longer jump may move other instructions."""
        is_stable = False
        while not is_stable:
            is_stable, unit = True, 0
            for one in order:
                one.new = unit
                unit += one.size
            for one in order:
                if one.target is None:
                    continue
                to = self._entries[one.target.old].new
                one.arg = abs(to - one.end)
                if 1 + _extras(one.arg) > one.width:
                    one.width = 1 + _extras(one.arg)
                    is_stable = False

    def _exceptions(self, order: list[_Instruction]) -> bytes:
        """Return the table with the function's own handlers, and our handler for the rest."""
        begin = self._behind[next(one for one in self._old if one.op == _OP["RESUME"]).old][0].new
        end, ours = order[-1].end, self._handler[0].new
        table, at = bytearray(), begin
        for entry in dis._parse_exception_table(self._code):  # type: ignore[attr-defined]  # noqa: SLF001
            start, stop = self._new(entry.start), self._new(entry.end)
            if at < start:
                _add_entry(table, at, start, ours, 0, is_last=True)
            target = self._entries[entry.target // 2].new
            _add_entry(table, start, stop, target, entry.depth, is_last=entry.lasti)
            at = max(at, stop)
        if at < end:
            _add_entry(table, at, end, ours, 0, is_last=True)
        return bytes(table)

    def _new(self, offset: int) -> int:
        one = self._entries.get(offset // 2)
        if one is not None:
            return one.new
        return self._handler[0].new  # the end of the code

    def _lines(self, order: list[_Instruction]) -> bytes:
        positions = list(self._code.co_positions())
        table, line = bytearray(), self._code.co_firstlineno
        for one in (*order, *self._handler):
            position = _UNKNOWN if one.like is None else positions[one.like]
            line = _add_location(table, one, position, line)
        return bytes(table)


def _add_entry(
    table: bytearray, start: int, end: int, target: int, depth: int, *, is_last: bool
) -> None:
    if start >= end:
        return
    first = len(table)
    for value in (start, end - start, target, depth << 1 | is_last):
        table += _sixes(value)
    table[first] |= 0x80


# Six bits per byte, highest first.
def _sixes(value: int) -> bytes:
    made = [value & _SIX]
    while value := value >> 6:
        made.append(0x40 | value & _SIX)
    return bytes(reversed(made))


# Six bits per byte, lowest first.
def _varint(value: int) -> bytes:
    made = bytearray()
    while value > _SIX:
        made.append(0x40 | value & _SIX)
        value >>= 6
    made.append(value)
    return bytes(made)


def _signed(value: int) -> bytes:
    return _varint(-value << 1 | 1 if value < 0 else value << 1)


_NO_COLUMNS, _LONG, _NOWHERE = 13, 14, 15


def _add_location(table: bytearray, one: _Instruction, position: Position, line: int) -> int:
    """Add the entries of one instruction; return the base line of the next instruction."""
    begin, end, column, end_column = position
    left = one.size
    while left:
        run = min(left, _MAX_RUN)
        left -= run
        kind = _NOWHERE if begin is None else _NO_COLUMNS if column is None else _LONG
        table.append(0x80 | kind << 3 | run - 1)
        if begin is None:
            continue
        table += _signed(begin - line)
        line = begin
        if column is not None:
            last = begin if end is None else end
            table += _varint(last - begin) + _varint(column + 1) + _varint((end_column or 0) + 1)
    return line
