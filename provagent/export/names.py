"""The names of things in exported documents: absolute IRIs, legal in every format.

A name's local part must be an XML NCName to stand in PROV-XML, so it begins with the kind
of the thing (``run:entity.k3f9ab.17``) and holds nothing that a user wrote as it is: what a
user called it stands in its attributes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provagent.errors import ExportError
from provagent.terms import VOPROV_NAMESPACE

if TYPE_CHECKING:
    from prov.identifier import QualifiedName
    from prov.model import ProvDocument

BASE = "urn:provagent:"
TERMS = "urn:provagent:terms#"
CONTENT = "urn:provagent:content#"

_ABSOLUTE_IRI = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]+""")
_AS_ESCAPED = r"_(?=x[0-9a-f]+_)"  # an underscore that would be read as an escape's first
_NOT_LEGAL = re.compile(rf"[^A-Za-z0-9._-]|\.$|{_AS_ESCAPED}")
_NO_WORD = re.compile(rf"[^A-Za-z0-9_-]|^[^A-Za-z_]|{_AS_ESCAPED}")


class Names:
    """Makes the names of one run.

    ``namespace`` is the absolute IRI under which an institution's runs, users and software
    stand. Terms and contents stand under provagent's own, so that equal contents of
    different institutions have one name. Raises ExportError for what is no absolute IRI.
    """

    def __init__(self, document: ProvDocument, run_id: str, namespace: str | None) -> None:
        base = _checked(namespace or BASE)
        self._begin = f"{run_id}."
        self._runs = document.add_namespace("runs", base)
        self._run = document.add_namespace("run", f"{base}run.{_legal(run_id)}.")
        self._user = document.add_namespace("user", f"{base}user.")
        self._agent = document.add_namespace("agent", f"{base}agent.")
        self._software = document.add_namespace("software", f"{base}software.")
        self._content = document.add_namespace("content", CONTENT)
        self._terms = document.add_namespace("provagent", TERMS)
        self._voprov = document.add_namespace("voprov", VOPROV_NAMESPACE)
        self.bundle = self._runs[f"run.{_legal(run_id)}"]
        self.program = self._run["program"]

    def of(self, kind: str, identifier: str, position: int | None = None) -> QualifiedName:
        """Return the name of a thing of this run, or of one in its list of such things."""
        local = f"{kind}.{_legal(identifier.removeprefix(self._begin))}"
        return self._run[local if position is None else f"{local}.{position}"]

    def description(
        self, kind: str, definition: str, name: str, position: int | None = None
    ) -> QualifiedName:
        """Return the name of what a definition says of ``name``, or of an item of it."""
        return self.of(f"{kind}.{_word(definition)}", name, position)

    def outer(self, run_id: str, activity_id: str | None) -> QualifiedName:
        """Return the name of an activity of another run, as that run's document has it."""
        part = f"activity.{_legal(activity_id.removeprefix(f'{run_id}.'))}" if activity_id else ""
        return self._runs[f"run.{_legal(run_id)}.{part or 'program'}"]

    def user(self, name: str) -> QualifiedName:
        return self._user[_word(name)]

    def agent(self, name: str) -> QualifiedName:
        return self._agent[_word(name)]

    def software(self, name: str, version: str) -> QualifiedName:
        return self._software[f"{_word(name)}.{_legal(version)}"]

    def content(self, digest: str) -> QualifiedName:
        """Return the name of what has this digest (``algorithm:hex``), wherever it is."""
        return self._content[_legal(digest.replace(":", ".", 1))]

    def term(self, word: str) -> QualifiedName:
        return self._terms[word]

    def ivoa(self, word: str) -> QualifiedName:
        return self._voprov[word]


def _legal(text: str) -> str:
    """Return ``text`` with ``_x20_`` for what no XML name may hold; one text for one name."""
    return _NOT_LEGAL.sub(_hexadecimal, text)


def _word(text: str) -> str:
    """Return ``text`` as ``_legal``, without a dot, and with a letter or ``_`` at its beginning."""
    return _NO_WORD.sub(_hexadecimal, text)


def _hexadecimal(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):x}_"


def _checked(namespace: str) -> str:
    if not _ABSOLUTE_IRI.fullmatch(namespace):
        raise ExportError(
            f"namespace {namespace!r}: is no absolute IRI; "
            "write one such as https://observatory.example/provenance/"
        )
    return namespace if namespace.endswith(("/", "#", ":", "=", "?")) else f"{namespace}/"
