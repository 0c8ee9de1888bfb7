"""PDF: entries in its metadata, and the document as an attached file."""

from __future__ import annotations

import io

from pypdf import PdfReader, PdfWriter

NAME = "provenance.json.gz"


def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
    """Return the bytes of the file with the facts as metadata and the document attached."""
    writer = PdfWriter(clone_from=io.BytesIO(content))
    writer.add_metadata({f"/{name.replace(' ', '_')}": value for name, value in facts.items()})
    if document:
        writer.add_attachment(NAME, document)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def find(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the embedded facts and the packed document."""
    reader = PdfReader(io.BytesIO(content))
    facts = {
        key.removeprefix("/").replace("_", " "): str(value)
        for key, value in (reader.metadata or {}).items()
        if key.startswith(("/CTA_", "/PROVAGENT_"))
    }
    return facts, next(iter(reader.attachments.get(NAME, [])), b"")
