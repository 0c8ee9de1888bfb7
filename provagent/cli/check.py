"""The verbs of definitions: check, schema."""

from __future__ import annotations

import click

from provagent.cli.options import json_option
from provagent.reading.view.terminal import echo, echo_json
from provagent.tools.check import Checked, check_definition


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--import",
    "with_import",
    is_flag=True,
    help="Compare with the installed packages as well (imports the modules of the targets).",
)
@json_option
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], *, with_import: bool, as_json: bool) -> None:
    """Check definitions, and report each error with its line.

    Exits with 1 if there is an error. Warnings do not count.
    """
    checked = [check_definition(file, with_import=with_import) for file in files]
    if as_json:
        echo_json([one.data() for one in checked])
    else:
        for one in checked:
            for problem in (*one.problems, *one.warnings):
                echo(problem)
            if not one.problems:
                echo(_summary(one, with_import=with_import))
    ctx.exit(1 if any(one.problems for one in checked) else 0)


def _summary(checked: Checked, *, with_import: bool) -> str:
    """Return the content of a definition without errors, in one line."""
    targets, activities = checked.counts["targets"], checked.counts["activities"]
    counts = f"targets: {targets}, activities: {activities}"
    hint = "" if with_import else "; not compared with the installed packages (--import does)"
    return f"{checked.file}: no errors ({counts}){hint}"


@click.command()
def schema() -> None:
    """Print the JSON Schema of definitions, for editors."""
    from provagent.definition.schema import definition_schema

    echo_json(definition_schema())
