"""The verb check."""

from __future__ import annotations

import click

from provagent.definition.parse import read_definition


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...]) -> None:
    """Tell every problem of a definition.

    Exits with 1 when there is one.
    """
    problems = [problem for file in files for problem in read_definition(file).problems]
    for problem in problems:
        click.echo(str(problem))
    ctx.exit(1 if problems else 0)
