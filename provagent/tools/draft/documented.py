"""Read the docstring of a callable, in numpydoc, Google and other styles."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import Any

from provagent.contract.errors import DraftError


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedValue:
    """One line of description, the type as it is written, and the name of a result."""

    text: str = ""
    type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """The content of a docstring. Missing parts are empty."""

    summary: str = ""
    parameters: dict[str, DocumentedValue] = field(default_factory=dict)
    returns: DocumentedValue | None = None


def read_docstring(function: Any) -> Documented:
    """Return the content of the docstring of a callable.

    Raises DraftError if the package that parses docstrings is not installed.
    """
    try:
        import docstring_parser
    except ImportError as error:
        raise DraftError(
            "descriptions are read from docstrings by the package docstring_parser; "
            "pip install docstring_parser"
        ) from error
    text = inspect.getdoc(function)
    if not text:
        return Documented()
    try:
        read = docstring_parser.parse(text)
    except Exception:  # a docstring may contain anything
        return Documented(summary=_line(text.partition("\n\n")[0]))
    returns = read.returns
    return Documented(
        summary=_line(read.short_description),
        parameters={
            name.strip(" *"): DocumentedValue(
                text=_line(one.description), type=_line(one.type_name)
            )
            for one in read.params
            for name in (one.arg_name or "").split(",")
        },
        returns=DocumentedValue(
            text=_line(returns.description),
            type=_line(returns.type_name),
            name=name if (name := returns.return_name or "").isidentifier() else "",
        )
        if returns
        else None,
    )


_ROLE = re.compile(r":[\w:]+:`")
_LONGEST = 200


def _line(text: str | None) -> str:
    """Return the first sentence without reStructuredText marks, shortened if it is too long."""
    line = " ".join((text or "").split())
    line = _ROLE.sub("`", line).replace("`", "").replace("~", "")
    sentence = re.split(r"\.(?:\s|$)", line, maxsplit=1)[0]
    return (
        sentence if len(sentence) <= _LONGEST else sentence[:_LONGEST].rpartition(" ")[0] + " ..."
    )
