"""Names of files that are not UTF-8, as text: reversible, so that two names stay two.

POSIX has bytes for names, and events are UTF-8. Python has a byte that is not UTF-8 as a lone
surrogate (PEP 383), which UTF-8 cannot encode. Standard library only: the recorder uses it too.
"""

from __future__ import annotations

_ESCAPE = "d[89a-f][0-9a-f]{2}|005c"  # after the backslash and the u


def name_to_text(name: str) -> str:
    r"""Return a file name as an event has it: text that UTF-8 can encode.

    A byte that is not UTF-8 becomes ``\udcff``. A backslash that begins such six characters in
    the name itself becomes ``\u005c``, so that ``text_to_name`` returns the name.
    """
    if "\\u" not in name and is_utf8(name):
        return name
    import re

    name = re.sub(rf"\\(?=u(?:{_ESCAPE}))", r"\\u005c", name)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", name)


def text_to_name(text: str) -> str:
    """Return the file name that ``name_to_text`` wrote."""
    if "\\u" not in text:
        return text
    import re

    return re.sub(rf"\\u({_ESCAPE})", lambda found: chr(int(found[1], 16)), text)


def is_utf8(text: str) -> bool:
    """Return whether UTF-8 can encode a text: no lone surrogate is in it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
