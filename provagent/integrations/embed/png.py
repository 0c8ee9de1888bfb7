"""PNG: text chunks before the end. Source: https://www.w3.org/TR/png/ (11.3.3)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator

_SIGNATURE = 8  # bytes before the first chunk
_FACTS, _DOCUMENT = b"provagent", b"provagent document"


def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
    """Return the bytes of the file with the facts and the document in text chunks."""
    end = next(start for kind, start, _ in _chunks(content) if kind == b"IEND")
    new = _text(_FACTS, json.dumps(facts).encode())
    if document:
        new += _text(_DOCUMENT, base64.b64encode(document))
    return content[:end] + new + content[end:]


def find(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the embedded facts and the packed document."""
    found = {}
    for kind, start, length in _chunks(content):
        if kind == b"iTXt":
            keyword, _, rest = content[start + 8 : start + 8 + length].partition(b"\0")
            found[keyword] = rest[4:]  # after the flags for compression and the language
    facts = json.loads(found.get(_FACTS, b"{}"))
    return facts, base64.b64decode(found.get(_DOCUMENT, b""))


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    start = _SIGNATURE
    while start < len(content):
        length = int.from_bytes(content[start : start + 4])
        yield content[start + 4 : start + 8], start, length
        start += 12 + length


def _text(keyword: bytes, text: bytes) -> bytes:
    body = b"iTXt" + keyword + b"\0\0\0\0\0" + text
    return (len(body) - 4).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)
