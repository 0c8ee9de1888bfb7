"""The verbs of definitions: check, schema."""

from __future__ import annotations

import click

from provagent.reading.view.terminal import echo, echo_json
from provagent.tools.check import check_definition


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--import",
    "with_import",
    is_flag=True,
    help="Compare with what is installed, too; imports the modules that targets name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], *, with_import: bool, as_json: bool) -> None:
    """Tell every problem of a definition.

    Exits with 1 when there is one; warnings, of what is passed over, do not count.
    """
    checked = [check_definition(file, with_import=with_import) for file in files]
    if as_json:
        echo_json([one.data() for one in checked])
    else:
        for one in checked:
            for problem in (*one.problems, *one.warnings):
                echo(problem)
    ctx.exit(1 if any(one.problems for one in checked) else 0)


@click.command()
def schema() -> None:
    """Print the JSON Schema of definitions, for editors."""
    from provagent.definition.schema import definition_schema

    echo_json(definition_schema())
