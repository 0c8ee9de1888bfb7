"""The verb import."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from provagent.reading.view.terminal import echo, echo_json
from provagent.settings.table import read_settings

_SHOWN = 20  # lines that could not be read


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(f"{name!r} is no time zone; write one such as UTC") from error


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--store", metavar="FOLDER", help="Where to.  [default: prov]")
@click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    callback=_zone,
    help="Of times that name none: Europe/Paris, UTC.  [default: this machine's]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def import_files(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    store: str | None,
    zone: ZoneInfo | None,
    as_json: bool,
) -> None:
    """Take the provenance that logs hold into the store.

    FILEs are logs with _PROV_ or __PROV__ lines: of logprov, lstosa, or of provagent's
    setting sink=logging; packed by gzip or zstd; parts of one log, the oldest first. Each
    session becomes a run; importing again adds nothing. Exits with 1 where a log holds none.
    """
    from provagent.integrations.foreign.importing import import_logs

    done = import_logs(files, store or read_settings().store, zone=zone)
    if as_json:
        echo_json(done.data())
    else:
        for run in done.runs:
            new = f"{run.added} new" if run.added else "nothing new"
            echo(
                f"{run.id}: {run.activities} activities, {run.entities} entities; "
                f"{run.events} events, {new}"
            )
        if not done.runs:
            echo("no provenance in it")
        if done.clashes:
            echo(f"{done.clashes} activities had the identifier of another")
        if done.gaps:
            echo(f"{len(done.gaps)} things could not be read:")
        for gap in done.gaps[:_SHOWN]:
            echo(f"  {gap}")
        if len(done.gaps) > _SHOWN:
            echo(f"  and {len(done.gaps) - _SHOWN} more; --json tells all")
    ctx.exit(0 if done.runs else 1)
