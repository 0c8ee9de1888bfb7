"""The places where a module's code binds names, read from its bytecode without running it."""

from __future__ import annotations

import dis
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

_STORES = ("STORE_NAME", "STORE_GLOBAL")
_MAKES = ("MAKE_FUNCTION", "LOAD_BUILD_CLASS")
_STAR_INTRINSIC = 2  # INTRINSIC_IMPORT_STAR: Python 3.12 has no separate opcode for it


@dataclass(slots=True, kw_only=True)
class Definitions:
    """The relevant instructions of one code object, by offset.

    ``after``: each instruction that follows a binding, with the name that was bound (None: any
    names, by ``from module import *``). No name is bound after the offset ``last``. ``imports``:
    the instructions that import. ``lines``: the lines of all these instructions.
    """

    after: dict[int, str | None]
    last: int
    imports: frozenset[int]
    lines: frozenset[int]


def find_definitions(code: CodeType, wants: Callable[[str, bool], bool]) -> Definitions | None:
    """Find the places where ``code`` binds a wanted name; return None if there are none.

    ``wants(name, is_made)`` returns whether a name is wanted. ``is_made``: a function or class was
    made since the binding before.
    """
    after: dict[int, str | None] = {}
    imports: set[int] = set()
    lines: set[int | None] = set()
    backward: list[tuple[int, int]] = []
    is_made, is_bound, bound = False, False, None
    for one in dis.get_instructions(code):
        if is_bound:
            after[one.offset] = bound
            lines.add(one.positions.lineno if one.positions else None)
            # An instruction with EXTENDED_ARG may be reported at the prefix or at the instruction.
            is_bound = one.opname == "EXTENDED_ARG"
        if one.opname in _STORES:
            is_bound, bound = wants(one.argval, is_made), one.argval
            is_made = False
        elif _is_star(one):
            is_bound, bound = True, None
        elif one.opname == "IMPORT_NAME":
            imports.add(one.offset)
            lines.add(one.positions.lineno if one.positions else None)
        elif one.opname in _MAKES:
            is_made = True
        elif "JUMP_BACKWARD" in one.opname:
            backward.append((one.argval, one.offset))
    if not after:
        return None
    return Definitions(
        after=after,
        last=_last(max(after), backward),
        imports=frozenset(imports),
        lines=frozenset(line for line in lines if line is not None),
    )


# A loop may jump back to a binding.
def _last(last: int, backward: list[tuple[int, int]]) -> int:
    for target, offset in sorted(backward, key=lambda jump: jump[1]):
        if target <= last < offset:
            return _last(offset, backward)
    return last


def _is_star(one: dis.Instruction) -> bool:
    return one.opname == "IMPORT_STAR" or (
        one.opname == "CALL_INTRINSIC_1" and one.arg == _STAR_INTRINSIC
    )
