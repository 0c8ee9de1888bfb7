"""The store as Python: the questions that the commands of the same names answer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from provagent.isolation.audit_hook import unheard
from provagent.reading.store.location import find_store
from provagent.reading.store.runs import list_runs, read_run

if TYPE_CHECKING:
    import duckdb

    from provagent.reading.record.facts import Gap
    from provagent.reading.record.model import Lineage, Provenance
    from provagent.reading.store.compare import Difference
    from provagent.reading.store.find import Matches
    from provagent.reading.store.index import Index
    from provagent.reading.store.lineage import Answer
    from provagent.reading.store.run_statistics import Moment, Stats
    from provagent.reading.store.run_summary import RunSummary
    from provagent.reading.store.verify import Verified


@unheard
def open_store(path: str | os.PathLike[str] | None = None) -> Store:
    """Return the store in a folder: ``path``, else what the settings say, else ``./prov``.

    Raises StoreError where there is no such folder.
    """
    return Store(find_store(None if path is None else os.fspath(path)))


class Store:
    """A folder of records, and what can be asked of it; ``path`` is the folder.

    Each question first takes in what was written since the last one. Nothing stays open in
    between, so that threads may ask at once. ``gaps`` is what could not be read of the
    records in doing so. ``run`` is in all questions a run's identifier, the beginning or the
    end of only one such, ``last``, or a path; each raises StoreError for what is not there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.gaps: list[Gap] = []

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    @contextlib.contextmanager
    @unheard
    def index(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Index]:
        """Open the index, brought up to date; ``progress`` is told what is done, of how much."""
        from provagent.reading.store.index import open_index

        with open_index(self.path) as index:
            self.gaps += index.update(progress).gaps
            yield index

    @unheard
    def runs(self, *, limit: int | None = None) -> list[RunSummary]:
        """Return the runs, or the newest of them, the newest last."""
        return list_runs(self.path, limit)

    @unheard
    def read(self, run: str = "last") -> Provenance:
        """Return all that the record of a run says; raises RecordError where it says nothing."""
        return read_run(self.path, run)

    @unheard
    def why(
        self, what: str | os.PathLike[str], *, limit: int | None = None, everything: bool = False
    ) -> Answer:
        """Tell how a thing was made, across runs, back to the sources.

        ``what`` is a file, by its path or its name or what lies there now; a digest or its
        beginning; or an identifier or its end. ``limit`` bounds the steps that are told.
        ``everything``: also go on through programs whose code does not show what they made from
        what.
        """
        from provagent.reading.store.lineage import why

        with self.index() as index:
            return why(index, os.fspath(what), limit=limit, everything=everything)

    @unheard
    def impact(
        self, what: str | os.PathLike[str], *, limit: int | None = None, everything: bool = False
    ) -> Answer:
        """Tell what came of a thing, across runs; as ``why``, the other way."""
        from provagent.reading.store.lineage import impact

        with self.index() as index:
            return impact(index, os.fspath(what), limit=limit, everything=everything)

    @unheard
    def lineage(self, what: str | os.PathLike[str], *, everything: bool = False) -> Lineage:
        """Return the lineage of an entity across runs, for ``provagent.reading.export``.

        ``what`` and ``everything`` are as in ``why``.
        """
        from provagent.reading.store.partial_runs import lineage_of

        with self.index() as index:
            return lineage_of(index, os.fspath(what), everything=everything)

    @unheard
    def find(self, query: str, *, limit: int | None = None) -> Matches:
        """Return the activities for which a query holds, the newest first.

        Raises QueryError, which marks the place, for what cannot be read.
        """
        from provagent.reading.store.find import find

        with self.index() as index:
            return find(index, query, limit=limit)

    @unheard
    def diff(self, before: str, after: str = "last") -> Difference:
        """Return what differs between two runs, what may have caused it first."""
        from provagent.reading.store.compare import compare_runs

        return compare_runs(self.read(before), self.read(after))

    @unheard
    def verify(
        self,
        what: str | os.PathLike[str] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Verified]:
        """Tell whether files are still what was recorded: of a run, one file, or all.

        ``progress`` is told how many were looked at, of how many.
        """
        from provagent.reading.store.verify import verify

        with self.index() as index:
            return verify(index, None if what is None else os.fspath(what), progress=progress)

    @unheard
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection to a copy of the tables that docs/how-to/store.md names.

        Raises ExportError where the extra ``duckdb`` is not installed.
        """
        from provagent.reading.store.analytics import connect

        return connect(self.path)

    @unheard
    def stats(self, run: str = "last") -> Stats:
        """Return what took how long and how often, and how large the files are."""
        from provagent.reading.store.run_statistics import stats_of

        return stats_of(self.read(run))

    @unheard
    def timeline(self, run: str = "last") -> list[Moment]:
        """Return when each activity ran, in order of their starts."""
        from provagent.reading.store.run_statistics import timeline_of

        return timeline_of(self.read(run))
