"""The verb draft."""

from __future__ import annotations

import click

from provagent.contract.errors import DraftError
from provagent.reading.view.terminal import echo_lines


@click.command()
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option(
    "--from-run",
    "run",
    metavar="RUN",
    help="Describe what a run did instead: its id, its beginning or its end, a path, or 'last'.",
)
@click.option("--store", metavar="FOLDER", help="Where the records are.  [default: prov]")
@click.option("-o", "--output", metavar="FILE", help="Where to.  [default: standard output]")
def draft(
    targets: tuple[str, ...], *, run: str | None, store: str | None, output: str | None
) -> None:
    """Write a first definition of what is installed, or of what a run did.

    TARGET is package.module:Qual.name; its module is imported. Comments stand where a person
    must decide.
    """
    if bool(targets) == (run is not None):
        raise click.UsageError("name targets, or a run with --from-run")
    if run is None:
        from provagent.tools.draft.signature import draft_targets

        text = draft_targets(targets).text()
    else:
        from provagent.reading.store.runs import read_run
        from provagent.tools.draft.recorded import draft_run

        text = draft_run(read_run(store, run)).text()
    if output is None:
        echo_lines(text)
        return
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise DraftError(f"{output}: it is there already; a draft overwrites nothing") from error
    except OSError as error:
        raise DraftError(f"{output}: cannot be written: {error.strerror}") from error
