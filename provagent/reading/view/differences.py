"""Show the differences between two runs, and the state of files, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from provagent.reading.record.labels import digest_text, duration_text
from provagent.reading.store.verify import CHANGED, MISSING, REMOVED, STATES, UNCHANGED

if TYPE_CHECKING:
    from provagent.reading.store.compare import Difference
    from provagent.reading.store.verify import Verified
    from provagent.reading.view.console import Console

CHANGES_SHOWN = 60
_SLOWER = 1.5  # factor; smaller changes of durations are random
_STYLES = {CHANGED: "bold red", MISSING: "bold red", UNCHANGED: "green"}


def render_difference(difference: Difference, console: Console) -> None:
    """Print the explanation, the causes, the effects, and large changes of durations."""
    console.print(Text(f"{difference.before} -> {difference.after}", style="dim"), soft_wrap=True)
    console.print(Text(difference.summary, style="bold"), soft_wrap=True)
    for title, changes in (("causes", difference.causes), ("effects", difference.effects)):
        if changes:
            console.print()
            console.print(Text(title, style="dim"))
        for change in changes[:CHANGES_SHOWN]:
            console.print(Text(f"  {change}"), soft_wrap=True)
        if len(changes) > CHANGES_SHOWN:
            console.print(
                Text(f"  and {len(changes) - CHANGES_SHOWN} more (--json lists all)", style="dim")
            )
    slow = [
        (name, before, after)
        for name, (before, after) in difference.durations.items()
        if max(before, after) > 1 and max(before, after) > _SLOWER * min(before, after)
    ]
    if slow:
        console.print()
        console.print(Text("took", style="dim"))
    for name, before, after in slow[:CHANGES_SHOWN]:
        took = f"{duration_text(before)} -> {duration_text(after)}"
        console.print(Text(f"  {name}: {took}"), soft_wrap=True)


def render_verified(files: list[Verified], console: Console) -> None:
    """Print the files that changed, and the number of files in each state."""
    for state in STATES:
        for one in files:
            if one.state == state and state not in (UNCHANGED, REMOVED):
                line = Text(f"{state}  ", style=_STYLES.get(state, "yellow"))
                line.append(one.path, style="bold")
                if state == CHANGED:
                    line.append(
                        f"  {digest_text(one.digest)} -> {digest_text(one.now)}", style="dim"
                    )
                if one.at is not None:
                    line.append(f"  is at {one.at}", style="dim")
                console.print(line, soft_wrap=True)
    counts = [(state, sum(one.state == state for one in files)) for state in STATES[::-1]]
    details = ", ".join(f"{count} {state}" for state, count in counts if count)
    number = "1 file" if len(files) == 1 else f"{len(files)} files"
    console.print(Text(f"{number}: {details}" if files else "no files", style="dim"))
