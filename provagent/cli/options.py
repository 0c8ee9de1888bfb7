"""Options and help texts that several verbs share, and the old names of renamed options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.parser import _OptionParser

RUN_HELP = (
    "RUN: the id of a run (or its first or last characters), 'last', or the path of a record."
)
LAST_RUN_HELP = f"{RUN_HELP[:-1]} (default last)."
WHAT_HELP = (
    "WHAT: a file (path or name), a digest (or its first characters), or an identifier (or its "
    "last characters)."
)
FORCE_HELP = "Include unfinished runs that may still be written on other machines."

store_option = click.option(
    "--store", metavar="FOLDER",
    help="Folder of the records (default PROVAGENT_STORE, else prov).",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
namespace_option = click.option(
    "--namespace", metavar="IRI", help="Base IRI for identifiers (default urn:provagent:)."
)


class RenamedOption(click.Option):
    """An option whose old name still works for one release, without being in the help."""

    def __init__(self, *arguments: Any, old: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.old = old

    def add_to_parser(self, parser: _OptionParser, ctx: click.Context) -> None:
        names = self.opts
        self.opts = [*names, self.old]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = names
