"""The command line: verbs, and no logic."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from provagent import __version__
from provagent.errors import BrokenIndexError, ProvagentError
from provagent.settings import tell

# In the order in which they are needed; each is loaded when it is asked for.
VERBS = {
    "run": "run:run",
    "show": "read:show",
    "runs": "read:runs",
    "stats": "read:stats",
    "timeline": "read:timeline_of",
    "why": "ask:why",
    "impact": "ask:impact",
    "find": "ask:find",
    "diff": "ask:diff",
    "verify": "ask:verify",
    "sql": "ask:sql",
    "rerun": "rerun:rerun",
    "export": "read:export_run",
    "link": "link:link",
    "embed": "read:embed",
    "import": "import_:import_files",
    "validate": "validate:validate",
    "doctor": "doctor:doctor",
    "check": "check:check",
    "draft": "draft:draft",
    "schema": "check:schema",
    "index": "ask:index",
    "redact": "redact:redact",
    "compact": "keep:compact",
    "gc": "keep:gc",
    "store": "keep:store_group",
}


class Verbs(click.Group):
    """The verbs; our errors are one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in VERBS:
            return None
        module, _, verb = VERBS[name].partition(":")
        command: click.Command = getattr(import_module(f"provagent.cli.{module}"), verb)
        return command

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            return super().main(*args, **options)
        except BrokenIndexError as error:
            tell(f"{error}; it is made again from the records")
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenIndexError:
            raise
        except ProvagentError as error:
            for line in str(error).splitlines():
                tell(line)
            sys.exit(getattr(error, "exit_code", 1))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provagent")
def main() -> None:
    """Record the provenance of an unchanged Python program, and read it."""
