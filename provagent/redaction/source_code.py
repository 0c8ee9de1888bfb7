"""Secrets in source code: masked as in texts, while the code stays valid code.

Names and numbers may look like secrets and be none (``values = 2``, ``password = read()``), and
code that does not parse is of no use. So only literals and comments are masked, and the lines stay
the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from provagent.redaction.secrets import MASK, mask_text

# in a line: first and last column of text, and whether the literal is complete in the line
_Span = tuple[int, int, bool]
_QUOTES = re.compile(r"""^[A-Za-z]{0,2}('''|\"""|'|")""")
_BRACES = re.compile(r"(\{[^{}]*(?:\}|$))")  # code in a formatted string
_DIGITS = 4  # minimum digits of a number that may be a secret


def mask_code(text: str) -> str:
    """Return Python source with ``***`` for each recognized secret.

    The result has the same lines, and parses if the source parses.
    """
    lines = text.split("\n")
    masked = [_masked_whole(line) for line in lines]
    keys = _key_blocks(lines)
    changed = [at for at, line in enumerate(lines) if masked[at] != line or at in keys]
    if not changed:
        return text
    spans = _spans(text)
    if spans is None:
        return "\n".join(MASK if at in keys else line for at, line in enumerate(masked))
    for at in changed:
        lines[at] = _masked_line(lines[at], masked[at], spans.get(at, []), is_key=at in keys)
    return "\n".join(lines)


# A secret on a line of its own is also a secret in a literal where the line ends are escapes.
_ESCAPES = ("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ('\\"', '"'), ("\\'", "'")


def _masked_whole(line: str) -> str:
    """Return the masked line; empty if a literal with escapes contains the secret."""
    meant = line
    if "\\" in line:
        for escape, character in _ESCAPES:
            meant = meant.replace(escape, character)
    return mask_text(line) if meant == line or mask_text(meant) == meant else ""


def _key_blocks(lines: list[str]) -> set[int]:
    """Return the lines of private keys: from their first line to their last."""
    found: set[int] = set()
    begun = None
    for at, line in enumerate(lines):
        if "-----BEGIN " in line and "PRIVATE" in line:
            begun = at
        if begun is not None and "-----END " in line:
            found.update(range(begun, at + 1))
            begun = None
    return found


def _masked_line(line: str, masked: str, spans: list[_Span], *, is_key: bool) -> str:
    for first, last, is_whole in sorted(spans, reverse=True):
        piece = line[first:last]
        is_whole_secret = is_key or (not masked and "\\" in piece)
        parts = [MASK] if is_whole_secret else map(_masked_part, _BRACES.split(piece))
        clean = "".join(parts)
        # The name or the text before a literal showed that the literal is a secret.
        if clean == piece and is_whole and piece.strip() and piece not in masked:
            clean = "0" * len(piece) if piece.isdigit() else MASK
        line = line[:first] + clean + line[last:]
    return line


def _masked_part(part: str) -> str:
    return part if part[:1] == "{" else mask_text(part)


def _spans(text: str) -> dict[int, list[_Span]] | None:
    """Return the places of literals and comments by line; None if the text has no valid tokens."""
    found: dict[int, list[_Span]] = {}
    lines = text.split("\n")
    try:
        for at, first, last, is_whole in _tokens(text, lines):
            found.setdefault(at, []).append((first, last, is_whole))
    except (SyntaxError, ValueError):
        return None
    return found


def _tokens(text: str, lines: list[str]) -> Iterator[tuple[int, int, int, bool]]:
    import io
    import tokenize

    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            (row, first), (end_row, last) = token.start, token.end
            kind = tokenize.tok_name[token.type]
            if kind == "COMMENT":
                yield row - 1, first + 1, last, False
            elif kind == "NUMBER" and token.string.isdigit() and len(token.string) >= _DIGITS:
                yield row - 1, first, last, True
            elif kind in ("FSTRING_MIDDLE", "TSTRING_MIDDLE", "STRING"):
                opening = _QUOTES.match(token.string) if kind == "STRING" else None
                closing = len(opening[1]) if opening else 0
                is_one_line = row == end_row
                for at in range(row - 1, end_row):
                    start = first + (len(opening[0]) if opening else 0) if at == row - 1 else 0
                    stop = last - closing if at == end_row - 1 else len(lines[at])
                    yield at, start, stop, is_one_line
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error
