"""The verb link: link a run with the archive of its job."""

from __future__ import annotations

import click

from provagent.cli.options import LAST_RUN_HELP, namespace_option, store_option
from provagent.reading.export.forms import FORMS
from provagent.reading.export.write import DOCUMENTS, RDF, format_of, write_document
from provagent.reading.store.run_lookup import LAST
from provagent.reading.store.runs import read_run
from provagent.reading.view.terminal import JSON, document_stream, echo


@click.command(
    help="Join a run with the results of its OPUS job in one document.\n\n"
    f"{LAST_RUN_HELP} Standard error lists the results that were joined with a file, and the "
    "other results."
)
@click.argument("run", default=LAST)
@click.option(
    "--opus",
    "sources",
    metavar="URL|FILE",
    multiple=True,
    required=True,
    help="Address of a server or of a job, or the results.yml of a job; may be repeated.",
)
@click.option("-o", "--output", metavar="FILE", help="File to write (default: standard output).")
@click.option(
    "--to", type=click.Choice(list(DOCUMENTS)), help="Format (default: by the suffix of -o)."
)
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default="activities",
    help="Write the run as one bundle, or as activities of the document (default activities).",
)
@namespace_option
@click.option(
    "--timeout", type=float, default=30.0, help="Seconds to wait for each response (default 30)."
)
@click.option(
    "--max-bytes", type=int, default=2**30, help="Maximum size of a file to fetch (default 1 GiB)."
)
@store_option
def link(
    run: str,
    sources: tuple[str, ...],
    *,
    output: str | None,
    to: str | None,
    form: str,
    namespace: str | None,
    timeout: float,
    max_bytes: int,
    store: str | None,
) -> None:
    from provagent.integrations.opus.linked import link_run
    from provagent.reading.store.exported_parts import with_flows

    named = to or (format_of(output) if output else "json")
    if named not in DOCUMENTS:
        raise click.UsageError(f"{output}: unknown suffix; use .json, .provn, .xml or .trig")
    linked = link_run(
        with_flows(read_run(store, run)),
        sources,
        namespace=namespace,
        form=form,
        for_rdf=named in RDF,
        seconds=timeout,
        max_bytes=max_bytes,
    )
    if output is not None:
        write_document(linked.document, named, output)
    else:
        with document_stream(is_json=named in JSON) as stream:
            write_document(linked.document, named, stream)
    for line in linked.lines():
        echo(line, err=True)
