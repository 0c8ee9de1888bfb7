"""Explain errors of the YAML parser: the mistake in the line, and its remedy.

libyaml names the token that it did not expect. The cause is nearly always one of a few mistakes,
which are visible in the line: a tab, an indentation, a text that needs quotes.
"""

from __future__ import annotations

import re

QUOTES = (
    "quote a text that contains ': ' or ' #', or that begins with one of * & ! % @ ` { [ ] } > |"
)
_INDENT = "indent the keys of one mapping, and the items of one list, by the same number of spaces"
_BY_CHARACTER = {
    "\t": ("a tab", "replace tabs by spaces"),
    "@": ('a text that begins with "@"', "put the text in quotes"),
    "`": ('a text that begins with "`"', "put the text in quotes"),
    "%": ('a text that begins with "%"', "put the text in quotes"),
}
# By a part of the message of libyaml
_BY_MESSAGE = (
    ("another document", "the file contains more than one document", "remove the line ---"),
    ("unknown escape", "unknown escape in double quotes", r"write \\ for \, or use single quotes"),
    ("hexdecimal", "unknown escape in double quotes", r"write \\ for \, or use single quotes"),
    ("end of stream", "a quote or bracket is not closed", "close it"),
    ("alphabetic or numeric", 'a text begins with "*" or "&"', "put the text in quotes"),
    ("expected node content", "a value is missing, or a bracket is not closed", "add it"),
    ("undefined alias", 'a text begins with "*", which names an alias', "put the text in quotes"),
    ("undefined tag handle", 'a text begins with "!"', "put the text in quotes"),
    (
        "expected ',' or",
        "a bracket or comma in { } or [ ] is wrong",
        "put texts that contain brackets, commas, quotes or ': ' in quotes, and close each bracket",
    ),
    (
        "could not find expected ':'",
        "a key has no colon",
        "write a colon and a space after the key",
    ),
)
_INNER_COLON = re.compile(r"""^\s*(?:-\s+)*[^'"\s{\[][^:]*:\s+[^'"\s{\[].*:\s""")


def explain(text: str, line: int, column: int, message: str) -> tuple[str, str]:
    """Return the mistake at a place (line and column count from 0), and the remedy.

    ``message`` is the message of the parser.
    """
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    indent = here[: len(here) - len(here.lstrip())]
    if "\t" in indent:
        return "a tab indents the line", "replace tabs by spaces"
    if "cannot start any token" in message and here[column : column + 1] in _BY_CHARACTER:
        what, remedy = _BY_CHARACTER[here[column]]
        return f"{what} is not allowed here", remedy
    for part, what, remedy in _BY_MESSAGE:
        if part in message:
            return what, remedy
    if "mapping values" in message and _INNER_COLON.match(f"{here} "):
        return "a text contains ': '", "put the text in quotes"
    before = _indented_otherwise(lines, line)
    if before is not None:
        what = f"the indentation of {len(indent)} spaces does not fit line {before + 1}"
        return what, _INDENT
    return f"invalid YAML: {message}", QUOTES


def _indented_otherwise(lines: list[str], line: int) -> int | None:
    """Return the line above with an indentation that does not fit this line, or None."""
    if line >= len(lines):
        return None
    own = _indent_of(lines[line])
    for above in range(line - 1, -1, -1):
        words = lines[above].strip()
        if words and not words.startswith("#"):
            fits = _indent_of(lines[above]) == own or words.endswith(":")
            return None if fits else above
    return None


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
