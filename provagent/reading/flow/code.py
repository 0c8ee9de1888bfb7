"""The sources that ran: parsed once, and searched for recorded places."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provagent.reading.flow import effects
from provagent.reading.flow.graph import Position

BYTES_A_SECOND = 400_000  # of source; a limit of the parser, which cannot be interrupted
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?][^\n]*|[\w.]+\?\??[ \t]*)$", re.MULTILINE)
# Magics that run the code after them as if the code were alone in the cell.
_RUNS_BODY = re.compile(r"%%(time|capture|prun)\b[^\n]*")
_RUNS_LINE = re.compile(r"^([ \t]*)%time(?=[ \t])", re.MULTILINE)
_GIVES_LINE = re.compile(r"(=[ \t]*)%time(?=[ \t])")
_SHELL = re.compile(r"(=[ \t]*)[%!][^\n]*")


@dataclass(frozen=True, slots=True)
class Code:
    """The sources that ran.

    ``files`` maps the name of a file, as in frames (``co_filename``), to the text of the file.
    ``cells`` contains the cells of a notebook as (name, text), in the order of execution. A cell
    that ran twice is in the sequence twice.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[tuple[str, str]] = ()


class Unreadable(Exception):
    """A source that the analysis cannot follow; the message is the reason."""


def parse(text: str, budget: float) -> ast.Module:
    """Return the syntax tree of a source; raise Unreadable if the source has no tree.

    ``budget`` is in seconds. Lines in IPython's own syntax (``%magic``, ``!command``) count as
    empty lines.
    """
    if len(text) > BYTES_A_SECOND * budget:
        raise Unreadable("the source is too long")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return ast.parse(text)
            except SyntaxError:
                return ast.parse(_without_magics(text))
    except (SyntaxError, ValueError) as error:
        raise Unreadable("the source cannot be parsed by this Python") from error
    except (RecursionError, MemoryError) as error:
        raise Unreadable("the source is nested too deeply") from error


def _without_magics(text: str) -> str:
    text = _RUNS_BODY.sub("pass", text, count=1) if _RUNS_BODY.match(text) else text
    if text.lstrip().startswith("%%"):
        return ""
    text = _GIVES_LINE.sub(r"\1     ", _RUNS_LINE.sub(r"\1pass;", text))  # of the same length
    return _SHELL.sub(r"\1None", _MAGIC.sub(r"\1pass", text))


@dataclass(slots=True)
class FoundNode:
    """The node of a syntax tree at a recorded position."""

    at: ast.expr | ast.stmt
    branches: list[tuple[ast.stmt, str]]  # around the node, the innermost last
    function: ast.AST | None  # the innermost function around the node


_HANDS = effects.CALLS_WITH_ITEMS | effects.CALLS_WITH_ARGUMENTS | effects.CALLS_LATER
_BRANCHES = ("body", "orelse", "handlers", "finalbody", "cases")


class Finder:
    """Finds the expressions and statements of one tree that end at given positions."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree

    def find(
        self, positions: Iterable[tuple[Position, str]]
    ) -> dict[tuple[Position, str], list[FoundNode]]:
        """Return the nodes at the given positions; each position has the name of the call there."""
        wanted: dict[int, list[tuple[Position, str]]] = {}
        for position, name in positions:
            wanted.setdefault(position[1], []).append((position, name))
        found: dict[tuple[Position, str], list[FoundNode]] = {}
        around: dict[tuple[Position, str], list[FoundNode]] = {}
        for statement, branches, function in _statements(self._tree.body, [], None):
            for line in wanted.keys() & set(range(_first(statement), _end(statement) + 1)):
                for key in wanted[line]:
                    for node in _matches(statement, key[0], key[1]):
                        found.setdefault(key, []).append(FoundNode(node, branches, function))
                    # Decorators, class statements, and statements without an expression at the
                    # position.
                    if _is_within(statement, line, key[0][2]):
                        around[key] = [FoundNode(statement, branches, function)]
        return {**around, **found}


def _statements(
    body: Iterable[ast.stmt], branches: list[tuple[ast.stmt, str]], function: ast.AST | None
) -> Iterator[tuple[ast.stmt, list[tuple[ast.stmt, str]], ast.AST | None]]:
    """Yield all statements, each with the branches and the function around the statement."""
    todo = [(statement, branches, function) for statement in reversed(list(body))]
    while todo:
        statement, around, inside = todo.pop()
        yield statement, around, inside
        is_function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
        inner = statement if is_function else inside
        for name in _BRANCHES:
            blocks = getattr(statement, name, ())
            if not isinstance(blocks, list):
                continue
            below = [] if is_function else [*around, (statement, name)]
            for block in blocks:
                if isinstance(block, ast.stmt):
                    todo.append((block, below, inner))
                else:
                    todo += [(each, below, inner) for each in getattr(block, "body", ())]


def _end(statement: ast.stmt) -> int:
    """Return the last line of a statement without its body: of all lines, or of the head."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if isinstance(statement, ast.Try) or (body and not isinstance(body, list)):
        return statement.lineno if isinstance(statement, ast.Try) else statement.end_lineno or 0
    if not body:
        return statement.end_lineno or statement.lineno
    first = getattr(body[0], "pattern", body[0])
    decorated = getattr(first, "decorator_list", None)
    line: int = decorated[0].lineno if decorated else first.lineno
    return max(statement.lineno, line - 1)


def _is_within(statement: ast.stmt, line: int, column: int | None) -> bool:
    end = statement.end_lineno or 0, statement.end_col_offset or 0
    return column is not None and (line, column) <= end


def _first(statement: ast.stmt) -> int:
    """Return the first line of a statement, including its decorators."""
    decorators = getattr(statement, "decorator_list", None)
    line: int = decorators[0].lineno if decorators else statement.lineno
    return line


def _matches(statement: ast.stmt, position: Position, name: str) -> list[ast.expr]:
    """Return the expression that a position means: a call, or an operator of any kind."""
    _, line, column = position
    calls: list[ast.Call] = []
    others: list[ast.expr] = []
    for node in _own_nodes(statement):
        if node.end_lineno != line or (column is not None and node.end_col_offset != column):
            continue
        if isinstance(node, ast.Call):
            calls.append(node)
        else:
            others.append(node)
    if column is None:
        return list(_by_name(calls, name))
    operators = [node for node in others if _is_operator(node, name)]
    if operators and (not calls or name.startswith("__")):
        return [operators[0]]
    if calls:
        return [calls[0]]
    plain: list[ast.expr] = [node for node in others if isinstance(node, _OPERATIONS)]
    return plain[:1]


_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript, ast.Attribute)


def _is_operator(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == name
    return name.startswith("__") and isinstance(node, _OPERATIONS)


def _by_name(calls: list[ast.Call], name: str) -> list[ast.Call]:
    """Return the calls of a name, or all calls if no call has this name."""
    named = [call for call in calls if called_name(call) == name]
    return named or calls


def hands(call: ast.Call, name: str) -> bool:
    """Return whether a call passes a function of this name to a pool, an executor or a thread."""
    if called_name(call) not in _HANDS:
        return False
    values = (*call.args, *(keyword.value for keyword in call.keywords))
    return any(
        (isinstance(value, ast.Attribute) and value.attr == name)
        or (isinstance(value, ast.Name) and value.id == name)
        for value in values
    )


def called_name(call: ast.Call) -> str:
    func = call.func
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _own_nodes(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions of a statement, without the expressions of statements inside it."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.expr):
            yield node
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
