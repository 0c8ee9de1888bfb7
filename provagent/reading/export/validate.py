"""Check the statements of a W3C PROV document against the constraints of PROV."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prov.constants import PROV_N_MAP
from prov.identifier import Identifier

from provagent.reading.constraints.kinds import check_kinds
from provagent.reading.constraints.normal import NormalForm
from provagent.reading.constraints.order import check_order
from provagent.reading.constraints.statement import KINDS, Statement, Term, Violation
from provagent.reading.export.foreign_documents import MAX_BYTES, read_document

if TYPE_CHECKING:
    from prov.model import ProvBundle, ProvRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A document and its violations of PROV-CONSTRAINTS.

    ``violations`` are pairs: the name of the bundle (None: outside any bundle) and the violation.
    ``statements`` is the number of statements.
    """

    file: str
    statements: int
    violations: tuple[tuple[str | None, Violation], ...]

    @property
    def is_valid(self) -> bool:
        return all(violation.is_warning for _, violation in self.violations)

    def data(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "file": self.file,
            "valid": self.is_valid,
            "statements": self.statements,
            "violations": [
                {
                    "bundle": bundle,
                    "constraint": violation.constraint,
                    "what": violation.what,
                    "is_warning": violation.is_warning,
                }
                for bundle, violation in self.violations
            ],
        }


def validate_file(
    file: str | os.PathLike[str],
    *,
    syntax: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Validated:
    """Check a W3C PROV document against PROV-CONSTRAINTS.

    Each bundle is checked separately, as the recommendation says. Raises DocumentError if the file
    cannot be read.
    """
    document, warned = read_document(file, syntax=syntax, max_bytes=max_bytes)
    found: list[tuple[str | None, Violation]] = [
        (None, Violation("prov", text, is_warning=True)) for text in warned
    ]
    count = 0
    for bundle in (document, *document.bundles):
        name = None if bundle is document else str(bundle.identifier)
        shown: dict[str, str] = {}
        statements = [_statement(record, shown) for record in _records(bundle)]
        count += len(statements)
        found += [(name, violation) for violation in violations(statements, shown)]
    return Validated(file=os.fspath(file), statements=count, violations=tuple(found))


def violations(statements: Iterable[Statement], shown: dict[str, str]) -> list[Violation]:
    """Return the violations in one bundle. ``shown`` maps IRIs to readable names."""
    found: list[Violation] = []
    form = NormalForm(statements, shown, found.append)
    check_kinds(form, found.append)
    check_order(form, found.append)
    return found


def _records(bundle: ProvBundle) -> Iterable[ProvRecord]:
    return bundle.get_records()


def _statement(record: ProvRecord, shown: dict[str, str]) -> Statement:
    kind = PROV_N_MAP[record.get_type()]
    values = dict(record.formal_attributes)
    terms = [_term(values.get(attribute), shown) for attribute in record.FORMAL_ATTRIBUTES]
    types = [one.uri for one in record.get_asserted_types() if isinstance(one, Identifier)]
    identifier = record.identifier
    return Statement(
        kind, None if identifier is None else str(_term(identifier, shown)),
        terms[: len(KINDS[kind])], types,
    )  # fmt: skip


def _term(value: Any, shown: dict[str, str]) -> Term:
    if isinstance(value, Identifier):
        iri: str = value.uri
        shown[iri] = str(value)
        return iri
    return value if value is None or isinstance(value, datetime) else str(value)
