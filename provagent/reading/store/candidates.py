"""Candidates: files that may be origins of an object or a file without a recorded origin.

The code of a program makes objects without a recorded call. The inputs of such an object are among
the files that its program, or a call in the program, had read before the object was used. More is
not known.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

from provagent.reading.store.equal_content import TICK
from provagent.reading.store.index import Index
from provagent.reading.store.schema import SHIFT

MOST = 10_000  # maximum number of files of a process to consider

# The time is that of the first reading; a file that is read again is the same file.
_READ = """
SELECT min(coalesce(u.time, a.start, p.start)) AS time, min(e.id)
FROM used AS u JOIN entity AS e ON e.id = u.entity
LEFT JOIN activity AS a ON a.id = u.activity
LEFT JOIN process AS p ON p.number = ?1
WHERE u.activity >= ?1 << {shift} AND u.activity < (?1 + 1) << {shift}
AND e.type IN (SELECT number FROM word WHERE text IN ('File', 'FileCollection'))
GROUP BY e.place, e.digest ORDER BY time LIMIT {most}"""

# The kernel of a notebook gets no data from the process that started it.
_PROCESSES = """
SELECT name, iif(instr(command, '-m' || char(31) || 'ipykernel'), NULL, parent), number FROM process
WHERE run = (SELECT run FROM process WHERE number = ?) ORDER BY number"""
_WRITTEN = f"SELECT max(time) + {TICK}, activity FROM generated WHERE entity = ?"


class Candidates:
    """Looks up candidates in the index, once for each process."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._read: dict[int, list[tuple[int, int]]] = {}

    def missing(self, number: int) -> str | None:
        """Return why the code does not show all inputs of a file or a call; None if it shows them.

        ``number`` is the number of the file or the call in the index.
        """
        found = self._missing(number)
        return found and found[0]

    def is_bare(self, number: int) -> bool:
        """Return whether all code was read and shows no recorded input of a file."""
        return self._missing(number) == (None,)

    def _missing(self, number: int) -> tuple[str | None] | None:
        row = self._index.execute("SELECT reason FROM flow_missing WHERE later = ?", (number,))
        found: tuple[str | None] | None = row.fetchone()
        return found

    def before(self, activity: int) -> list[int]:
        """Return the files that the process had read before an activity began, last file first."""
        row = self._index.execute("SELECT start FROM activity WHERE id = ?", (activity,)).fetchone()
        if row is None or row[0] is None:
            return []
        return self._of_family(activity >> SHIFT, row[0])

    def before_file(self, entity: int) -> list[int]:
        """Return the files that the process had read before it wrote a file, last file first."""
        row = self._index.execute(_WRITTEN, (entity,)).fetchone()
        if row is None or row[0] is None:
            return []
        return [one for one in self._of_family(row[1] >> SHIFT, row[0]) if one != entity]

    def _of_family(self, process: int, time: int) -> list[int]:
        """Return the files that a process had read, and processes that may have sent data to it."""
        found = [one for other in self._family(process) for one in self._until(other, time)]
        return [*{self._state(one): one for one in reversed(found)}.values()][::-1]

    def _state(self, entity: int) -> tuple[object, ...]:
        """Return the state of a file: place and digest, equal for all processes that read it."""
        row = self._index.execute("SELECT place, digest FROM entity WHERE id = ?", (entity,))
        return tuple(row.fetchone() or (entity,))

    def _family(self, process: int) -> list[int]:
        """Return a process, its descendants in the run, and the processes that started it."""
        rows = self._index.execute(_PROCESSES, (process,)).fetchmany(MOST)
        starter = {name.rpartition(".")[2]: parent for name, parent, _ in rows}
        own = next((name.rpartition(".")[2] for name, _, one in rows if one == process), "")
        found, names = [process], {own} - {""}  # no name: its first event was lost
        is_more = True
        while is_more:
            new = [
                (name, one) for name, parent, one in rows if parent in names and one not in found
            ]
            found += [one for _, one in new]
            names |= {name.rpartition(".")[2] for name, _ in new}
            is_more = bool(new)
        above: set[str] = set()
        while (own := starter.get(own) or "") and own not in above:
            above.add(own)
        return [*found, *(one for name, _, one in rows if name.rpartition(".")[2] in above)]

    def _until(self, process: int, time: int) -> list[int]:
        if process not in self._read:
            statement = _READ.format(shift=SHIFT, most=MOST)
            rows = self._index.execute(statement, (process,)).fetchall()
            self._read[process] = [(time, file) for time, file in rows if time is not None]
        read = self._read[process]
        end = bisect_right(read, time, key=itemgetter(0))
        return [file for _, file in reversed(read[:end])]
