"""The verb import."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from provagent.cli.options import json_option, store_option
from provagent.reading.view.terminal import echo, echo_json
from provagent.settings.table import read_settings

_SHOWN = 20  # maximum number of unreadable lines to print


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(
            f"unknown time zone {name!r}; write a name such as Europe/Paris or UTC"
        ) from error


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@store_option
@click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    callback=_zone,
    help="Time zone of times without one, such as Europe/Paris (default: that of this machine).",
)
@json_option
@click.pass_context
def import_files(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    store: str | None,
    zone: ZoneInfo | None,
    as_json: bool,
) -> None:
    """Import provenance from log files of other tools.

    FILE: a log of logprov, lstosa or provagent (_PROV_ or __PROV__ lines), plain or compressed
    (gzip, zstd). Give the parts of one log in order, oldest first. Each session becomes a
    run. A second import of the same log adds nothing. Exits with 1 if the logs contain no
    provenance.
    """
    from provagent.integrations.foreign.importing import import_logs

    done = import_logs(files, store or read_settings().store, zone=zone)
    if as_json:
        echo_json(done.data())
    else:
        for run in done.runs:
            echo(
                f"{run.id}: activities: {run.activities}, entities: {run.entities}, "
                f"events: {run.events} ({run.added} new)"
            )
        if not done.runs:
            echo("the logs contain no provenance")
        if done.clashes:
            echo(f"{done.clashes} activities had the same identifier as another activity")
        if done.gaps:
            echo(f"{len(done.gaps)} lines could not be read:")
        for gap in done.gaps[:_SHOWN]:
            echo(f"  {gap}")
        if len(done.gaps) > _SHOWN:
            echo(f"  and {len(done.gaps) - _SHOWN} more (--json lists all)")
    ctx.exit(0 if done.runs else 1)
