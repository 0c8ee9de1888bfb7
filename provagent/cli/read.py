"""The verbs that read: show, runs, export."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from provagent.errors import ExportError
from provagent.export.write import FORMATS, FORMS, export, format_of
from provagent.store.runs import LAST, find_store, list_runs, read_run

if TYPE_CHECKING:
    from rich.console import Console

_RUN_HELP = "RUN is a run's id, its beginning or its end, a path, or 'last' (the default)."

_store = click.option(
    "--store",
    metavar="FOLDER",
    help="Where the records are. [default: PROVAGENT_STORE, else prov]",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command(help=f"Tell the story of a run as a tree.\n\n{_RUN_HELP}")
@click.argument("run", default=LAST)
@_store
@_json
def show(run: str, store: str | None, as_json: bool) -> None:
    provenance = read_run(store, run)
    if as_json:
        from provagent.view.data import run_data

        click.echo(json.dumps(run_data(provenance), indent=2, ensure_ascii=False))
        return
    from provagent.view.tree import render_run

    render_run(provenance, _console())


@click.command()
@_store
@_json
def runs(store: str | None, as_json: bool) -> None:
    """List the runs of a store, the newest last."""
    summaries = list_runs(find_store(store))
    if as_json:
        from provagent.view.data import runs_data

        click.echo(json.dumps(runs_data(summaries), indent=2, ensure_ascii=False))
        return
    from provagent.view.runs import render_runs

    render_runs(summaries, _console())


@click.command("export", help=f"Write the provenance of a run in other formats.\n\n{_RUN_HELP}")
@click.argument("run", default=LAST)
@click.option("--to", "to", type=click.Choice(FORMATS), help="The format. [default: as -o ends]")
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    help="Where to; may be repeated. [default: standard output]",
)
@click.option(
    "--namespace", metavar="IRI", help="Under which names stand. [default: urn:provagent:]"
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    help="What a run is in the document. [default: bundle]",
)
@_store
def export_run(
    run: str,
    to: str | None,
    outputs: tuple[str, ...],
    namespace: str | None,
    form: str,
    store: str | None,
) -> None:
    if not outputs and to is None:
        raise click.UsageError("say the format with --to, or name a file with -o")
    provenance = read_run(store, run)
    wrong = []
    for output in outputs or [sys.stdout.buffer]:
        try:
            named = to or format_of(str(output))
            export(provenance, named, output, namespace=namespace, form=form)
        except ExportError as error:
            wrong.append(str(error))
    if wrong:
        raise ExportError("\n".join(wrong))


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, emoji=False)
