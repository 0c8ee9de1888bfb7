"""Recorded sites (places in the code), and the results of the analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from provagent.reading.flow.graph import Position

SELF = "self"  # the object whose method is called
ANY_ARGUMENT = "*"  # any argument: the argument is not known


class Apart(IntEnum):
    """The distance between two sites, at the calls where their chains of calls differ.

    One call of a function runs in one thread. A task that the function sends to a pool runs in any
    thread of the pool.
    """

    TOGETHER = 0  # in one call of a function, as far as is known
    SENT = 1  # the function sent the task that led to the earlier site
    ELSEWHERE = 2  # in different functions
    ALONE = 3  # the later site is in a sent task, or other tasks may have run in between


@dataclass(frozen=True, slots=True)
class Site:
    """One distinct place in the code where calls or files were recorded.

    ``chain`` contains the positions of the calls in the frames of the user, innermost first,
    without frames of libraries. The chain has at most 8 positions, so the outermost positions may
    be missing. A position is the file, the line (from 1) and the column (from 0, in UTF-8 bytes,
    None if not recorded) where the expression ends. ``name`` is the last name of the called
    function, or ``open`` for a file.
    """

    chain: tuple[Position, ...]
    name: str
    is_file: bool = False  # a file opened for writing: all inputs of the file are searched
    is_target: bool = True  # False: the site is only an origin, such as a file opened for reading


@dataclass(frozen=True, slots=True)
class Flow:
    """A site whose inputs were computed from the result of an earlier site.

    ``lines`` contains the statements between the two sites, in order of execution: file, first
    line, last line.
    """

    later: Site
    earlier: Site
    is_certain: bool  # False: each way contains a guess, or a branch that may not have run
    is_carried: bool  # from any execution of the earlier site, not only from the last one
    lines: tuple[tuple[str, int, int], ...]
    # The function called at the earlier site made the recorded call, any number of times:
    # ``map(read, names)``.
    is_repeated: bool = False
    is_handed: bool = False  # the same is true of the later site
    # Neither site is in a loop, and no single item of the result of the earlier site was read.
    is_alone: bool = False
    is_inner: bool = False  # is_carried, and within one loop iteration of the later site
    apart: Apart = Apart.TOGETHER
    # The arguments of the later site that received the value, by position or by name.
    arguments: tuple[str, ...] = (ANY_ARGUMENT,)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A site whose inputs the code does not fully show, with the reason."""

    site: Site
    reason: str


@dataclass(frozen=True, slots=True)
class FoundFlows:
    """The flows between sites, and the sites whose inputs are not fully known."""

    flows: list[Flow] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    # The arguments (as in ``Flow.arguments``) whose former contents each call at a site replaced.
    replaced: dict[Site, tuple[str, ...]] = field(default_factory=dict)
