"""File names that are not UTF-8, as text. The conversion is reversible.

POSIX file names are bytes, and events are UTF-8. Python shows a byte that is not UTF-8 as a lone
surrogate (PEP 383), which UTF-8 cannot encode. Only the standard library is imported, because the
recorder uses this module too.
"""

from __future__ import annotations

_ESCAPE = "d[89a-f][0-9a-f]{2}|005c"  # after a backslash and u


def name_to_text(name: str) -> str:
    r"""Return a file name as it is written in events: text that UTF-8 can encode.

    A byte that is not UTF-8 becomes ``\udcff``. A backslash in the name that begins such six
    characters becomes ``\u005c``. So ``text_to_name`` returns the original name.
    """
    if "\\u" not in name and is_utf8(name):
        return name
    import re

    name = re.sub(rf"\\(?=u(?:{_ESCAPE}))", r"\\u005c", name)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", name)


def text_to_name(text: str) -> str:
    """Return the file name that ``name_to_text`` converted."""
    if "\\u" not in text:
        return text
    import re

    return re.sub(rf"\\u({_ESCAPE})", lambda found: chr(int(found[1], 16)), text)


def is_utf8(text: str) -> bool:
    """Return whether UTF-8 can encode a text: the text contains no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
