"""The verb of other people's documents: validate."""

from __future__ import annotations

from typing import Any

import click

from provagent.contract.errors import DocumentError
from provagent.reading.export.foreign_documents import FORMATS, MAX_BYTES
from provagent.reading.view.terminal import echo, echo_json


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="The format. [default: as it looks]"
)
@click.option(
    "--max-bytes", default=MAX_BYTES, show_default=True, help="Larger files are not read."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def validate(
    ctx: click.Context,
    files: tuple[str, ...],
    *,
    format_: str | None,
    max_bytes: int,
    as_json: bool,
) -> None:
    """Tell whether documents of W3C PROV, of any origin, can be true.

    Holds their statements against PROV-CONSTRAINTS: uniqueness, order of events, types and
    what is impossible. Exits with 1 when a document breaks one, or cannot be read; warnings
    do not count.
    """
    from provagent.reading.export.validate import validate_file

    told: list[dict[str, Any]] = []
    for file in files:
        try:
            found = validate_file(file, syntax=format_, max_bytes=max_bytes)
        except DocumentError as error:
            told.append({"file": file, "valid": False, "error": str(error)})
        else:
            told.append(found.data())
    if as_json:
        echo_json(told)
    else:
        for one in told:
            for line in _lines(one):
                echo(line)
    ctx.exit(0 if all(one["valid"] for one in told) else 1)


def _lines(one: dict[str, Any]) -> list[str]:
    if "error" in one:
        return [one["error"]]
    lines = []
    for found in one["violations"]:
        kind = "warning: " if found["is_warning"] else ""
        bundle = f"{found['bundle']}: " if found["bundle"] else ""
        lines.append(f"{one['file']}: {kind}{bundle}{found['what']} ({found['constraint']})")
    word = "valid" if one["valid"] else "not valid"
    return [*lines, f"{one['file']}: {word}, {one['statements']} statements"]
