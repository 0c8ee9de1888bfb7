r"""Show text from other sources without its control characters.

A file name, a parameter or an error message may contain commands to a terminal (escape sequences,
C0 and C1 controls), characters that reorder the line (bidirectional controls), or invisible
characters (zero-width characters, tags). Each such character is replaced by its escape: ``\x1b``,
``\u202e``, ``\U000e0041``. The replacement is reversible: a backslash that would begin such an
escape becomes ``\x5c``. Other backslashes stay.

Only the standard library is imported, because the lines printed in an observed program pass through
here too.
"""

from __future__ import annotations

import re

# Invisible, but printable for str.isprintable: fillers, joiners, variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Typographic spaces. They only separate words, but are not printable for str.isprintable.
_SPACES = frozenset("\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))))
_EMOJI_STYLE = "\ufe0f"  # "in colour", after a symbol
_SUSPECT = re.compile(r"[^ -~]")
_ESCAPE = re.compile(r"\\(?=x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_BYTE, _PLANE = 0x100, 0x10000


def visible(text: str) -> str:
    """Return a text as one line without control characters. Every character is visible."""
    if "\\" in text:
        text = _ESCAPE.sub(r"\\x5c", text)
    return harmless(text, "")


def harmless(text: str, kept: str = "\n") -> str:
    """Return a text in which only control and invisible characters are escaped.

    Use this function for text with its own escapes: backslashes stay unchanged, and so do the
    characters of ``kept``. A second call changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(lambda match: match[0] if match[0] in kept else _shown(match), text)


def visible_parts(text: str) -> list[str]:
    """Return the result of ``visible`` for each character."""
    begins = {match.start() for match in _ESCAPE.finditer(text)} if "\\" in text else ()
    return [
        "\\x5c"
        if at in begins
        else (_shown_at(text, at) if _SUSPECT.match(character) else character)
        for at, character in enumerate(text)
    ]


def as_recorded(text: str) -> str:
    """Return a text as in events: a lone surrogate becomes six characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def json_escaped(text: str) -> str:
    """Return equal JSON in which control and invisible characters are escaped in JSON's own way."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _SUSPECT.sub(lambda match: match[0] if match[0] == "\n" else _in_json(match), text)


def _shown(match: re.Match[str]) -> str:
    return _shown_at(match.string, match.start())


def _shown_at(text: str, at: int) -> str:
    return text[at] if _is_seen(text, at) else escaped(text[at])


def _in_json(match: re.Match[str]) -> str:
    text, at = match.string, match.start()
    if _is_seen(text, at):
        return text[at]
    units = text[at].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n] << 8 | units[n + 1]:04x}" for n in range(0, len(units), 2))


def _is_seen(text: str, at: int) -> bool:
    character = text[at]
    if character == _EMOJI_STYLE and at:
        before = text[at - 1]
        return before.isprintable() and not (before.isascii() or before.isalnum())
    if character in _SPACES:
        return True
    return character.isprintable() and not _INVISIBLE.match(character)


def escaped(character: str) -> str:
    """Return the escape of a character, as in Python's source code."""
    number = ord(character)
    if number < _BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _PLANE else f"\\U{number:08x}"


def quoted(text: str) -> str:
    """Return a text in double quotes, as messages quote names and values."""
    is_plain = '"' not in text and text.isprintable()
    return f'"{text}"' if is_plain else repr(text)
