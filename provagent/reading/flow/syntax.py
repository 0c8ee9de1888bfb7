"""What single statements and expressions say by their form alone."""

from __future__ import annotations

import ast


def is_whole(index: ast.expr) -> bool:
    """Return whether an index means all items: ``[:]`` or ``[...]``."""
    if isinstance(index, ast.Slice):
        return index.lower is index.upper is index.step is None
    return isinstance(index, ast.Constant) and index.value is Ellipsis


def last_line(statement: ast.stmt) -> int:
    """Return the last line of a statement, or of its head if it has a body."""
    body: list[ast.AST] = getattr(statement, "body", None) or getattr(statement, "cases", [])
    if not body or isinstance(statement, ast.Expr):
        return statement.end_lineno or statement.lineno
    first = body[0] if isinstance(body[0], ast.stmt) else getattr(body[0], "pattern", statement)
    return max(statement.lineno, first.lineno - 1)


def names_in(statement: ast.stmt, context: type[ast.expr_context]) -> list[str]:
    """Return the names that a statement reads or binds, without its body."""
    return [
        node.id
        for child in ast.iter_child_nodes(statement)
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        for node in ast.walk(child)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    ]


def decorator_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        return decorator_name(decorator.func)
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def is_main_test(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )


def after_yield(function: ast.AST) -> list[ast.stmt] | None:
    """Return the statements that a context manager runs after its ``yield``.

    Returns None if it has several ``yield``, or one in a loop or branch.
    """
    body = getattr(function, "body", None)
    yields = [node for node in ast.walk(function) if isinstance(node, ast.Yield | ast.YieldFrom)]
    return _after(body, yields[0]) if isinstance(body, list) and len(yields) == 1 else None


def _after(body: list[ast.stmt], at: ast.AST) -> list[ast.stmt] | None:
    for index, statement in enumerate(body):
        if all(node is not at for node in ast.walk(statement)):
            continue
        rest = body[index + 1 :]
        if isinstance(statement, ast.Expr | ast.Assign):
            return rest
        if isinstance(statement, ast.With | ast.AsyncWith):
            inner = _after(statement.body, at)
            return None if inner is None else inner + rest
        if isinstance(statement, ast.Try):
            inner = _after(statement.body, at)
            return None if inner is None else inner + statement.orelse + statement.finalbody + rest
        return None
    return None
