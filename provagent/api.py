"""The functions that a program or a notebook calls itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from provagent import boot
from provagent.isolation.audit_hook import unheard
from provagent.settings.table import read_settings, require

if TYPE_CHECKING:
    from typing import BinaryIO

    from provagent.reading.record.model import Lineage, Provenance


def start(**settings: Any) -> str:
    """Start to record this process and the processes that it starts; return the run identifier.

    ``settings`` are the settings of ``docs/reference/settings.md``, by name. If recording has begun
    already, the settings are not changed. Raises SettingsError for a setting that is unknown or
    malformed.

    Example::

        run = provagent.start(store="prov", targets=["package.module:Class"])
        ...
        provagent.stop()
        provagent.export(provagent.read(run), "json", "run.json")
    """
    return boot.activate(require(read_settings(arguments=settings))).run_id


def stop() -> None:
    """End recording in this process, and restore all woven functions.

    All events of this process are written when ``stop`` returns. Without a started recording,
    ``stop`` does nothing.
    """
    boot.deactivate()


@unheard
def read(run: str | os.PathLike[str] = "last", store: str | os.PathLike[str] = "") -> Provenance:
    """Read the provenance of a run.

    ``run`` is the identifier of the run, its first or last characters, ``last``, or the path of a
    record. ``store`` is the folder of the records; the default is the folder of the settings.

    The whole record is read into memory. Raises StoreError if there is no such run, or if surely
    not enough memory is free, and RecordError if the record cannot be read.
    """
    from provagent.reading.store.runs import read_run

    return read_run(os.fspath(store) or read_settings().store, os.fspath(run))


@unheard
def export(
    provenance: Provenance | Lineage,
    to: str,
    target: BinaryIO | str | os.PathLike[str],
    *,
    of: str | None = None,
    namespace: str | None = None,
    model: str | None = None,
    form: str = "bundle",
) -> None:
    """Write the provenance of a run, or a lineage across runs (``Store.lineage``).

    ``to`` is one of the formats in ``docs/reference/prov.md``: PROV as ``json``, ``jsonld``,
    ``provn``, ``xml``, ``trig`` or ``turtle``, a ``votable``, a graph as ``dot`` or ``svg``, and
    others.
    ``target`` is a path or a binary stream; if the export fails, nothing is written. ``of`` selects
    a part of a run: a session, an activity, or an entity with its lineage inside the run.
    ``namespace`` is the base IRI of identifiers (``urn:provagent:`` unless given). ``model`` is
    ``w3c`` or ``ivoa``. ``form`` is ``bundle`` or ``activities``: with ``bundle``, a document
    contains the run as a bundle.

    Raises ExportError for an unknown format or model, a missing extra, a namespace that is not an
    absolute IRI, and a file that cannot be written; RecordError if ``of`` matches nothing.
    """
    from provagent.reading.export.write import export as write
    from provagent.reading.record.model import Provenance
    from provagent.reading.store.exported_parts import part_of, with_flows

    if isinstance(provenance, Provenance):
        provenance = with_flows(provenance) if of is None else part_of(provenance, of)
    write(provenance, to, target, namespace=namespace, model=model, form=form)


def load_ipython_extension(_ipython: Any) -> None:
    """Start recording in this notebook, for ``%load_ext provagent``."""
    start()


def unload_ipython_extension(_ipython: Any) -> None:
    """End recording in this notebook, for ``%unload_ext provagent``."""
    stop()
