"""Read a definition.yaml: return the usable content, and all problems together."""

from __future__ import annotations

import errno
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from provagent.contract import vocabulary
from provagent.contract.errors import Problem
from provagent.contract.printable import quoted
from provagent.definition import dialect
from provagent.definition.description import Definition
from provagent.definition.fields import read_thing
from provagent.definition.nodes import Mapping, read_nodes
from provagent.definition.report import Origins, Report, did_you_mean
from provagent.definition.shapes import ACTIVITY, DEFINITION
from provagent.isolation.originals import io, os

if TYPE_CHECKING:
    from provagent.definition.fields import Fields

LARGEST = 2_000_000  # maximum bytes of a definition
_OTHER_FILES = (".py", ".ipynb", ".toml", ".fits", ".csv", ".log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The content of a file. ``definition`` is None only if nothing could be read.

    ``warnings`` report content that is skipped without being an error, as in older definitions.
    """

    definition: Definition | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    origins: Origins = field(default_factory=Origins, compare=False)


def read_definition(location: str | os.PathLike[str], *, name: str | None = None) -> Reading:
    """Read the definition in the file ``location``. The default ``name`` is the name of the file.

    Raises nothing: for an unreadable file, the definition of the reading is None.
    """
    file = os.fspath(location)
    if file.endswith(_OTHER_FILES):
        what = f"{os.path.splitext(file)[1]} is not the suffix of a definition"
        return _nothing(file, what, "give the path of a definition file (YAML)")
    try:
        data = _read_bytes(file)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return _nothing(file, f"cannot be read: {reason}", "give the path of a definition file")
    stem = os.path.splitext(os.path.basename(file))[0]
    return parse_definition(data, location=file, name=name or stem)


def parse_definition(data: bytes, *, location: str, name: str) -> Reading:
    """Read the definition in ``data``, the bytes of the file ``location``. Raises nothing."""
    if len(data) > LARGEST:
        return _nothing(location, f"the file has more than {LARGEST} bytes", "split the definition")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return _nothing(location, what, "save the file as UTF-8", line)
    report = Report(location)
    fields = _parse(text, report)
    definition = None
    if fields is not None:
        digest = "sha256:" + sha256(data).hexdigest()
        definition = Definition(name=name, location=location, digest=digest, **fields)
    return Reading(
        definition=definition,
        problems=report.problems,
        warnings=report.warnings,
        origins=report.origins,
    )


def _read_bytes(file: str) -> bytes:
    # Reading a pipe would wait, and a device may have no end.
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise OSError(errno.EINVAL, "is a folder" if os.path.isdir(file) else "not a regular file")
    with io.open(file, "rb") as stream:
        return stream.read(LARGEST + 1)


def _nothing(location: str, what: str, remedy: str, line: int = 1) -> Reading:
    return Reading(definition=None, problems=(Problem(location, line, "", what, remedy),))


def _parse(text: str, report: Report) -> dict[str, Any] | None:
    root = read_nodes(text, report)
    if root is None:
        return None
    if not isinstance(root, Mapping):
        what = "the file is not a mapping"
        report.add(root.place, "", what, "begin with targets: and activities:")
        return None
    root = dialect.with_activities(root, DEFINITION.keys, ACTIVITY.keys)
    fields: Fields = read_thing(DEFINITION, report, root, "")
    _check_references(fields, report)
    _check_contacts(fields.values, report)
    fields.values.pop("provagent", None)
    return fields.values


# A contact may be any text. But a text that is similar to the name of an agent is probably a
# misspelled name.
def _check_contacts(values: dict[str, Any], report: Report) -> None:
    agents = values.get("agents", {})
    for thing in (*values.get("activities", {}).values(), *values.get("entities", {}).values()):
        if thing.contact and thing.contact not in agents:
            remedy = did_you_mean(thing.contact, agents, cutoff=0.8)
            if remedy:
                place, where = report.origins.of(thing)
                what = f"{quoted(thing.contact)} is not described in agents"
                report.warn(place, f"{where}.contact", what, remedy)


def _check_references(fields: Fields, report: Report) -> None:
    declared: dict[str, frozenset[str]] = {}
    if "entities" not in fields.unusable:
        described = fields.values.get("entities", {})
        declared["entities"] = frozenset(described) | frozenset(vocabulary.ENTITY_TYPES)
    # Older definitions use namespaces without declaring them.
    if "namespaces" in fields.values:
        declared["namespaces"] = frozenset(fields.values["namespaces"])
    report.check_references(declared)
