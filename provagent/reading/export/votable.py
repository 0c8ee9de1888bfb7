"""Convert statements in the IVOA's terms to a VOTable: a table per class, a row per statement.

A column has the utype of its attribute (``voprov:Parameter.value``). A class of the data model has
a column for each of its attributes. Elements that the model does not have (W3C relations, own
attributes) have tables and columns too, but no utype of the model. A cell with several values
contains a JSON list. Names are written as in other formats, and their prefixes are INFO elements.
Source: https://www.ivoa.net/documents/VOTable/.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from provagent.reading.export.provdm import ATTRIBUTES, class_of
from provagent.reading.export.provjson import text_of

if TYPE_CHECKING:
    from provagent.reading.export.provjson import Document, Record, Value

_TIMES = {"startTime", "endTime", "time", "generatedAtTime", "invalidatedAtTime"}
_UCDS = {"id": "meta.id;meta.main", "startTime": "time.start", "endTime": "time.end"}
_LISTS = {"voprov:options"}  # lists even if they have only one item


def write_votable(document: Document, file: IO[bytes]) -> None:
    """Write the VOTable of ``document`` into ``file``. The document must have no bundles."""
    from astropy.io.votable.tree import Info, Resource, VOTableFile

    tables = VOTableFile(version="1.4")
    resource = Resource(type="results")
    resource.description = "Provenance, after the IVOA Provenance Data Model 1.0"
    tables.resources.append(resource)
    for prefix, iri in sorted(document.prefixes.items()):
        resource.infos.append(Info(name=prefix, value=iri))
    groups: dict[str, list[Record]] = {}
    for record in document.records:
        groups.setdefault(_kind_of(record), []).append(record)
    for kind, records in groups.items():
        resource.tables.append(_table(tables, kind, records))
    content = io.BytesIO()  # astropy needs a descriptor, which a spooled file in memory lacks
    # astropy's C writer writes one byte beyond its buffer, which later kills the process.
    in_python = {"_debug_python_based_parser": True}
    tables.to_xml(content, compressed=False, tabledata_format="tabledata", **in_python)
    file.write(content.getbuffer())


def _kind_of(record: Record) -> str:
    types = map(text_of, record.attributes.get("prov:type", ()))
    is_collection = record.kind == "entity" and "voprov:Collection" in types
    return "collection" if is_collection else record.kind


def _table(file: Any, kind: str, records: list[Record]) -> Any:
    from astropy.io.votable.tree import TableElement

    word = class_of(kind)
    utype = f"voprov:{word}" if kind in ATTRIBUTES else f"prov:{kind}"
    table = TableElement(file, name=word, ID=word, utype=utype, nrows=len(records))
    attributes = list(ATTRIBUTES.get(kind, ()))
    for record in records:
        attributes += [key for key in record.attributes if key not in attributes]
    columns = {"id": [record.id for record in records]}
    for key in attributes:
        columns[key] = [_cell(key, record.attributes.get(key, [])) for record in records]
    names = _column_names(list(columns))
    known = {"id", *ATTRIBUTES.get(kind, ())}
    for key, cells in columns.items():
        column_utype = f"{utype}.{names[key]}" if key in known else None
        table.fields.append(_field(file, word, names[key], cells, column_utype))
    table.create_arrays(len(records))
    for key, cells in columns.items():
        column = table.array[f"{word}.{names[key]}"]
        for row, cell in enumerate(cells):
            column[row] = cell
            column.mask[row] = cell == ""
    return table


def _field(file: Any, table: str, column: str, cells: list[str], utype: str | None) -> Any:
    from astropy.io.votable.tree import Field

    is_ascii = all(cell.isascii() for cell in cells)
    return Field(
        file,
        ID=f"{table}.{column}",
        name=column,
        datatype="char" if is_ascii else "unicodeChar",
        arraysize="*",
        ucd=_UCDS.get(column),
        utype=utype,
        xtype="timestamp" if column in _TIMES else None,
    )


def _cell(attribute: str, values: list[Value]) -> str:
    texts = [text_of(value) for value in values]
    if attribute.rpartition(":")[2] in _TIMES:
        texts = [_timestamp(text) for text in texts]
    if len(texts) > 1 or (texts and attribute in _LISTS):
        return json.dumps(texts, ensure_ascii=False)
    return texts[0] if texts else ""


def _timestamp(text: str) -> str:
    """Return a time in the format of DALI: UTC is marked by Z, and other zones are impossible."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _column_names(keys: list[str]) -> dict[str, str]:
    """Return the column name of each attribute: without its prefix, unless the name is taken."""
    names: dict[str, str] = {}
    for key in keys:
        prefix, _, word = key.rpartition(":")
        taken = word in names.values() or prefix not in ("prov", "voprov", "")
        names[key] = f"{prefix}_{word}" if taken else word
    return names
