"""The lines of the user's code that ran between two calls.

No tracer watches the lines: the result follows from the source alone. If the statement of the first
call comes before the statement of the second call in one block, the program reached the second
statement through the first one. So the lines between them ran in between, in a loop too. More code
may have run: in functions, in other threads, or in other notebook cells.
"""

from __future__ import annotations

import linecache
import re
import tokenize
from functools import lru_cache
from itertools import pairwise
from types import CodeType
from typing import Any

from provagent.isolation.addresses import address_of
from provagent.isolation.originals import io, os, real_time_ns
from provagent.recording.capture.context import CallSite, EarlierCallSite
from provagent.recording.capture.notebook_changes import changing, files_between, names_of

LINES_KEPT = 40
_LONGEST = 500_000  # characters of source; longer sources take too long to parse
_PAIRS_KEPT = 1000
_OF_FUNCTION = 0x2  # CO_NEWLOCALS
_BEGAN = real_time_ns() / 1e9

_COPYING = re.compile(r"copy|clone|duplicate|loads?\b|evolve|replace", re.IGNORECASE)
# Expressions that may skip the evaluation of a part.
_MAYBE = frozenset(("IfExp", "BoolOp", "Compare", "ListComp", "SetComp", "DictComp"))
_PARTS = ("body", "orelse", "finalbody")

Code = dict[str, Any] | None
Block = list[Any]  # a list of statements
Path = list[tuple[Block, int]]  # from the block of a module to a statement
Point = tuple[int, int]  # a line, and a column in bytes

_known: dict[tuple[Any, ...], tuple[CodeType, CodeType, Code]] = {}


def code_between(before: CallSite | None, after: CallSite | None) -> Code:
    """Return the source that ran between two call sites; None if it is not known.

    Both call sites are in one frame of a function, at the top level of one module or notebook cell,
    or at the top level of two cells.
    """
    if before is None or after is None:
        return None
    one, other = before.code, after.code
    is_one = one is other and before.frame == after.frame
    is_function = (one.co_flags | other.co_flags) & _OF_FUNCTION
    if not is_one and is_function:
        return None
    key = (
        address_of(one),
        before.offset,
        type(before),
        address_of(other),
        after.offset,
        type(after),
        is_one,
    )
    known = _known.get(key)
    if known is None:
        if len(_known) >= _PAIRS_KEPT:
            _known.clear()
        # A reference to both codes keeps their addresses valid.
        is_apart = one.co_filename != other.co_filename
        code = (
            _between_cells(before, after)
            if is_apart
            else _between(before, after, is_one, not is_function)
        )
        known = _known[key] = one, other, code
    return known[2]


def may_have_copied(before: CallSite | None, after: CallSite | None) -> bool:
    """Return whether the source that led to a call names a copy.

    The lines since the call ``before`` are searched, and the lines of the function before the call.
    Two objects of equal state may be independent: only the source shows that one is a copy.
    """
    if after is None:
        return False
    code, end = code_between(before, after), _end_of_call(after)
    texts = [] if code is None else [str(code["text"])]
    found = None if end is None else _source(after.code.co_filename)
    if end is not None and found is not None:
        is_function = after.code.co_flags & _OF_FUNCTION
        first = max(after.code.co_firstlineno, end[0] - LINES_KEPT) if is_function else end[0]
        texts += found[0][first - 1 : end[0]]
    return any(_COPYING.search(text) for text in texts)


def _between(before: CallSite, after: CallSite, is_one: bool, is_module: bool) -> Code:
    file = after.code.co_filename
    found = _source(file)
    start, end = _end_of_call(before), _end_of_call(after)
    if found is None or start is None or end is None:
        return None
    lines, block = found
    one, other = _path(block, start), _path(block, end)
    calls = _calls(one, before, start), _calls(other, after, end)
    if not all(calls) or (calls[0] == "perhaps" and not is_module):
        return None
    numbers = [
        number
        for number in _lines_between(one, other, start[0], is_one, is_module)
        if lines[number - 1].strip()
    ]
    if not numbers:
        return None
    first, last = numbers[0], numbers[-1]
    left_out = _not_taken(one) | _not_taken(other)
    shown = [lines[number - 1] for number in range(first, last + 1) if number not in left_out]
    text = "\n".join(shown[:LINES_KEPT])
    return {"file": file, "first_line": first, "last_line": last, "text": text}


def _between_cells(before: CallSite, after: CallSite) -> Code:
    """Return the code that changed a value between two notebook cells, if one part did so."""
    files = before.code.co_filename, after.code.co_filename
    others = files_between(*files)
    if others is None:
        return None
    known = {file: _source(file) for file in (files[0], *others, files[1])}
    first, last = known[files[0]], known[files[1]]
    start, end = _end_of_call(before), _end_of_call(after)
    if first is None or last is None or start is None or end is None:
        return None
    one, other = _path(first[1], start), _path(last[1], end)
    if not one or not other:
        return None
    pieces = [(file, found[1]) for file, found in known.items() if found is not None]
    pieces[0] = files[0], first[1][one[0][1] + 1 :]
    pieces[-1] = files[1], last[1][: other[0][1]]
    meant = changing(pieces, names_of(_statement(one), _statement(other)))
    found = None if meant is None else known[meant[0]]
    if meant is None or found is None:
        return None
    numbers = _first_line(meant[1][0]), _last_line(meant[1][-1])
    text = "\n".join(found[0][numbers[0] - 1 : numbers[1]][:LINES_KEPT])
    return {"file": meant[0], "first_line": numbers[0], "last_line": numbers[1], "text": text}


def _lines_between(one: Path, other: Path, line: int, is_one: bool, is_module: bool) -> list[int]:
    """Return the numbers of the lines between two calls; the first call ends on ``line``."""
    depth = 0
    while depth < min(len(one), len(other)) and _same(one[depth], other[depth]):
        depth += 1
    if _function(one) is not _function(other) or depth == len(other):
        return []
    if depth == len(one):
        first = line + 1  # the head of a statement, then its block
    else:
        (block, at), (last_block, last_at) = one[depth], other[depth]
        if block is not last_block or at >= last_at:
            return []
        first = _line_after(one[depth:], is_one, is_module)
    left_out = _not_taken(one[depth:]) | _not_taken(other[max(depth - 1, 0) :])
    last = _first_line(_statement(other))
    return [number for number in range(first, last) if number not in left_out] if first else []


def _line_after(path: Path, is_one: bool, is_module: bool) -> int:
    """Return the line after the statement of a call, or of its outermost block; 0 if unknown.

    The code of a module runs once: the branch that contains a call was taken. A function may have
    been called before, in a frame with the same address. So only blocks that always run (``with``,
    ``try``) are known to be entered this time too.
    """
    for block, at in path[:-1]:
        kind = type(block[at]).__name__
        if is_module and is_one and kind in ("If", "Match"):
            continue
        if is_module or kind in ("With", "AsyncWith", "Try"):
            return _last_line(block[at]) + 1
        return 0
    return _last_line(_statement(path)) + 1


def _not_taken(path: Path) -> set[int]:
    """Return the lines of branches that were not taken on the way to a statement."""
    found: set[int] = set()
    for (block, at), (inner, _) in pairwise(path):
        branches = _branches(block[at])
        if any(branch is inner for branch in branches):
            last = 0
            for branch in branches:
                if branch is not inner:
                    # With the line of ``else``, if the branch before it was taken.
                    first = last + 1 if last else _first_line(branch[0])
                    found.update(range(first, _last_line(branch[-1]) + 1))
                if branch is inner or last:
                    last = _last_line(branch[-1])
    return found


def _branches(statement: Any) -> list[Block]:
    """Return the blocks of a statement of which at most one runs."""
    kind = type(statement).__name__
    if kind == "Match":
        return [case.body for case in statement.cases]
    if kind == "If":
        return [block for block in (statement.body, statement.orelse) if block]
    if kind in ("Try", "TryStar"):
        handlers = [handler.body for handler in statement.handlers]
        return [block for block in (*handlers, statement.orelse) if block]
    return []


def _path(block: Block | None, point: Point) -> Path:
    """Return the statements around the code that ends at a point, outermost first."""
    path: Path = []
    while block is not None:
        at = next((at for at, one in enumerate(block) if _holds(one, one, point)), None)
        if at is None:
            break
        path.append((block, at))
        block = next(
            (inner for inner in _blocks(block[at]) if _holds(inner[0], inner[-1], point)), None
        )
    return path


def _blocks(statement: Any) -> list[Block]:
    holders = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    found = [getattr(holder, name, None) for holder in holders for name in _PARTS]
    return [block for block in found if block and type(block) is list]


def _holds(first: Any, last: Any, point: Point) -> bool:
    start = _first_line(first), first.col_offset
    return start < point <= (last.end_lineno, last.end_col_offset)


def _calls(path: Path, place: CallSite, point: Point) -> str:
    """Return whether a call that ends at a point is made there: ``surely`` or ``perhaps``.

    Return an empty text if no expression ends at the point, because then another source ran. Return
    an empty text too if the called code may have run later.
    """
    import ast

    found, todo = "", [(_statement(path), False)] if path else []
    while todo:
        node, is_maybe = todo.pop()
        requested = ast.Await if type(place) is EarlierCallSite else ast.expr
        if isinstance(node, requested) and (node.end_lineno, node.end_col_offset) == point:
            found = "perhaps" if is_maybe else "surely"
        is_maybe = is_maybe or isinstance(
            node, (ast.IfExp, ast.BoolOp, ast.Compare, ast.ListComp, ast.SetComp, ast.DictComp)
        )
        todo += [
            (child, is_maybe)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt)
        ]
    return found


def _function(path: Path) -> Any:
    """Return the function that contains a statement, if there is one."""
    for block, at in reversed(path[:-1]):
        if type(block[at]).__name__ in ("FunctionDef", "AsyncFunctionDef"):
            return block[at]
    return None


def _same(one: tuple[Block, int], other: tuple[Block, int]) -> bool:
    return one[0] is other[0] and one[1] == other[1]


def _statement(path: Path) -> Any:
    block, at = path[-1]
    return block[at]


def _first_line(statement: Any) -> int:
    decorators = getattr(statement, "decorator_list", ())
    return int(min(one.lineno for one in (statement, *decorators)))


def _last_line(statement: Any) -> int:
    return int(statement.end_lineno)


def _end_of_call(place: CallSite) -> Point | None:
    end = place.here.get("end")
    return None if end is None else (end[0], end[1])


def _source(file: str) -> tuple[list[str], Block] | None:
    """Return the lines and statements of a file; None if the file has changed since it ran."""
    if file in ("<string>", "<stdin>"):  # many sources have these names
        return None
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        _, *known = linecache.cache.get(file, (None,))  # a notebook cell
        return _parsed("".join(known[1])) if known else None  # type: ignore[arg-type]
    if status.st_mtime > _BEGAN or status.st_size > _LONGEST:
        return None
    return _parsed_file(file)


@lru_cache(maxsize=4)
def _parsed_file(file: str) -> tuple[list[str], Block] | None:
    try:
        with io.open(file, "rb") as stream:
            encoding, _ = tokenize.detect_encoding(stream.readline)
            stream.seek(0)
            text = stream.read().decode(encoding)
        return _parsed(text.replace("\r\n", "\n").replace("\r", "\n"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


# The parser would print warnings about these texts in the program's output.
_ESCAPE = re.compile(r"\\[\x00-\x09\x0b-\x7f]")
_NUMBER = re.compile(r"\b\d[\w.]*(?:and|else|for|if|in|is|not|or)\b")


@lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[list[str], Block] | None:
    import ast

    if len(text) > _LONGEST or _NUMBER.search(text):
        return None
    try:
        tree = ast.parse(_ESCAPE.sub("xx", text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return text.split("\n"), tree.body
