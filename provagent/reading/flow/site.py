"""Recorded sites, and the answers about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from provagent.reading.flow.graph import Position

SELF = "self"  # whose method is called
ANY_ARGUMENT = "*"  # which argument is not known


class Apart(IntEnum):
    """How far two sites are from each other where their chains of calls part.

    One call of a function runs in one thread. What it hands to others runs in any of theirs.
    """

    TOGETHER = 0  # in one call of a function, as far as it is known
    SENT = 1  # it handed over what led to the earlier one
    ELSEWHERE = 2  # in different functions
    ALONE = 3  # it handed over what led to the later one; or others run while it awaits


@dataclass(frozen=True, slots=True)
class Site:
    """One distinct place in the code where recorded things happened.

    ``chain`` has the positions of the calls in the user's frames, the innermost first, without
    frames of libraries; at most 8, so that the outermost may be missing. A position is the file,
    and the line (from 1) and column (from 0, in UTF-8 bytes, None if not recorded) at which the
    expression ends. ``name`` is the last name of what was called, or ``open`` for a file.
    """

    chain: tuple[Position, ...]
    name: str
    is_file: bool = False  # a file opened for writing: all that goes into it is asked for
    is_target: bool = True  # False: only a source, as a file that was opened for reading


@dataclass(frozen=True, slots=True)
class Flow:
    """A site whose inputs were computed from the result of an earlier one.

    ``lines`` are the statements on the way, in order: file, first line, last line.
    """

    later: Site
    earlier: Site
    is_certain: bool  # False: on every way is a guess, or a branch that perhaps did not run
    is_carried: bool  # by any of the executions of the earlier site, and not just the last one
    lines: tuple[tuple[str, int, int], ...]
    # What was called at the earlier site has called it, any number of times: ``map(read, names)``.
    is_repeated: bool = False
    is_handed: bool = False  # so has what was called at the later site
    # Neither of them is in a loop, and no item of what the earlier gave was taken alone.
    is_alone: bool = False
    is_inner: bool = False  # it is carried, and by the rounds of a loop within one of the later's
    apart: Apart = Apart.TOGETHER
    # Through which it came: the positions or names of what is given to the later site.
    arguments: tuple[str, ...] = (ANY_ARGUMENT,)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A site of which the code does not show what it was computed from."""

    site: Site
    reason: str


@dataclass(frozen=True, slots=True)
class FoundFlows:
    """The flows between sites, and the sites of which not all is known."""

    flows: list[Flow] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
