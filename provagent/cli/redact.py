"""The verb redact."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from provagent.cli.progress import progress
from provagent.reading.view.terminal import ask_secret, echo, echo_json
from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.reading.store.redact import Redaction

_FIELDS_SHOWN = 100


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--pattern", "patterns", metavar="REGEX", multiple=True, help="What it looks like.")
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME",
    multiple=True,
    help="The parameter that it is the value of; what it is set to is taken out elsewhere too.",
)
@click.option("--yes", "is_meant", is_flag=True, help="Take it out; else it is only told where.")
@click.option("--anyway", is_flag=True, help="Also of runs that may be written on other machines.")
@click.option("--store", metavar="FOLDER", help="Where the records are.  [default: prov]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def redact(
    ctx: click.Context,
    texts: tuple[str, ...],
    *,
    patterns: tuple[str, ...],
    parameters: tuple[str, ...],
    is_meant: bool,
    anyway: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Take out of the records what should not have come into them.

    TEXT is what is secret; without it, it is read from standard input, one a line, so that it
    is in no shell's history. Tells where it stands, never what it is; --yes takes it out of
    records and index. Exits with 1 where something stays.
    """
    from provagent import boot
    from provagent.reading.store.location import find_store
    from provagent.reading.store.redact import find_secrets
    from provagent.reading.store.redact import redact as take_out
    from provagent.reading.store.redaction_search import SearchedSecrets

    boot.deactivate()  # the record of this would hold what is taken out
    how = [
        word
        for word, given in (("text", texts), ("pattern", patterns), ("parameter", parameters))
        if given
    ]
    if len(how) > 1:
        raise click.UsageError("say it in one way: TEXT, --pattern or --parameter")
    sought = SearchedSecrets(
        texts=list(texts) if how else _asked(), patterns=list(patterns), parameters=list(parameters)
    )
    folder = find_store(store)
    with progress("reading records") as show:
        if is_meant:
            found = take_out(folder, sought, how[0] if how else "text", show, anyway=anyway)
        else:
            found = find_secrets(folder, sought, show)
    if as_json:
        echo_json(asdict(found))
    else:
        _tell(found, is_done=is_meant)
    ctx.exit(1 if found.refused or found.left or found.kept else 0)


def _asked() -> list[str]:
    if sys.stdin.isatty():
        return [ask_secret("text")]
    texts = [line for line in sys.stdin.read().splitlines() if line]
    if not texts:
        raise click.UsageError("say what: TEXT, lines of standard input, --pattern or --parameter")
    return texts


def _tell(found: Redaction, *, is_done: bool) -> None:
    for place in found.places[:_FIELDS_SHOWN]:
        echo(f"{place.run}  {place.of}  {place.field}  {place.count}")
    if len(found.places) > _FIELDS_SHOWN:
        echo(f"and {len(found.places) - _FIELDS_SHOWN} more places: --json")
    for what, why in found.refused.items():
        warn(f"{what}: {why}")
    if found.kept:
        warn(f"{found.kept} in identifiers, digests or times, which stay")
    runs = len({place.run for place in found.places})
    where = f"{found.count} in {len(found.places)} places of {runs} runs"
    if not is_done:
        echo(f"{where}; --yes takes it out" if found.count else "nothing found")
    elif found.count:
        echo(f"{where}; {found.shards} shards written again, {found.left} left")
    else:
        echo("nothing found")
