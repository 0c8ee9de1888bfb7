"""Removing old runs: selecting the runs, and removing them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from provagent.contract.store_files import is_day
from provagent.reading.store.atomic_rewrite import remove_unfinished, sync, unfinished
from provagent.reading.store.index import Index, open_index
from provagent.reading.store.liveness import still_written
from provagent.reading.store.run_age import is_older
from provagent.reading.store.run_lookup import find_folder
from provagent.reading.store.runs import list_runs

# Files of one run that are in another run with the same content: only files connect runs (see
# ``lineage_graph``), and empty files connect nothing.
_MADE_AND_MET = """
SELECT DISTINCT maker.id, user.id
FROM entity AS made
JOIN generated AS g ON g.entity = made.id
JOIN entity AS met ON met.digest = made.digest AND met.place IS NOT NULL
JOIN process AS p ON p.number = made.id >> {shift}
JOIN process AS q ON q.number = met.id >> {shift}
JOIN run AS maker ON maker.number = p.run
JOIN run AS user ON user.number = q.run
WHERE made.place IS NOT NULL AND made.digest IS NOT NULL AND maker.number != user.number
  AND NOT EXISTS (SELECT 1 FROM generated AS own WHERE own.entity = met.id)
"""
_STARTED = "SELECT parent_run, id FROM run WHERE parent_run IS NOT NULL"


@dataclass(slots=True, kw_only=True)
class RemovedRuns:
    """The runs to remove, and their bytes; ``needed``: runs that a kept run needs.

    ``needed`` maps a run that is kept to the run that needs it. ``refused`` maps runs that are
    still written to the reason.
    """

    runs: list[str] = field(default_factory=list)
    bytes: int = 0
    needed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def collectable(
    store: str,
    *,
    older_than: timedelta = timedelta(0),
    keep: int = 0,
    used_too: bool = False,
    force: bool = False,
) -> RemovedRuns:
    """Return the runs that can be removed: old enough, and not among the newest ``keep``.

    Runs whose output is read by a run that is kept are kept too, recursively, unless ``used_too``
    is set. ``force``: include runs for which it is unknown whether they have ended.
    """
    found = RemovedRuns()
    runs = list_runs(store)
    folders = {run.id: run.folder for run in runs}
    old = runs[: max(0, len(runs) - keep)] if keep else runs
    going = {run.id for run in old if is_older(run, older_than)}
    for name in sorted(going):
        why = still_written(folders[name])
        if why is not None and (why.is_sure or not force):
            found.refused[name] = why.what
    going -= found.refused.keys()
    if going and not used_too:
        with open_index(store) as index:
            index.update()
            found.needed = _needed(index, {run.id for run in runs} - going, going)
    found.runs = sorted(going - found.needed.keys())
    found.bytes = sum(_size(folders[name]) for name in found.runs)
    return found


def collect(store: str, found: RemovedRuns) -> None:
    """Remove the runs, each in one step for other readers, and then update the index."""
    remove_unfinished(store)
    folders = []
    for name in tuple(found.runs):
        folder = find_folder(store, name)
        gone = unfinished(folder)
        try:
            os.rename(folder, gone)
            folders.append(folder)
            shutil.rmtree(gone)  # rmtree follows no link
        except OSError as error:
            found.refused[name] = str(error)
            found.runs.remove(name)
    for above in set(map(os.path.dirname, folders)):
        sync(above)
        if is_day(os.path.basename(above)):
            with suppress(OSError):  # the folder contains other runs
                os.rmdir(above)
    with open_index(store) as index:
        index.update()


def _needed(index: Index, staying: set[str], going: set[str]) -> dict[str, str]:
    from provagent.reading.store.schema import SHIFT

    makers: dict[str, set[str]] = {}
    for query in (_MADE_AND_MET.format(shift=SHIFT), _STARTED):
        for maker, user in index.execute(query):
            makers.setdefault(user, set()).add(maker)
    needed: dict[str, str] = {}
    todo = sorted(staying)
    while todo:
        user = todo.pop()
        for maker in sorted(makers.get(user, ())):
            if maker in going and maker not in needed:
                needed[maker] = user
                todo.append(maker)
    return needed


def _size(folder: str) -> int:
    files = (os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_size for path in files)
