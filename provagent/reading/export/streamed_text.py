"""Write statements as text immediately: PROV-N and PROV-JSON, for runs of any length.

The document is not kept in memory. PROV-JSON groups statements by kind, so its statements wait in
temporary files. Sources: https://www.w3.org/TR/prov-n/, https://www.w3.org/submissions/prov-json/.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, TextIO

from provagent.reading.constraints.statement import POSITIONS
from provagent.reading.export.identifiers import Name
from provagent.reading.export.prov_literals import Literal

if TYPE_CHECKING:
    from provagent.reading.export.statements import Pairs, Terms

_IN_MEMORY = 4 * 2**20  # maximum bytes of waiting statements of one kind in memory
_INT, _LONG = 2**31, 2**63

_quoted = json.encoder.encode_basestring  # PROV-N has the escapes of JSON


class AsProvN:
    """A sink that writes PROV-N to a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._write = stream.write
        self._indent, self._end = "  ", ""

    def begin(self, namespaces: Mapping[str, str]) -> None:
        self._write("document\n")
        for prefix, iri in namespaces.items():
            self._write(f"  prefix {prefix} <{iri}>\n")
        self._write("\n")

    def bundle(self, name: Name) -> None:
        self._write(f"  bundle {name}\n")
        self._indent, self._end = "    ", "  endBundle\n"

    def state(self, kind: str, name: Name | None, terms: Terms, pairs: Pairs) -> None:
        places = [term or "-" for term in terms]
        if name is not None:
            if POSITIONS[kind] and kind != "activity":  # a relation
                places[0] = f"{name}; {places[0]}"
            else:
                places.insert(0, name)
        if pairs:
            places.append(f"[{', '.join([f'{key}={_provn(value)}' for key, value in pairs])}]")
        self._write(f"{self._indent}{kind}({', '.join(places)})\n")

    def end(self) -> None:
        self._write(f"{self._end}endDocument\n")


class AsProvJson:
    """A sink that writes PROV-JSON to a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._write = stream.write
        self._waiting: dict[str, TextIO] = {}
        self._open = ExitStack()
        self._unnamed = 0
        self._before = self._end = ""

    def begin(self, namespaces: Mapping[str, str]) -> None:
        self._write(f'{{"prefix": {json.dumps(namespaces, ensure_ascii=False)}')
        self._before = ","

    def bundle(self, name: Name) -> None:
        self._place()
        self._write(f',\n"bundle": {{{_quoted(name)}: {{')
        self._before, self._end = "", "}}"

    def state(self, kind: str, name: Name | None, terms: Terms, pairs: Pairs) -> None:
        if name is None:
            self._unnamed += 1
            name = Name(f"_:id{self._unnamed}")
        fields = [
            f'"prov:{column}": "{term}"'
            for column, term in zip(POSITIONS[kind], terms, strict=True)
            if term is not None
        ]
        fields += _fields(pairs)
        file = self._waiting.get(kind)
        before = ",\n"
        if file is None:
            file = self._waiting[kind] = self._temporary()
            before = ""
        file.write(f'{before}"{name}": {{{", ".join(fields)}}}')

    def end(self) -> None:
        self._place()
        self._write(f"\n{self._end}}}\n")

    def _place(self) -> None:
        """Write the waiting statements."""
        with self._open:
            for kind, file in self._waiting.items():
                self._write(f'{self._before}\n"{kind}": {{\n')
                file.seek(0)
                shutil.copyfileobj(file, self._stream)
                self._write("\n}")
                self._before = ","
        self._waiting.clear()

    def _temporary(self) -> Any:
        return self._open.enter_context(
            SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="utf-8", newline="")
        )


def _provn(value: Name | Literal) -> str:
    if type(value) is Name:
        return f"'{value}'"
    if isinstance(value, str):
        return _quoted(value)
    type_, text = _typed(value)
    return text if type_ == "xsd:int" else f'"{text}" %% {type_}'


def _fields(pairs: Pairs) -> list[str]:
    """Return attributes as JSON fields. Values of one key become one field with a list."""
    by_key: dict[str, str] = {}
    several = set()
    for key, value in pairs:
        text = _json(value)
        if key in by_key:
            several.add(key)
            text = f"{by_key[key]}, {text}"
        by_key[key] = text
    for key in several:
        by_key[key] = f"[{by_key[key]}]"
    return [f'"{key}": {text}' for key, text in by_key.items()]


def _json(value: Name | Literal) -> str:
    if type(value) is Name:
        return f'{{"$": "{value}", "type": "xsd:QName"}}'
    if isinstance(value, str):
        return _quoted(value)
    type_, text = _typed(value)
    return f'{{"$": "{text}", "type": "{type_}"}}'


def _typed(value: Literal) -> tuple[str, str]:
    """Return the XML Schema type of a number or boolean, and its text in this type."""
    if isinstance(value, bool):
        return "xsd:boolean", "true" if value else "false"
    if isinstance(value, int):
        if -_INT <= value < _INT:
            return "xsd:int", str(value)
        return "xsd:long" if -_LONG <= value < _LONG else "xsd:integer", str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "xsd:double", "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    return "xsd:double", repr(value)
