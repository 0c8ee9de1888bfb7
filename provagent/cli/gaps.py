"""What could not be read of a store, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provagent.record.detail import Gap

_SHOWN = 5


def tell_gaps(gaps: list[Gap]) -> None:
    """Print the first gaps, a line each, and how many more there are."""
    for gap in gaps[:_SHOWN]:
        click.echo(f"provagent: {gap}", err=True)
    if len(gaps) > _SHOWN:
        click.echo(f"provagent: and {len(gaps) - _SHOWN} more that could not be read", err=True)
