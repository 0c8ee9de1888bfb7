"""Finding runs by a part of their identifier, and finding the newest runs."""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from provagent.contract.errors import BrokenIndexError, StoreError
from provagent.contract.file_names import is_utf8
from provagent.contract.layout import (
    day_of,
    folder_of,
    folders_in,
    is_within,
    run_folders,
    runs_of_day,
)
from provagent.contract.store_files import Skipped, is_day, is_real_folder
from provagent.reading.store.location import place_for
from provagent.reading.store.run_summary import age_of, second_of, summary_of
from provagent.reading.store.shards import shards_of

LAST = "last"

_LISTED = 5  # maximum number of runs in an error message
MANY = 1000  # maximum number of runs that are searched for a similar name, or counted in a message


def find_run(store: str, text: str) -> str:
    """Return the id of the run that ``text`` means, as in ``read_run``, but not for paths."""
    return os.path.basename(find_folder(store, text))


def find_folder(store: str, text: str) -> str:
    """Return the folder of the run that ``text`` means, as in ``find_run``."""
    if text == LAST:
        return _last(store)
    exactly = folder_of(store, text)
    if os.sep not in text and not text.startswith(".") and _is_run(exactly, closed=True):
        return exactly
    fitting = _fitting(store, text)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        named = _named(list(map(os.path.basename, fitting)))
        count = f"more than {MANY}" if len(fitting) > MANY else len(fitting)
        raise StoreError(f"{text!r} matches {count} runs: {named}; give more characters of the id")
    run_ids = [os.path.basename(folder) for folder in _newest(store, MANY)]
    if not run_ids:
        raise StoreError(f"{store}: the store contains no runs")
    close = difflib.get_close_matches(text, run_ids, n=1) or _close_in_part(text, run_ids)
    hint = f"did you mean {close[0]}?" if close else f"runs: {_named(run_ids)}"
    raise StoreError(f"{store}: no run {text!r}; {hint}")


def _fitting(store: str, text: str) -> list[str]:
    """Return the folders of the runs whose identifier starts or ends with a text.

    The index is used if it exists: listing millions of names takes seconds.
    """
    if text and is_utf8(text) and os.path.lexists(place_for(store)):
        import sqlite3

        from provagent.reading.store.index import open_index
        from provagent.reading.store.name_prefixes import runs_meant

        with suppress(sqlite3.Error, BrokenIndexError), open_index(store) as index:
            index.update()
            meant = runs_meant(index, text, MANY + 1)
            names = (run_id for _, run_id in meant)  # a database file may contain any text
            folders = [folder_of(store, one) for one in names if is_within(f"{one}/_")]
            if found := list(filter(_is_run, folders)):
                return found
    entries = run_folders(store)
    return _runs(one for one in entries if one.name.startswith(text) or one.name.endswith(text))


def _last(store: str) -> str:
    """Return the newest run; only runs that began in the same second need to be read."""
    folders = next(by_second(store), [])
    if not folders:
        raise StoreError(f"{store}: the store contains no runs")
    return folders[0] if len(folders) == 1 else max(map(summary_of, folders), key=age_of).folder


def by_second(store: str, skipped: Skipped | None = None) -> Iterator[list[str]]:
    """Yield the folders of the runs that began in each second, newest first.

    ``skipped`` is the list of ``folders_in`` and ``shards_of``.
    """
    for entries in _newest_days(store, skipped):
        by_second: dict[str, list[os.DirEntry[str]]] = {}
        for entry in entries:
            by_second.setdefault(second_of(entry.name), []).append(entry)
        for second in sorted(by_second, reverse=True):
            if folders := _runs(by_second[second], skipped):
                yield folders


def _newest(store: str, most: int) -> list[str]:
    """Return the folders of the newest runs, newest last."""
    folders = itertools.chain.from_iterable(map(reversed, by_second(store)))
    return list(itertools.islice(folders, most))[::-1]


def _newest_days(store: str, skipped: Skipped | None = None) -> Iterator[list[os.DirEntry[str]]]:
    """Yield the folders of the runs of each day, newest first."""
    days: dict[str, list[os.DirEntry[str]]] = {}
    for entry in folders_in(store, skipped):
        days.setdefault(entry.name if is_day(entry.name) else day_of(entry.name), []).append(entry)
    for day in sorted(days, reverse=True):
        found: list[os.DirEntry[str]] = []
        for entry in days[day]:
            found += runs_of_day(entry, skipped) if is_day(entry.name) else [entry]
        yield found


def _is_run(folder: str, skipped: Skipped | None = None, *, closed: bool = False) -> bool:
    """Return whether a folder contains a run; ``closed``: the result for unreadable folders."""
    try:
        return is_real_folder(folder) and bool(shards_of(folder, skipped))
    except PermissionError:
        return closed
    except OSError:
        return False


def _close_in_part(text: str, run_ids: list[str]) -> list[str]:
    parts = {part: run_id for run_id in run_ids for part in run_id.split("-")}
    return [parts[part] for part in difflib.get_close_matches(text, parts, n=1)]


def _named(run_ids: list[str]) -> str:
    shown = ", ".join(run_ids[-_LISTED:])
    return f"{shown} and others" if len(run_ids) > _LISTED else shown


def _runs(entries: Iterable[os.DirEntry[str]], skipped: Skipped | None = None) -> list[str]:
    """Return the paths of the folders that are runs."""
    return [entry.path for entry in entries if _is_run(entry.path, skipped)]
