"""Texts of a fixed form: targets, names, versions, multiplicities, prefixes."""

from __future__ import annotations

from provagent.definition.readers import matching

# One part of a dotted name, with or without globs.
_PART = r"(?:[^\W\d]|[*?]|\[!?[\w-]+\])(?:\w|(?<!\*)\*|\?|\[!?[\w-]+\])*"
_DOTTED = rf"{_PART}(?:\.{_PART})*"
target_text = matching(
    rf"{_DOTTED}(?:\.\*\*)?(?::{_DOTTED})?",
    "a target",
    "write package.module:Qual.name, such as gammapy.analysis.core:Analysis",
)
activity_name = matching(
    r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*:)?[^\W\d]\w*(?:\.[^\W\d]\w*)*",
    "the name of a callable",
    "write name, Class.name or package.module:Class.name",
)
distribution = matching(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    "the name of a distribution",
    "write the name that pip installs it by",
)
# PEP 440; every alternative ends where it must, so that no text takes long to refuse.
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
prefix = matching(r"[^\W\d][\w.-]*", "a prefix", "write letters, digits, '-' and '_'")
iri = matching(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", "an absolute IRI", "write one as in http://...")
