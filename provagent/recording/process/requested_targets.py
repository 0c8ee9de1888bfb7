"""Requested targets: the definition or setting that names each target, and its state."""

from __future__ import annotations

import sys

from provagent.definition.source import Source
from provagent.isolation.originals import os
from provagent.recording.weave.program import MAIN
from provagent.recording.weave.target import Target, is_glob
from provagent.settings.table import EACH, Settings, each_of, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provagent.recording.weave.program_watch import ProgramWatch

# Packages outside the standard library that the recorder imports; some of them are optional.
NEEDED = (
    *("attr", "attrs", "better_exceptions", "colorama", "markdown_it", "mdurl", "orjson"),
    *("packaging", "pygments", "rich", "structlog", "typing_extensions", "wrapt", "yaml"),
)


class RequestedTarget:
    """A target, the definition that requests it (None for settings), and its state."""

    __slots__ = ("reason", "source", "state", "target")

    def __init__(self, target: Target, source: Source | None) -> None:
        self.target = target
        self.source = source
        self.state = "waiting"
        self.reason = "its module was not imported"


def find_requested(sources: Sequence[Source], settings: Settings) -> list[RequestedTarget]:
    """Return the targets of definitions and settings; an invalid target is a settings problem.

    The first request of a callable supplies the description, so later definitions come first.
    """
    requested = [
        # the reader of the definition has checked it
        RequestedTarget(Target(text, is_checked=True), source)
        for source in reversed(sources)
        for text in source.targets
    ]
    own = _usable(settings.targets, "settings: targets", settings)
    requested.extend(RequestedTarget(target, None) for target in own)
    excluded = _usable(settings.exclude, "settings: exclude", settings)
    settings.exclude = tuple(target.text for target in excluded)
    for name in EACH:
        if name in settings.given:
            _check_each(name, settings)
    return requested


def _check_each(name: str, settings: Settings) -> None:
    """Remove from a setting the parts for invalid targets."""
    event_fields = each_of(settings, name)
    targets = [text for text in event_fields if text]
    usable = {target.text for target in _usable(targets, f"settings: {name}", settings)}
    if len(usable) < len(targets):
        kept = (f"{text}={event_fields[text]}" for text in targets if text in usable)
        setattr(settings, name, ",".join([str(event_fields[""]), *kept]))


def _usable(texts: Sequence[str], where: str, settings: Settings) -> Iterator[Target]:
    if not texts:
        return
    from provagent.contract.errors import TargetError

    for text in texts:
        try:
            yield Target(text)
        except TargetError as error:
            settings.problems.append(f"{where}: {error}")


# The recorder cannot be loaded during the import of a package that it needs itself.
def are_needed(requested: Sequence[RequestedTarget], settings: Settings) -> bool:
    """Return whether the recorder itself may need a package of one of the targets."""
    tops = {one.target.module.partition(".")[0] for one in requested}
    own = {processor.partition(".")[0] for processor in settings.processors}
    needed = tops & own or not tops.isdisjoint(NEEDED)
    return bool(needed or tops & sys.stdlib_module_names or any(map(is_glob, tops)))


def missed(
    requested: Sequence[RequestedTarget], program: ProgramWatch
) -> Iterator[tuple[RequestedTarget, str]]:
    """Yield targets of the program itself that were not woven when it ended, and the reasons."""
    main = sys.modules.get(MAIN)
    if main is None:
        return
    from provagent.recording.weave.site import why_not_there

    for one in requested:
        if one.state == "waiting" and one.target.module in program.names:
            yield one, program.trouble or why_not_there(main, one.target)


def warn_of_problems(settings: Settings, sources: Sequence[Source]) -> None:
    """Print the problems in settings and definitions, one line each."""
    for problem in (*settings.problems, *settings.untrusted.values()):
        warn(problem)
    for source in sources:
        if source.calls and source.is_untrusted(settings):
            warn(_ignored_calls_text(source))
        if source.problems:
            rest = len(source.problems) - 1
            more = f" (and {rest} more: provagent check {source.location})" if rest else ""
            warn(source.problems[0] + more)


def _ignored_calls_text(source: Source) -> str:
    """Return a message about ignored paths of a definition, and how to allow them."""
    more = f" (and {len(source.calls) - 1} more)" if source.calls[1:] else ""
    folder = os.path.dirname(source.location)
    return (
        f"{source.location}: {source.calls[0]}: calls are ignored in a definition of the "
        f"working folder{more}; set PROVAGENT_DEFINITIONS={source.location}, or "
        f"PROVAGENT_TRUST={folder}"
    )
