"""HDF5: attributes of the root group, and the document as an additional dataset."""

from __future__ import annotations

import io

import h5py
import numpy as np

NAME = "provagent_document"


def embed(content: bytes, facts: dict[str, str], document: bytes) -> bytes:
    """Return the bytes of the file with the facts as attributes and the document as a dataset."""
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as root:
        for name, value in facts.items():
            if name not in root.attrs:
                root.attrs[name] = value
        if document:
            root.create_dataset(NAME, data=np.frombuffer(document, "u1"))
    return file.getvalue()


def find(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the embedded facts and the packed document."""
    with h5py.File(io.BytesIO(content), "r") as root:
        facts = {name: str(value) for name, value in root.attrs.items() if " " in name}
        document = root[NAME][()].tobytes() if NAME in root else b""
    return facts, document
