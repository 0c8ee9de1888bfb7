"""The verb doctor."""

from __future__ import annotations

import click

from provagent.cli.options import RUN_HELP, json_option, store_option
from provagent.reading.view.terminal import echo_json
from provagent.tools.doctor import examine


@click.command(
    short_help="Check whether recording works here, and what a run did not record.",
    help="Check whether recording works here, and what a run did not record.\n\n"
    f"{RUN_HELP} Exits with 1 if there is a problem.",
)
@click.argument("run", required=False)
@click.option(
    "-v",
    "--verbose",
    "is_verbose",
    is_flag=True,
    help="List each target, and all remarks about the run.",
)
@store_option
@json_option
@click.pass_context
def doctor(
    ctx: click.Context, run: str | None, store: str | None, *, is_verbose: bool, as_json: bool
) -> None:
    report = examine(run, store)
    if as_json:
        echo_json(report.data())
    else:
        from provagent.reading.view.doctor import render_report

        render_report(report, is_verbose=is_verbose)
    ctx.exit(0 if report.is_well else 1)
