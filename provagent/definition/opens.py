"""Read ``opens``: the file that a callable opens without Python, and its mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provagent.definition.description import OpenedFile
from provagent.definition.fields import Fields, Reader, Shape
from provagent.definition.readers import path, text

if TYPE_CHECKING:
    from provagent.definition.nodes import Node
    from provagent.definition.report import Report

_MODE = r"""'[rwax][+bt-]*'|"[rwax][+bt-]*\""""


def _mode(report: Report, node: Node, where: str) -> Any:
    """Read a mode of ``open`` in quotes, or a path to a mode."""
    found = text(report, node, where)
    if isinstance(found, str) and re.fullmatch(_MODE, found):
        return found
    return path(report, node, where)


def _make_opened(fields: Fields) -> OpenedFile | None:
    if "file" not in fields.values:
        if "file" not in fields.unusable:
            fields.add_problem(
                'missing key "file"', "add file: and the argument that names the file"
            )
        return None
    return OpenedFile(**fields.values)


OPENS = Shape(
    kind="opens",
    article="an opened file",
    readers={
        "file": path,
        "mode": Reader(
            _mode, {"anyOf": [{"type": "string", "pattern": f"^(?:{_MODE})$"}, path.schema]}
        ),
    },
    make=_make_opened,
    needs=(("file",),),
)
