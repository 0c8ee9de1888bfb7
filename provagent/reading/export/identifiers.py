"""Names in exported documents: absolute IRIs that are valid in every format.

In PROV-XML the local part of a name must be an XML NCName. So it begins with the kind of the
element (``run:entity.k3f9ab.17``), and text of the user is never part of it unescaped. Such text is
in the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provagent.contract.errors import ExportError
from provagent.contract.vocabulary import VOPROV_NAMESPACE

BASE = "urn:provagent:"
TERMS = "urn:provagent:terms#"
CONTENT = "urn:provagent:content#"
ROLES = "urn:provagent:role#"
LOCATIONS = "urn:provagent:location#"

_ABSOLUTE_IRI = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]+""")
_AS_ESCAPED = r"_(?=x[0-9a-f]*_)"  # an underscore that looks like the start of an escape
_NOT_LEGAL = re.compile(rf"[^A-Za-z0-9._-]|\.$|{_AS_ESCAPED}")
_NO_PART = re.compile(rf"[^A-Za-z0-9_-]|{_AS_ESCAPED}")
_LAST_NAME = re.compile(r"[A-Za-z_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$")
_LAST_NUMBER = re.compile(r"[0-9]+$")
_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*[A-Za-z0-9_-]")
_NO_WORD = re.compile(rf"[^A-Za-z0-9_-]|^[^A-Za-z_]|{_AS_ESCAPED}")


class Name(str):
    """A name as it is written in a document, ``prefix:local``. The name represents an IRI."""

    __slots__ = ()


class Names:
    """Makes the names of one run. ``namespaces`` maps their prefixes to IRIs.

    ``namespace`` is the absolute IRI of the runs, users and software of an institution. Terms and
    contents have provagent's own IRIs, so that equal contents of different institutions have the
    same name. ``kind`` is ``run`` or ``lineage``; ``run_id`` identifies it. ``inside`` contains the
    names of a document of several runs, to which this run belongs. Each name has the same IRI as in
    the document of this run alone. Raises ExportError if ``namespace`` is not an absolute IRI.
    """

    def __init__(
        self,
        run_id: str,
        namespace: str | None,
        *,
        kind: str = "run",
        inside: Names | None = None,
    ) -> None:
        self._begin = f"{run_id}."
        self.bundle = Name(f"runs:run.{legal(run_id)}")
        self._before = f"{kind}:" if inside is None else f"{self.bundle}."
        self.program = Name(f"{self._before}program")
        if inside is not None:
            self.namespaces: dict[str, str] = inside.namespaces
            return
        base = _checked(namespace or BASE)
        self.namespaces = {
            "runs": base,
            kind: f"{base}{kind}.{legal(run_id)}.",
            "user": f"{base}user.",
            "agent": f"{base}agent.",
            "software": f"{base}software.",
            "content": CONTENT,
            "provagent": TERMS,
            "voprov": VOPROV_NAMESPACE,
        }

    def of(self, kind: str, identifier: str, position: int | None = None) -> Name:
        """Return the name of an element of this run, or of an item in its list."""
        local = f"{kind}.{legal(identifier.removeprefix(self._begin))}"
        return Name(f"{self._before}{local}{'' if position is None else f'.{position}'}")

    def description(
        self, kind: str, definition: str, name: str, position: int | None = None
    ) -> Name:
        """Return the name of the description of ``name`` in a definition, or of an item in it."""
        return self.of(f"{kind}.{_word(definition)}", name, position)

    def outer(self, run_id: str, activity_id: str | None) -> Name:
        """Return the name of an activity of another run, as in the document of that run."""
        part = f"activity.{legal(activity_id.removeprefix(f'{run_id}.'))}" if activity_id else ""
        return Name(f"runs:run.{legal(run_id)}.{part or 'program'}")

    def job(self, job: Mapping[str, Any]) -> Name:
        """Return the name of a job that contains the run: the job's own IRI, if it has one.

        A job of OPUS has the prefix that OPUS uses.
        """
        iri, rest = str(job.get("iri", "")), f"{job.get('url', '')}/rest/"
        if not _ABSOLUTE_IRI.fullmatch(iri):
            keys = ("system", "place", "id", "task", "span")
            parts = (str(job[key]) for key in keys if job.get(key))
            return Name(f"runs:{'.'.join(['job', *(_part(part) for part in parts)])}")
        if job.get("system") == "opus" and _LOCAL.fullmatch(iri.removeprefix(rest)):
            return self.foreign(iri, "opus_job", rest)
        return self.foreign(iri, "job")

    def foreign(self, iri: str, prefix: str, namespace: str = "") -> Name:
        """Return the name of an element that another tool has named, with the given prefix.

        The prefix stands for ``namespace``, if the rest of the IRI is a valid name in every format.
        Otherwise the local part is the longest end of the IRI that is an XML name, or a number.
        """
        if namespace and iri.startswith(namespace) and _LOCAL.fullmatch(iri[len(namespace) :]):
            at = len(namespace)
        else:
            found = _LAST_NAME.search(iri) or _LAST_NUMBER.search(iri)
            at = found.start() if found else len(iri)
        return Name(f"{self._prefix(prefix, iri[:at])}:{iri[at:]}")

    def _prefix(self, prefix: str, namespace: str) -> str:
        word, number = prefix, 1
        while self.namespaces.setdefault(word, namespace) != namespace:
            number += 1
            word = f"{prefix}{number}"
        return word

    def user(self, name: str) -> Name:
        return Name(f"user:{_word(name)}")

    def agent(self, name: str) -> Name:
        return Name(f"agent:{_word(name)}")

    def software(self, name: str, version: str) -> Name:
        return Name(f"software:{_word(name)}.{legal(version)}")

    def content(self, digest: str) -> Name:
        """Return the name of the content with this digest (``algorithm:hex``), in any place."""
        return Name(f"content:{legal(digest.replace(':', '.', 1))}")

    def term(self, word: str) -> Name:
        return Name(f"provagent:{word}")

    def iri(self, name: Name) -> str:
        """Return the IRI of a name of this run."""
        prefix, _, local = name.partition(":")
        return f"{self.namespaces[prefix]}{local}"

    def prov(self, word: str) -> Name:
        return Name(f"prov:{word}")

    def ivoa(self, word: str) -> Name:
        return Name(f"voprov:{word}")


def legal(text: str) -> str:
    """Return ``text`` with escapes such as ``_x20_`` for characters that XML names cannot contain.

    Different texts have different results.
    """
    return _NOT_LEGAL.sub(_hexadecimal, text) or "_x_"  # empty, because no name may end in a dot


def _word(text: str) -> str:
    """Return ``text`` as ``legal`` does, without a dot, and with a letter or ``_`` at the start."""
    return _NO_WORD.sub(_hexadecimal, text)


def _part(text: str) -> str:
    """Return ``text`` as ``legal`` does, without a dot."""
    return _NO_PART.sub(_hexadecimal, text)


def _hexadecimal(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):x}_"


def _checked(namespace: str) -> str:
    if not _ABSOLUTE_IRI.fullmatch(namespace):
        raise ExportError(
            f"namespace {namespace!r}: is not an absolute IRI; "
            "write one such as https://observatory.example/provenance/"
        )
    return namespace if namespace.endswith(("/", "#", ":", "=", "?")) else f"{namespace}/"
