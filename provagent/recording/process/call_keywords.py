"""The names of the keyword arguments of a call, which an audit event does not contain.

CPython keeps these names as a tuple among the constants of the calling code. From 3.13 on the tuple
is loaded just before ``CALL_KW``. In earlier versions ``KW_NAMES`` names the tuple, before ``CALL``
(and ``PRECALL`` in 3.11). During the call, the last instruction of the frame is one of these, or
one of the caches after them.
"""

from __future__ import annotations

from opcode import opname

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_UNIT = 2  # bytes of an instruction with its argument
_BYTE = 8
_OF_CALLS = ("CALL", "PRECALL", "CACHE")


def keywords_at(code: CodeType, offset: int) -> tuple[str, ...] | None:
    """Return the keyword names of the call at ``offset``; None if the code does not show them."""
    units = code.co_code
    while offset >= _UNIT and opname[units[offset]] in _OF_CALLS:
        offset -= _UNIT
    found = opname[units[offset]]
    if found == "CALL_FUNCTION_EX":
        return None  # the names are in a mapping
    if found == "CALL_KW":
        return _constant(code, units, offset - _UNIT)
    return _constant(code, units, offset) if found == "KW_NAMES" else ()


def _constant(code: CodeType, units: bytes, at: int) -> tuple[str, ...] | None:
    number, shift = units[at + 1], _BYTE
    while at >= _UNIT and opname[units[at - _UNIT]] == "EXTENDED_ARG":
        at -= _UNIT
        number |= units[at + 1] << shift
        shift += _BYTE
    found = code.co_consts[number] if number < len(code.co_consts) else None
    return found if type(found) is tuple else None
