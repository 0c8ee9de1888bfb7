"""The verb doctor."""

from __future__ import annotations

import click

from provagent.reading.view.terminal import echo_json
from provagent.tools.doctor import examine


@click.command()
@click.argument("run", required=False)
@click.option("--store", metavar="FOLDER", help="Where the records are.  [default: prov]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def doctor(ctx: click.Context, run: str | None, store: str | None, *, as_json: bool) -> None:
    """Tell whether recording works here, and what a run could not record.

    RUN is a run's id, its beginning or its end, a path, or 'last' (the default, where there
    is one). Exits with 1 when something is wrong.
    """
    report = examine(run, store)
    if as_json:
        echo_json(report.data())
    else:
        from provagent.reading.view.doctor import render_report

        render_report(report)
    ctx.exit(0 if report.is_well else 1)
