"""The verb link: a run, and the archive of its job."""

from __future__ import annotations

import click

from provagent.reading.export.forms import FORMS
from provagent.reading.export.write import DOCUMENTS, RDF, format_of, write_document
from provagent.reading.store.run_lookup import LAST
from provagent.reading.store.runs import read_run
from provagent.reading.view.terminal import JSON, document_stream, echo


@click.command()
@click.argument("run", default=LAST)
@click.option(
    "--opus",
    "sources",
    metavar="URL|FILE",
    multiple=True,
    required=True,
    help="A server, or a job of it, or the job's results.yml; may be repeated.",
)
@click.option("-o", "--output", metavar="FILE", help="Where to.  [default: standard output]")
@click.option("--to", type=click.Choice(list(DOCUMENTS)), help="The format.  [default: as -o ends]")
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default="activities",
    help="What the run is in the document.  [default: activities]",
)
@click.option(
    "--namespace", metavar="IRI", help="Under which names stand.  [default: urn:provagent:]"
)
@click.option("--timeout", type=float, default=30.0, help="Seconds for each answer.  [default: 30]")
@click.option(
    "--max-bytes", type=int, default=2**30, help="Larger files are not fetched.  [default: 1 GiB]"
)
@click.option("--store", metavar="FOLDER", help="Where the records are.  [default: prov]")
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
    """Join a run with the results of its job of OPUS, in one document of PROV.

    RUN is a run's id, its beginning or its end, a path, or 'last' (the default). What is
    joined, and what is not, is told on standard error.
    """
    from provagent.integrations.opus.linked import link_run
    from provagent.reading.store.partial_runs import with_flows

    named = to or (format_of(output) if output else "json")
    if named not in DOCUMENTS:
        raise click.UsageError(f"{output}: is no document; end it in .json, .provn, .xml or .trig")
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
