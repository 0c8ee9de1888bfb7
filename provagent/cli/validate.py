"""The verb validate, for PROV documents of any tool."""

from __future__ import annotations

from typing import Any

import click

from provagent.cli.options import json_option
from provagent.contract.errors import DocumentError
from provagent.reading.export.foreign_documents import FORMATS, MAX_BYTES
from provagent.reading.view.terminal import echo, echo_json


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="Format (default: by the content)."
)
@click.option("--max-bytes", default=MAX_BYTES, show_default=True, help="Maximum size of a file.")
@json_option
@click.pass_context
def validate(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    format_: str | None,
    max_bytes: int,
    as_json: bool,
) -> None:
    """Check PROV documents of any tool against the W3C constraints.

    Checks uniqueness, the order of events, types and impossible statements (PROV-CONSTRAINTS).
    Exits with 1 if a document violates a constraint or cannot be read. Warnings do not count.
    """
    from provagent.reading.export.validate import validate_file

    results: list[dict[str, Any]] = []
    for file in files:
        try:
            found = validate_file(file, syntax=format_, max_bytes=max_bytes)
        except DocumentError as error:
            results.append({"file": file, "valid": False, "error": str(error)})
        else:
            results.append(found.data())
    if as_json:
        echo_json(results)
    else:
        for one in results:
            for line in _lines(one):
                echo(line)
    ctx.exit(0 if all(one["valid"] for one in results) else 1)


def _lines(one: dict[str, Any]) -> list[str]:
    if "error" in one:
        return [one["error"]]
    lines = []
    for found in one["violations"]:
        kind = "warning: " if found["is_warning"] else ""
        bundle = f"{found['bundle']}: " if found["bundle"] else ""
        lines.append(f"{one['file']}: {kind}{bundle}{found['what']} ({found['constraint']})")
    word = "valid" if one["valid"] else "not valid"
    count = one["statements"]
    statements = f"{count} statement" if count == 1 else f"{count} statements"
    return [*lines, f"{one['file']}: {word}, {statements}"]
