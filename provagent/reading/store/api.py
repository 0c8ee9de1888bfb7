"""The store in Python: methods with the names and the results of the commands."""

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
    """Return the store in a folder: ``path``, else the folder of the settings, else ``./prov``.

    Raises StoreError if the folder does not exist.
    """
    return Store(find_store(None if path is None else os.fspath(path)))


class Store:
    """A folder of records and the queries on it; ``path`` is the folder.

    Each query first reads the events that were written since the last query. No file remains open
    between queries, so threads may query at the same time. ``gaps`` lists the parts of records that
    could not be read.

    In all queries, ``run`` is the identifier of a run, its first or last characters if only one run
    matches, ``last``, or a path. Each query raises StoreError for a run, file or entity that does
    not exist. It raises BrokenIndexError, a StoreError, if the index is broken: the index is
    removed then, and the next query builds it again.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.gaps: list[Gap] = []

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    @contextlib.contextmanager
    @unheard
    def index(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Index]:
        """Open the updated index; ``progress`` is called with the amount done and the total.

        The index is closed at the end of the ``with`` block.
        """
        from provagent.reading.store.index import open_index

        with open_index(self.path) as index:
            self.gaps += index.update(progress).gaps
            yield index

    @unheard
    def runs(self, *, limit: int | None = None) -> list[RunSummary]:
        """Return the runs, or only the newest ``limit`` runs, newest last.

        Only the first and last events of one shard of each run are read.
        """
        return list_runs(self.path, limit)

    @unheard
    def read(self, run: str = "last") -> Provenance:
        """Return the content of the record of a run; raise RecordError if the record is empty.

        All of the record is in memory. Raises StoreError if there is surely not enough memory.
        """
        return read_run(self.path, run)

    @unheard
    def why(
        self, what: str | os.PathLike[str], *, limit: int | None = None, everything: bool = False
    ) -> Answer:
        """Return how a file or object was made, across runs, back to the first inputs.

        ``what`` is a file (path, name, or a copy with the same content), a digest (or its first
        characters), or an identifier (or its last characters). ``limit`` is the maximum number of
        steps to show; None shows all steps. ``everything``: also continue through programs whose
        code does not show which inputs went into which outputs. The answer contains the graph, and
        the tree that shows the graph.
        """
        from provagent.reading.store.lineage import why

        with self.index() as index:
            return why(index, os.fspath(what), limit=limit, everything=everything)

    @unheard
    def impact(
        self, what: str | os.PathLike[str], *, limit: int | None = None, everything: bool = False
    ) -> Answer:
        """Return everything that was made from a file or object, across runs.

        The arguments are those of ``why``.
        """
        from provagent.reading.store.lineage import impact

        with self.index() as index:
            return impact(index, os.fspath(what), limit=limit, everything=everything)

    @unheard
    def lineage(self, what: str | os.PathLike[str], *, everything: bool = False) -> Lineage:
        """Return the lineage of an entity across runs, for ``provagent.export``.

        ``what`` and ``everything`` are as in ``why``. Example::

            lineage = provagent.open_store().lineage("flux_points.fits")
            provagent.export(lineage, "json", "flux_points.prov.json")
        """
        from provagent.reading.store.exported_parts import lineage_of

        with self.index() as index:
            return lineage_of(index, os.fspath(what), everything=everything)

    @unheard
    def find(self, query: str, *, limit: int | None = None) -> Matches:
        """Return the activities that match a query, newest first.

        The query language is that of ``provagent find``, for example
        ``"gain > 2 and status != ok"``. ``limit`` is the maximum number of activities to return;
        None returns all. Raises QueryError, which marks the place, if the query cannot be parsed.
        """
        from provagent.reading.store.find import find

        with self.index() as index:
            return find(index, query, limit=limit)

    @unheard
    def diff(self, before: str, after: str = "last") -> Difference:
        """Return the differences between two runs, likely causes first.

        ``before`` and ``after`` are runs. Both records are read completely.
        """
        from provagent.reading.store.compare import compare_runs

        return compare_runs(self.read(before), self.read(after))

    @unheard
    def verify(
        self,
        what: str | os.PathLike[str] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Verified]:
        """Return whether files are still as recorded: the files of a run, one file, or all files.

        ``what`` is a run, or a file as in ``why``; None means all files of the store. A file is
        compared with its last recorded state. A missing file is searched by content at other
        recorded paths. ``progress`` is called with the number of checked files and the total.
        """
        from provagent.reading.store.verify import verify

        with self.index() as index:
            return verify(index, None if what is None else os.fspath(what), progress=progress)

    @unheard
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection to a copy of the tables of ``docs/reference/tables.md``.

        The copy is in memory. Close the connection to free the memory.

        Raises ExportError if the extra ``duckdb`` is not installed.
        """
        from provagent.reading.store.analytics import connect

        return connect(self.path)

    @unheard
    def stats(self, run: str = "last") -> Stats:
        """Return durations and counts of calls, and the sizes of files.

        Durations are in seconds, sizes in bytes.
        """
        from provagent.reading.store.run_statistics import stats_of

        return stats_of(self.read(run))

    @unheard
    def timeline(self, run: str = "last") -> list[Moment]:
        """Return the time when each activity ran, in the order of their starts.

        Times are in seconds since the start of the run.
        """
        from provagent.reading.store.run_statistics import timeline_of

        return timeline_of(self.read(run))
