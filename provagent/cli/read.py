"""The verbs that read a run: show, runs, stats, timeline, export, embed."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provagent.cli.gaps import print_gaps
from provagent.cli.page import may_be_long, page
from provagent.cli.progress import progress
from provagent.contract.errors import ExportError
from provagent.reading.export.forms import FORMS, MODELS, OPUS
from provagent.reading.export.overwriting import refuse_foreign
from provagent.reading.export.write import FORMATS, export, format_of
from provagent.reading.store.location import find_store
from provagent.reading.store.run_lookup import LAST, find_run
from provagent.reading.store.runs import list_runs, read_run
from provagent.reading.view.terminal import JSON, document_stream, echo, echo_json

if TYPE_CHECKING:
    from provagent.integrations.embed.payload import Payload
    from provagent.reading.record.facts import Gap
    from provagent.reading.record.model import Lineage, Provenance

PARQUET = "parquet"
_NEWEST = 100  # runs that people are shown
_SHOWN = 10_000  # activities, and files
_RUN_HELP = "RUN is a run's id, its beginning or its end, a path, or 'last' (the default)."

_store = click.option(
    "--store",
    metavar="FOLDER",
    help="Where the records are. [default: PROVAGENT_STORE, else prov]",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command(
    help=f"Tell the story of a run as a tree.\n\n{_RUN_HELP} Of a product in which "
    "provenance is embedded, its path shows that."
)
@click.argument("run", default=LAST)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=_SHOWN,
    show_default=True,
    help="How many activities are shown, and how many files.",
)
@_store
@_json
@may_be_long
def show(run: str, limit: int, store: str | None, as_json: bool) -> None:
    if os.path.isfile(run):
        from provagent.integrations.embed.file import embedded

        payload = embedded(run)
        if payload is not None:
            _show_embedded(payload, as_json=as_json)
            return
    provenance = _read(store, run)
    if as_json:
        from provagent.reading.view.json_data import run_data

        echo_json(run_data(provenance))
        return
    from provagent.reading.view.run_tree import render_run

    with page() as console:
        render_run(provenance, console, limit)


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help=f"How many, of the newest. [default: {_NEWEST}; all with --json]",
)
@_store
@_json
@may_be_long
def runs(limit: int | None, store: str | None, as_json: bool) -> None:
    """List the runs of a store, the newest last."""
    folder = find_store(store)
    most = limit if as_json or limit is not None else _NEWEST
    with progress("reading records"):
        gaps: list[Gap] = []
        summaries = list_runs(folder, None if most is None else most + 1, gaps)
    print_gaps(gaps)
    more = most is not None and len(summaries) > most
    shown = summaries[1:] if more else summaries
    if as_json:
        from provagent.reading.view.json_data import runs_data

        echo_json(runs_data(shown))
        return
    from provagent.reading.view.runs import render_runs

    with page() as console:
        render_runs(shown, console)
        if more:
            console.print(f"the newest {len(shown)} runs; more: --limit, --json", style="dim")


@click.command(help=f"Tell what took how long, and how large the files are.\n\n{_RUN_HELP}")
@click.argument("run", default=LAST)
@_store
@_json
@may_be_long
def stats(run: str, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.run_statistics import stats_of

    provenance = _read(store, run)
    if as_json:
        echo_json(asdict(stats_of(provenance)))
    else:
        from provagent.reading.view.stats import render_stats

        with page() as console:
            render_stats(provenance, console)


@click.command("timeline", help=f"Tell when each activity ran.\n\n{_RUN_HELP}")
@click.argument("run", default=LAST)
@_store
@_json
@may_be_long
def timeline_of(run: str, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.run_statistics import timeline_of as moments_of

    provenance = _read(store, run)
    if as_json:
        moments = [asdict(one) for one in moments_of(provenance)]
        echo_json(moments)
    else:
        from provagent.reading.view.stats import render_timeline

        with page() as console:
            render_timeline(provenance, console)


@click.command("export", help=f"Write the provenance of a run in other formats.\n\n{_RUN_HELP}")
@click.argument("run", required=False)
@click.option(
    "--to", "to", type=click.Choice((*FORMATS, PARQUET)), help="The format. [default: as -o ends]"
)
@click.option(
    "--all",
    "is_all",
    is_flag=True,
    help="Write all runs of the store (--to parquet), or as in why --all (--lineage).",
)
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
    "--of",
    "of",
    metavar="WHAT",
    help="Write only a session, an activity, or a file with its lineage in the run.",
)
@click.option(
    "--lineage",
    "lineage",
    metavar="FILE",
    help="Write the lineage of a file across runs, as why shows it, instead of a run.",
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    help="What the run is in the document. [default: bundle]",
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="In whose words. [default: w3c; of a votable, ivoa]",
)
@click.option("--keep-others", is_flag=True, help="Replace no file that provagent has not written.")
@_store
def export_run(
    run: str | None,
    to: str | None,
    outputs: tuple[str, ...],
    store: str | None,
    is_all: bool,
    keep_others: bool,
    of: str | None,
    lineage: str | None,
    **options: Any,
) -> None:
    if to == PARQUET:
        _export_parquet(None if is_all else run or LAST, outputs, find_store(store))
        return
    if is_all and lineage is None:
        raise click.UsageError("--all needs --to parquet or --lineage")
    if lineage is not None and (run is not None or of is not None):
        raise click.UsageError("--lineage covers all runs: give no RUN and no --of")
    if not outputs and to is None:
        raise click.UsageError("say the format with --to, or name a file with -o")
    if lineage is None:
        provenance = _part(_read(store, run or LAST), of)
    else:
        provenance = _lineage(store, lineage, everything=is_all)
    if not outputs and to is not None:
        with document_stream(is_json=to in JSON) as stream:
            export(provenance, to, stream, **options)
    _write(provenance, to, outputs, options, keep_others=keep_others)


def _write(
    provenance: Provenance | Lineage,
    to: str | None,
    outputs: tuple[str, ...],
    options: dict[str, Any],
    *,
    keep_others: bool,
) -> None:
    wrong = []
    for output in outputs:
        try:
            named = to or format_of(output)
            if keep_others and named != OPUS:  # what is there of a job is joined
                refuse_foreign(output, named)
            export(provenance, named, output, **options)
        except ExportError as error:
            wrong.append(str(error))
    if wrong:
        raise ExportError(*wrong)


def _part(provenance: Provenance, of: str | None) -> Provenance | Lineage:
    from provagent.reading.store.partial_runs import part_of, with_flows

    return with_flows(provenance) if of is None else part_of(provenance, of)


def _lineage(store: str | None, what: str, *, everything: bool) -> Lineage:
    from provagent.reading.store.index import open_index
    from provagent.reading.store.partial_runs import lineage_of

    with open_index(find_store(store)) as index:
        with progress("reading records") as show:
            gaps = index.update(show).gaps
        print_gaps(gaps)
        return lineage_of(index, what, everything=everything)


def _export_parquet(run: str | None, outputs: tuple[str, ...], store: str) -> None:
    from provagent.reading.store.analytics import write_parquet

    if len(outputs) != 1:
        raise click.UsageError("parquet is written into one folder: name it with -o")
    run_id = None if run is None else find_run(store, run)
    for view, count in write_parquet(store, outputs[0], run=run_id).items():
        echo(f"{view}: {count} rows", err=True)


def _show_embedded(payload: Payload, *, as_json: bool) -> None:
    from provagent.reading.view.embedded import embedded_data, render_embedded

    if as_json:
        echo_json(embedded_data(payload))
    else:
        with page() as console:
            render_embedded(payload, console)


@click.command(help=f"Embed provenance into a product: a file that the run made.\n\n{_RUN_HELP}")
@click.argument("run")
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Write a copy. [default: FILE itself]")
@click.option(
    "--namespace", metavar="IRI", help="Under which names stand. [default: urn:provagent:]"
)
@click.option(
    "--max-bytes", default=64 * 1024, show_default=True, help="Room for the document, packed."
)
@_store
def embed(
    run: str,
    file: str,
    output: str | None,
    namespace: str | None,
    max_bytes: int,
    store: str | None,
) -> None:
    from provagent.integrations.embed.file import embed as embed_into
    from provagent.integrations.embed.payload import KEPT
    from provagent.reading.store.partial_runs import with_flows

    payload = embed_into(
        with_flows(_read(store, run)), file, output=output, namespace=namespace, max_bytes=max_bytes
    )
    echo(f"{output or file}: embedded, {payload.facts[KEPT]} document")


def _read(store: str | None, run: str) -> Provenance:
    with progress("reading the record"):
        return read_run(store, run)
