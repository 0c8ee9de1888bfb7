"""Texts of a fixed form: targets, names, versions, multiplicities, prefixes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provagent.contract.printable import quoted
from provagent.definition.fields import UNUSABLE, Reader
from provagent.definition.readers import matching, text

if TYPE_CHECKING:
    from provagent.definition.nodes import Node
    from provagent.definition.report import Report

# One part of a dotted name, with or without globs.
_PART = r"(?:[^\W\d]|[*?]|\[!?[\w-]+\])(?:\w|(?<!\*)\*|\?|\[!?[\w-]+\])*"
_DOTTED = rf"{_PART}(?:\.{_PART})*"
_TARGET = rf"{_DOTTED}(?:\.\*\*)?(?::{_DOTTED})?"
_TARGET_REMEDY = "write package.module:Class.method, such as gammapy.analysis.core:Analysis"
target_text = matching(_TARGET, "a target", _TARGET_REMEDY)


def _target(report: Report, node: Node, where: str) -> Any:
    """Read a target. For a call or a code file, suggest the target that was meant."""
    found = text(report, node, where)
    if isinstance(found, str) and not re.fullmatch(_TARGET, found):
        remedy = meant_target(found) or _TARGET_REMEDY
        report.add(node.place, where, f"{quoted(found[:80])} is not a target", remedy)
        return UNUSABLE
    return found


def meant_target(found: str) -> str:
    """Return ``did you mean "..."?`` for a target with blanks, parentheses or a file name."""
    plain = re.sub(r"\(.*\)$|\s", "", found).replace("/", ".")
    plain = re.sub(r"\.py(?=:|$)", "", plain)
    return f"did you mean {quoted(plain)}?" if re.fullmatch(_TARGET, plain) else ""


target = Reader(_target, target_text.schema)
activity_name = matching(
    r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*:)?[^\W\d]\w*(?:\.[^\W\d]\w*)*",
    "the name of a callable",
    "write function, Class.method or package.module:Class.method",
)
distribution = matching(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    "the name of a package",
    "write the name that pip uses",
)
# PEP 440. The expression has no ambiguous repetition, so refusing a text is always fast.
_VERSION = (
    r"(?i:v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|rc|a|b|c)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z\d]+(?:[-_.][a-z\d]+)*)?)"
)
_CLAUSE = (
    rf"(?:(?:==|!=)\s*{_VERSION}(?:\.\*)?|(?:<=|>=|<|>)\s*{_VERSION}"
    rf"|~=\s*(?=[\d!]+\.\d){_VERSION}|===\s*[^\s,]+)"
)
specifier = matching(
    rf"\s*{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*",
    "a version specifier",
    "write an operator and a version, such as '>=1.2' or '>=1.2,<3'",
    roughly=r"\s*(?:[=!]=|[<>]=?|~=|===)\s*[^\s,=<>~]+(?:\s*,\s*(?:[=!]=|[<>]=?|~=|===)\s*[^\s,=<>~]+)*\s*",
)
multiplicity = matching(
    r"(?:\d+|\*)|\d+\.\.(?:\d+|\*)",
    "a multiplicity",
    "write 1, 0..1, 1..* or '*'",
    numbers=True,
)
prefix = matching(r"[^\W\d][\w.-]*", "a prefix", "use letters, digits, - and _")
iri = matching(
    r"[A-Za-z][A-Za-z0-9+.-]*:\S+", "an absolute IRI", "write one such as https://example.org/"
)
email = matching(
    r"[^\s@<>,;:]+@[^\s@<>,;:.]+(?:\.[^\s@<>,;:.]+)+",
    "an e-mail address",
    "write one such as maria@observatory.example",
)

_ORCID = r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])"
_orcid_text = matching(_ORCID, "an ORCID", "write 16 digits, such as 0000-0002-1825-0097")


def _orcid(report: Report, node: Node, where: str) -> Any:
    """Read an ORCID. Its last digit is a checksum (ISO/IEC 7064, MOD 11-2)."""
    found = _orcid_text(report, node, where)
    match = re.fullmatch(_ORCID, found) if isinstance(found, str) else None
    if match is None:
        return found
    total = 0
    for digit in match[1].replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    if match[1][-1] != "0123456789X"[(12 - total % 11) % 11]:
        what = f"the checksum of {match[1]} is wrong"
        report.add(node.place, where, what, "compare the digits with orcid.org")
        return UNUSABLE
    return match[1]


orcid = Reader(_orcid, _orcid_text.schema)

FORMAT = 1


def _format(report: Report, node: Node, where: str) -> Any:
    found = text(report, node, where)
    if not isinstance(found, str) or found == str(FORMAT):
        return found
    newer = found.isdecimal() and int(found) > FORMAT
    what = (
        f"format {found} is newer than this provagent"
        if newer
        else f"unknown format {quoted(found)}"
    )
    remedy = f"upgrade provagent, or write {FORMAT}" if newer else f"write {FORMAT}"
    report.add(node.place, where, what, remedy)
    return UNUSABLE


format_number = Reader(_format, {"enum": [FORMAT, str(FORMAT), None]})
