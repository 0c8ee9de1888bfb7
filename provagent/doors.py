"""The functions that a program or a notebook calls itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from provagent import boot
from provagent.audit import unheard
from provagent.settings import read_settings, require

if TYPE_CHECKING:
    from provagent.record.model import Provenance


def start(**settings: Any) -> str:
    """Begin to record this process and those that it starts; return the run's identifier.

    ``settings`` are those of ``docs/settings.md``: ``start(store="prov",
    targets=["package.module:Class"])``. Where recording has begun already, the settings
    are not changed. Raises SettingsError for a setting that is unknown or malformed.
    """
    return boot.activate(require(read_settings(arguments=settings))).run_id


def stop() -> None:
    """End recording in this process, and put everything back that was woven."""
    boot.deactivate()


@unheard
def read(run: str | os.PathLike[str] = "last", store: str | os.PathLike[str] = "") -> Provenance:
    """Read the provenance of a run.

    ``run`` is its identifier, a part of it that is unique, ``last``, or the path of a
    record; ``store`` the folder of records, else that of the settings. Raises StoreError
    when there is none.
    """
    from provagent.store.runs import read_run

    return read_run(os.fspath(store) or read_settings().store, os.fspath(run))


def load_ipython_extension(_ipython: Any) -> None:
    """``%load_ext provagent``: begin to record the notebook that runs."""
    start()


def unload_ipython_extension(_ipython: Any) -> None:
    """``%unload_ext provagent``: end recording."""
    stop()
