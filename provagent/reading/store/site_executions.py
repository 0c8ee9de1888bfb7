"""The executions at the sites of a process, and the executions that a flow connects.

A flow between two sites connects a later execution to: the last execution before it, for loop
iterations; all executions inside one call; and, in a thread or a worker of a pool, the executions
there.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from provagent.reading.flow import Apart, Flow, Site, stream_of
from provagent.reading.store.call_sites import positions_of
from provagent.reading.store.events import Execute
from provagent.reading.store.schema import NUMBERS, SHIFT

ROUNDS = 1000  # maximum number of loop iterations that are recorded as inputs of one entity
_TURNS = 1_000_000  # microseconds; threads may get numbers in another order than they start

Span = tuple[int, int]  # a range of the numbers of a process


class Execution(NamedTuple):
    """An execution of a site: its start time, and its activity or entity.

    ``around`` is the enclosing activity, or the process if there is none. ``session`` is the
    session of an activity.
    """

    time: int
    number: int
    thread: int | None
    around: int
    session: int

    @property
    def worker(self) -> tuple[int, int | None]:
        """The process and the thread in which it happened."""
        return self.number >> SHIFT, self.thread


def is_process(activity: int) -> bool:
    """Return whether the number of an activity is the number of a process."""
    return not activity % NUMBERS


def executions_of(execute: Execute, spans: list[Span]) -> dict[Site, list[Execution]]:
    """Return the executions of each site, in the order of time."""
    found: dict[Site, list[Execution]] = {}
    for span in spans:
        for chain, target, *one in execute(_ACTIVITIES, span):
            name = (target or "").rpartition(":")[2].rpartition(".")[2]
            found.setdefault(Site(positions_of(chain), name), []).append(Execution(*one))
        for chain, is_written, *one in execute(_OPENED, span):
            is_file = bool(is_written)
            site = Site(positions_of(chain), "open", is_file=is_file, is_target=is_file)
            found.setdefault(site, []).append(Execution(*one))
    for happenings in found.values():
        happenings.sort()
    return found


def clock_went_back(happened: dict[Site, list[Execution]]) -> bool:
    """Return whether the clock of a process was set back: then times give no order.

    Numbers of calls and of files that are read are in the order of their start. Standard input is
    an exception: it is recorded at the end.
    """
    details = (
        one
        for site, some in happened.items()
        if not site.is_file and not stream_of(site.chain)
        for one in some
    )
    return any(
        later.time < earlier.time - _TURNS
        for earlier, later in pairwise(sorted(details, key=attrgetter("number")))
        if later.number >> SHIFT == earlier.number >> SHIFT
    )


class Executions:
    """The executions of two sites that are connected by a flow.

    In one call of a function, the earlier executions are those before in its thread. A thread of a
    pool runs several tasks. For tasks that were sent to a pool, the earlier executions are those
    before, in any thread. If the tasks of both sites took turns, the earlier executions are only
    those of the last turn.
    """

    def __init__(
        self, flow: Flow, every: list[Execution], sources: list[Execution], *, is_back: bool
    ) -> None:
        self._flow, self._every, self._sources = flow, every, sources
        self._is_back = is_back  # a clock was set back: times give no order
        self._known: dict[tuple[int, int | None], tuple[list[Execution], list[Execution]]] = {}
        laters = {one.worker for one in every}
        self._is_several = len(laters) > 1
        self._is_one = len(laters.union(one.worker for one in sources)) == 1
        self._is_after = flow.later.is_file and _is_read_after(sources, every, flow)
        self._turns: dict[Execution, list[Execution]] | None = None

    def before(self, at: int) -> list[Execution]:
        """Return the executions of the earlier site that belong to one of the later site."""
        if self._is_back:
            return self._sources[:ROUNDS]
        apart = self._flow.apart
        if apart == Apart.ALONE or (apart == Apart.ELSEWHERE and not self._is_one):
            return self._of_tasks(at)
        if self._is_one or (apart == Apart.SENT and not self._is_several):
            return self._of_call(self._sources, self._every, at)
        sources, every = self._of_thread(self._every[at])
        if apart == Apart.SENT or not sources:
            is_any = self._is_several
            return self._of_tasks(at) if is_any else self._of_call(self._sources, self._every, at)
        if self._flow.is_carried and not (self._flow.is_inner or self._flow.is_repeated):
            return self._of_call(self._sources, self._every, at)
        return self._of_call(sources, every, bisect_left(every, self._every[at]))

    def _of_thread(self, later: Execution) -> tuple[list[Execution], list[Execution]]:
        """Return the executions of both sites in the thread of one execution."""
        if later.worker not in self._known:
            self._known[later.worker] = (
                [one for one in self._sources if one.worker == later.worker],
                [one for one in self._every if one.worker == later.worker],
            )
        return self._known[later.worker]

    def _of_tasks(self, at: int) -> list[Execution]:
        """Return the executions of tasks before another one: in its turn, or at any time."""
        if not self._flow.is_carried:
            if self._turns is None:
                self._turns = _by_turns(self._sources, self._every, is_after=self._is_after)
            if self._turns:
                return self._turns.get(self._every[at], [])[-ROUNDS:]
        end = len(self._sources)
        if not self._is_after:
            end = bisect_left(self._sources, self._every[at][:2])
        return self._sources[max(0, end - ROUNDS) : end]

    def _of_call(
        self, sources: list[Execution], every: list[Execution], at: int
    ) -> list[Execution]:
        """Return the last executions before, in one call or a thread."""
        flow, later = self._flow, every[at]
        limit: tuple[int, int] = later[:2]
        begin = every[at - 1][:2] if at else (0, 0)
        # A file is written after its opening: its inputs may be read after the opening, and before
        # the file is opened again. The same is true of inputs from other loop iterations.
        if self._is_after or (flow.later.is_file and flow.is_carried):
            limit = every[at + 1][:2] if at + 1 < len(every) else (sys.maxsize, 0)
        if self._is_after:
            begin = later[:2]
        end = bisect_left(sources, limit)
        if flow.is_carried and not flow.is_inner:
            return sources[max(0, end - ROUNDS) : end]
        if (flow.is_repeated or flow.is_inner) and end:
            # One call, or the iterations of one inner loop: no later execution is between them.
            start = bisect_left(sources, begin)
            if start >= end and not flow.is_inner:
                last = bisect_left(every, sources[end - 1])
                start = bisect_left(sources, every[last - 1][:2]) if last else 0
            return sources[max(start, end - ROUNDS) : end]
        return sources[max(0, end - 1) : end]


def _by_turns(
    sources: list[Execution], every: list[Execution], *, is_after: bool
) -> dict[Execution, list[Execution]]:
    """Return the earlier executions in the turn of each later one; empty without turns.

    In each turn there were equal numbers of both: no execution remained for another turn.
    """
    kinds = [(one, False) for one in sources] + [(one, True) for one in every]
    kinds.sort(key=lambda each: each[0][:2])
    turns: list[tuple[list[Execution], list[Execution]]] = []
    was = None
    for one, is_later in kinds:
        if is_later == is_after and was != is_later:
            turns.append(([], []))
        if turns:
            turns[-1][is_later].append(one)
        was = is_later
    if turns and not all(turns[-1]):  # the process ended during the turn
        turns.pop()
    if kinds[0][1] != is_after or len({(len(one), len(other)) for one, other in turns}) > 1:
        return {}
    return {later: some for some, laters in turns for later in laters}


def _is_read_after(sources: list[Execution], every: list[Execution], flow: Flow) -> bool:
    """Return whether a file is opened before its inputs are read."""
    if sources[0][:2] > every[0][:2]:
        return True
    # For a file that was rewritten, only the last opening is known: then the code decides.
    if sources[-1][:2] < every[-1][:2]:
        return False
    for later, earlier in zip(
        reversed(flow.later.chain), reversed(flow.earlier.chain), strict=False
    ):
        if later != earlier:
            return later[0] == earlier[0] and (later[1], later[2] or 0) < (
                earlier[1],
                earlier[2] or 0,
            )
    return False


# Calls whose result came to the user's code: not calls that such a call made in its package, at the
# same site.
_ACTIVITIES = """
SELECT s.chain, w.text, a.start, a.id, a.thread, coalesce(a.parent, 0),
  coalesce(a.session, 0) FROM activity AS a
JOIN site AS s ON s.number = a.site LEFT JOIN word AS w ON w.number = a.target
LEFT JOIN activity AS o ON o.id = a.parent
WHERE a.id > ? AND a.id < ? AND a.start IS NOT NULL AND o.site IS NOT a.site"""
# Not files that a recorded call opened itself: the call used or generated these. But other code may
# have written into a file that was still open when the call ended.
_OPENED = """
SELECT s.chain, f.is_written, f.time, f.entity, f.thread, f.activity, 0 FROM opened AS f
JOIN site AS s ON s.number = f.site LEFT JOIN activity AS a ON a.id = f.activity
WHERE f.entity > ? AND f.entity < ? AND f.time IS NOT NULL
AND (a.site IS NOT f.site OR (f.is_written AND EXISTS (SELECT 1 FROM generated AS g
  WHERE g.entity = f.entity AND g.activity = f.activity AND g.time > a.end)))"""
