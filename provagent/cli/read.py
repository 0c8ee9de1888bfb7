"""The verbs that read: show, runs, export."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from provagent.export.write import FORMATS, MODELS, export
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


@click.command("export", help=f"Write the provenance of a run in another format.\n\n{_RUN_HELP}")
@click.argument("run", default=LAST)
@click.option("--to", "to", required=True, type=click.Choice(FORMATS), help="The format.")
@click.option("-o", "--output", metavar="FILE", help="Where to. [default: standard output]")
@click.option(
    "--namespace", metavar="IRI", help="Under which names stand. [default: urn:provagent:]"
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="In whose words. [default: w3c; of a votable, ivoa]",
)
@_store
def export_run(
    run: str,
    to: str,
    output: str | None,
    namespace: str | None,
    model: str | None,
    store: str | None,
) -> None:
    target = output or sys.stdout.buffer
    export(read_run(store, run), to, target, namespace=namespace, model=model)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, emoji=False)
