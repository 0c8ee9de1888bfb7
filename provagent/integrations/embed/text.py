"""ECSV and VOTable: lines of metadata in the header, or INFO elements at the end.

Sources: astropy's APE 6 for ECSV, https://www.ivoa.net/documents/VOTable/ for INFO elements, which
may end a VOTABLE from version 1.2 on.
"""

from __future__ import annotations

import base64
import json
import re
from xml.sax.saxutils import quoteattr, unescape

_DOCUMENT = "PROVAGENT PACKED"
_END = re.compile(rb"</(\w+:)?VOTABLE\s*>\s*\Z")
_INFO = re.compile(
    rb'<(?:\w+:)?INFO ID="[^"]+" name="((?:CTA|PROVAGENT) [^"]+)" value=("[^"]*"|\'[^\']*\')/>'
)


class Ecsv:
    """Embeds into ECSV: the facts and the document are lines of ``meta`` in the header."""

    @staticmethod
    def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        end = lines[0][len(lines[0].rstrip(b"\r\n")) :]
        header = next(n for n, line in enumerate(lines) if not line.startswith(b"#"))
        meta = next((n for n in range(header) if lines[n].startswith(b"# meta:")), None)
        new = [
            f"# - {{{json.dumps(name)}: {json.dumps(value)}}}".encode() + end
            for name, value in _both(facts, document).items()
        ]
        if meta is None:
            schema = (n for n in range(header) if lines[n].startswith(b"# schema:"))
            meta = next(schema, header)
            return b"".join([*lines[:meta], b"# meta: !!omap" + end, *new, *lines[meta:]])
        if not lines[meta].startswith(b"# meta: !!omap"):
            raise ValueError("its meta is not an ordered mapping (!!omap)")
        return b"".join([*lines[: meta + 1], *new, *lines[meta + 1 :]])

    @staticmethod
    def find(content: bytes) -> tuple[dict[str, str], bytes]:
        found: dict[str, str] = {}
        for line in content.splitlines():
            if not line.startswith(b"#"):
                break
            if line.startswith((b'# - {"CTA ', b'# - {"PROVAGENT ')):
                found |= json.loads(line.removeprefix(b"# - "))
        return _parted(found)


class VoTable:
    """Embeds into a VOTable: the facts and the document are INFO elements at the end."""

    @staticmethod
    def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
        end = _END.search(content)
        if end is None:
            raise ValueError("missing </VOTABLE>")
        prefix = (end[1] or b"").decode()
        new = "".join(
            f'<{prefix}INFO ID="{name.replace(" ", "_")}" name="{name}" '
            f"value={quoteattr(value)}/>\n"
            for name, value in _both(facts, document).items()
        )
        return content[: end.start()] + new.encode() + content[end.start() :]

    @staticmethod
    def find(content: bytes) -> tuple[dict[str, str], bytes]:
        found = {
            name.decode(): unescape(value[1:-1].decode(), {"&quot;": '"', "&#10;": "\n"})
            for name, value in _INFO.findall(content)
        }
        return _parted(found)


def _both(facts: dict[str, str], document: bytes) -> dict[str, str]:
    return facts | ({_DOCUMENT: base64.b64encode(document).decode()} if document else {})


def _parted(found: dict[str, str]) -> tuple[dict[str, str], bytes]:
    return found, base64.b64decode(found.pop(_DOCUMENT, ""))
