"""The verb draft."""

from __future__ import annotations

import click

from provagent.cli.options import store_option
from provagent.contract.errors import DraftError
from provagent.contract.file_errors import cause_and_remedy
from provagent.reading.view.terminal import echo_lines


@click.command()
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option(
    "--from-run",
    "run",
    metavar="RUN",
    help="Use the calls of a recorded run: its id (or its first or last characters), or 'last'.",
)
@store_option
@click.option("-o", "--output", metavar="FILE", help="File to write (default: standard output).")
def draft(
    targets: tuple[str, ...], *, run: str | None, store: str | None, output: str | None
) -> None:
    """Write a first definition for given code, or from a run.

    TARGET: package.module:Class.method; its module is imported. Comments in the definition
    mark the lines that you must check.
    """
    if bool(targets) == (run is not None):
        raise click.UsageError("give TARGETs, or a run with --from-run")
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
        raise DraftError(
            f"{output}: the file exists; choose another name or remove the file"
        ) from error
    except OSError as error:
        raise DraftError(f"{output}: cannot be written: {cause_and_remedy(error)}") from error
