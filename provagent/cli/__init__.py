"""The command line: verbs, and no logic."""

from __future__ import annotations

import sys
from typing import Any

import click

from provagent import __version__
from provagent.cli.ask import diff, find, impact, index, verify, why
from provagent.cli.check import check, schema
from provagent.cli.doctor import doctor
from provagent.cli.draft import draft
from provagent.cli.import_ import import_files
from provagent.cli.keep import compact, gc, store_group
from provagent.cli.link import link
from provagent.cli.read import embed, export_run, runs, show, stats, timeline_of
from provagent.cli.redact import redact
from provagent.cli.rerun import rerun
from provagent.cli.run import run
from provagent.cli.validate import validate
from provagent.errors import ProvagentError
from provagent.settings import tell


class Verbs(click.Group):
    """The verbs in the order in which they are needed; our errors are one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's  # noqa: ARG002 - click's
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ProvagentError as error:
            for line in str(error).splitlines():
                tell(line)
            sys.exit(getattr(error, "exit_code", 1))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provagent")
def main() -> None:
    """Record the provenance of an unchanged Python program, and read it."""


for verb in (
    run,
    show,
    runs,
    stats,
    timeline_of,
    why,
    impact,
    find,
    diff,
    verify,
    rerun,
    export_run,
    link,
    embed,
    import_files,
    validate,
    doctor,
    check,
    draft,
    schema,
    index,
    redact,
    compact,
    gc,
    store_group,
):
    main.add_command(verb)
