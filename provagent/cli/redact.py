"""The verb redact."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from provagent.cli.options import FORCE_HELP, RenamedOption, json_option, store_option
from provagent.cli.progress import progress
from provagent.reading.view.terminal import ask_secret, echo, echo_json
from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.reading.store.redact import Redaction

_FIELDS_SHOWN = 100


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--pattern", "patterns", metavar="REGEX", multiple=True, help="Remove each text that matches."
)
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME",
    multiple=True,
    help="Remove the values of this parameter, wherever they occur.",
)
@click.option(
    "--yes", "is_confirmed", is_flag=True, help="Remove (default: only list the matches)."
)
@click.option("--force", "force", cls=RenamedOption, old="--anyway", is_flag=True, help=FORCE_HELP)
@store_option
@json_option
@click.pass_context
def redact(
    ctx: click.Context,
    texts: tuple[str, ...],
    *,
    patterns: tuple[str, ...],
    parameters: tuple[str, ...],
    is_confirmed: bool,
    force: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Remove secrets from the records.

    Without --yes, only list where they occur.

    TEXT: the secret. Without TEXT, secrets are read from standard input, one a line, so that
    they are not in the history of the shell. The secret itself is never printed. Exits with 1
    if a secret remains.
    """
    from provagent import boot
    from provagent.reading.store.location import find_store
    from provagent.reading.store.redact import find_secrets
    from provagent.reading.store.redact import redact as remove_secrets
    from provagent.reading.store.redaction_search import SearchedSecrets

    boot.deactivate()  # the record of this command would contain the secrets
    how = [
        word
        for word, given in (("text", texts), ("pattern", patterns), ("parameter", parameters))
        if given
    ]
    if len(how) > 1:
        raise click.UsageError("give only one of TEXT, --pattern and --parameter")
    sought = SearchedSecrets(
        texts=list(texts) if how else _asked(), patterns=list(patterns), parameters=list(parameters)
    )
    folder = find_store(store)
    with progress("reading records") as show:
        if is_confirmed:
            found = remove_secrets(folder, sought, how[0] if how else "text", show, force=force)
        else:
            found = find_secrets(folder, sought, show)
    if as_json:
        echo_json(asdict(found))
    else:
        _print_matches(found, is_done=is_confirmed)
    ctx.exit(1 if found.refused or found.left or found.kept else 0)


def _asked() -> list[str]:
    if sys.stdin.isatty():
        return [ask_secret("text")]
    texts = [line for line in sys.stdin.read().splitlines() if line]
    if not texts:
        raise click.UsageError("give TEXT, lines on standard input, --pattern or --parameter")
    return texts


def _print_matches(found: Redaction, *, is_done: bool) -> None:
    for place in found.places[:_FIELDS_SHOWN]:
        echo(f"{place.run}  {place.of}  {place.field}  {place.count}")
    if len(found.places) > _FIELDS_SHOWN:
        echo(f"and {len(found.places) - _FIELDS_SHOWN} more places (--json lists all)")
    for what, why in found.refused.items():
        warn(f"{what}: {why}")
    if found.kept:
        warn(f"{found.kept} matches in identifiers, digests or times are not removed")
    runs = len({place.run for place in found.places})
    where = f"{found.count} matches ({len(found.places)} places, runs: {runs})"
    if not is_done:
        echo(f"{where}; run again with --yes to remove them" if found.count else "no matches")
    elif found.count:
        echo(f"removed {where}; {found.shards} files rewritten, {found.left} matches left")
    else:
        echo("no matches")
