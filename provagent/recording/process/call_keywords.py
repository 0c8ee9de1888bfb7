"""The names of the arguments that a call is given by name: what an audit event does not tell.

CPython keeps them as a tuple among the constants of the calling code. From 3.13 on it is loaded
just before ``CALL_KW``; before that ``KW_NAMES`` names it, before ``CALL`` (and ``PRECALL`` in
3.11). A frame stands at one of these while the call is under way, or at the caches that follow.
"""

from __future__ import annotations

from opcode import opname

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_UNIT = 2  # bytes: an instruction and its argument
_BYTE = 8
_OF_CALLS = ("CALL", "PRECALL", "CACHE")


def keywords_at(code: CodeType, offset: int) -> tuple[str, ...] | None:
    """Return the names that the call at ``offset`` gives; None where the code does not say."""
    units = code.co_code
    while offset >= _UNIT and opname[units[offset]] in _OF_CALLS:
        offset -= _UNIT
    found = opname[units[offset]]
    if found == "CALL_FUNCTION_EX":
        return None  # it has them in a mapping
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
