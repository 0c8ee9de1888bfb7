"""The verbs that read a run: show, runs, stats, timeline, export, embed."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provagent.cli.gaps import print_gaps
from provagent.cli.options import (
    LAST_RUN_HELP,
    RUN_HELP,
    RenamedOption,
    json_option,
    namespace_option,
    store_option,
)
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
_NEWEST = 100  # default number of runs in a table
_SHOWN = 10_000  # default number of activities, and of files


@click.command(
    help=f"Show a run as a tree: activities, parameters, files.\n\n{LAST_RUN_HELP} RUN may "
    "also be a file with embedded provenance."
)
@click.argument("run", default=LAST)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=_SHOWN,
    help="Maximum number of activities, and of files, to show (default 10 000).",
)
@click.option(
    "--full", "is_full", is_flag=True,
    help="Show whole values and digests, all members, parameters that are None, and calls that a "
    "definition skips (when, quiet).",
)  # fmt: skip
@store_option
@json_option
@may_be_long
def show(run: str, limit: int, is_full: bool, store: str | None, as_json: bool) -> None:
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
        render_run(provenance, console, limit, is_full=is_full)


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help=f"Maximum number of runs to list (default {_NEWEST}; all with --json).",
)
@store_option
@json_option
@may_be_long
def runs(limit: int | None, store: str | None, as_json: bool) -> None:
    """List the runs of the store, newest last."""
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
            console.print(
                f"newest {len(shown)} runs shown (more with --limit or --json)", style="dim"
            )


@click.command(help=f"Show the durations of activities and the sizes of files.\n\n{LAST_RUN_HELP}")
@click.argument("run", default=LAST)
@store_option
@json_option
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


@click.command("timeline", help=f"Show when each activity ran.\n\n{LAST_RUN_HELP}")
@click.argument("run", default=LAST)
@store_option
@json_option
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


@click.command(
    "export",
    short_help="Write a run as PROV-JSON, PROV-N, RDF, SVG and other formats.",
    help=f"Write a run as PROV-JSON, PROV-N, RDF, SVG and other formats.\n\n{LAST_RUN_HELP}",
)
@click.argument("run", required=False)
@click.option(
    "--to", "to", type=click.Choice((*FORMATS, PARQUET)),
    help="Format (default: by the suffix of -o).",
)  # fmt: skip
@click.option(
    "--all",
    "is_all",
    is_flag=True,
    help="With --to parquet: export all runs. With --lineage: as in provagent why --all.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    help="File to write; may be repeated (default: standard output).",
)
@namespace_option
@click.option(
    "--only",
    "of",
    cls=RenamedOption,
    old="--of",
    metavar="WHAT",
    help="Export only a session, an activity, or a file with its lineage in the run.",
)
@click.option(
    "--lineage",
    "lineage",
    metavar="FILE",
    help="Export the lineage of a file across runs (as provagent why shows it), not a run.",
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    help="Write the run as one bundle, or as activities of the document (default bundle).",
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="Data model (default w3c; for a VOTable, ivoa).",
)
@click.option(
    "--keep-foreign", "keep_others", cls=RenamedOption, old="--keep-others", is_flag=True,
    help="Do not overwrite files that provagent did not write.",
)  # fmt: skip
@store_option
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
        raise click.UsageError("--all requires --to parquet or --lineage")
    if lineage is not None and (run is not None or of is not None):
        raise click.UsageError("--lineage covers all runs; leave out RUN and --only")
    if not outputs and to is None:
        raise click.UsageError("give a format with --to, or a file with -o")
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
            if keep_others and named != OPUS:  # a document of a job is joined with the file
                refuse_foreign(output, named)
            export(provenance, named, output, **options)
        except ExportError as error:
            wrong.append(str(error))
    if wrong:
        raise ExportError(*wrong)


def _part(provenance: Provenance, of: str | None) -> Provenance | Lineage:
    from provagent.reading.store.exported_parts import part_of, with_flows

    return with_flows(provenance) if of is None else part_of(provenance, of)


def _lineage(store: str | None, what: str, *, everything: bool) -> Lineage:
    from provagent.reading.store.exported_parts import lineage_of
    from provagent.reading.store.index import open_index

    with open_index(find_store(store)) as index:
        with progress("reading records") as show:
            gaps = index.update(show).gaps
        print_gaps(gaps)
        return lineage_of(index, what, everything=everything)


def _export_parquet(run: str | None, outputs: tuple[str, ...], store: str) -> None:
    from provagent.reading.store.analytics import write_parquet

    if len(outputs) != 1:
        raise click.UsageError("--to parquet writes into a folder; give one folder with -o")
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


@click.command(
    help="Write the provenance of a file into the file itself (FITS, PNG, PDF and others).\n\n"
    f"{RUN_HELP} FILE: a file that this run made or used. FILE is changed in place; use -o to "
    "write a copy instead.",
    short_help="Write the provenance of a file into the file itself.",
)
@click.argument("run")
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Write a copy (default: change FILE itself).")
@namespace_option
@click.option(
    "--max-bytes", default=64 * 1024, show_default=True,
    help="Maximum size of the compressed PROV document. If the document of the run is "
    "larger, the document of the last step is embedded.",
)  # fmt: skip
@store_option
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
    from provagent.reading.store.exported_parts import with_flows

    payload = embed_into(
        with_flows(_read(store, run)), file, output=output, namespace=namespace, max_bytes=max_bytes
    )
    echo(f"{output or file}: provenance embedded; PROV document: {payload.facts[KEPT]}")


def _read(store: str | None, run: str) -> Provenance:
    with progress("reading the record"):
        return read_run(store, run)
