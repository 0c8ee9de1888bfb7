"""The command line: only the verbs, without logic."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from provagent.cli import guard
from provagent.contract.errors import BrokenIndexError
from provagent.contract.version import __version__
from provagent.isolation.audit_hook import unheard
from provagent.settings.table import warn

# By the titles of --help. The module of a verb is imported only when the verb is used.
GROUPS = {
    "Record a program": {
        "run": "run:run",
        "rerun": "rerun:rerun",
        "doctor": "doctor:doctor",
    },
    "Look at runs": {
        "show": "read:show",
        "runs": "read:runs",
        "stats": "read:stats",
        "timeline": "read:timeline_of",
        "diff": "ask:diff",
    },
    "Ask across runs": {
        "why": "ask:why",
        "impact": "ask:impact",
        "find": "ask:find",
        "verify": "ask:verify",
        "sql": "ask:sql",
    },
    "Exchange provenance": {
        "export": "read:export_run",
        "embed": "read:embed",
        "import": "import_:import_files",
        "link": "link:link",
        "validate": "validate:validate",
    },
    "Write definitions": {
        "draft": "draft:draft",
        "check": "check:check",
        "schema": "check:schema",
    },
    "Maintain the store": {
        "index": "ask:index",
        "compact": "keep:compact",
        "gc": "keep:gc",
        "redact": "redact:redact",
        "store": "keep:store_group",
    },
}
VERBS = {verb: place for verbs in GROUPS.values() for verb, place in verbs.items()}


class Verbs(click.Group):
    """The verbs, in groups. The guard reports each error of a verb in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in VERBS:
            return None
        module, _, verb = VERBS[name].partition(":")
        command: click.Command = getattr(import_module(f"provagent.cli.{module}"), verb)
        return guard.with_debug(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb. For a script in its place, suggest ``run``."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = get_close_matches(name, VERBS, n=1)
            if os.path.exists(name) or name.endswith(".py"):
                hint = f'did you mean "provagent run {name}"?'
            else:
                hint = f'did you mean "{close[0]}"?' if close else "see provagent --help"
            raise click.UsageError(f'no verb "{name}"; {hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group: each verb with the first line of its help."""
        width = max(map(len, VERBS))
        limit = formatter.width - 6 - width
        for title, verbs in GROUPS.items():
            commands = ((verb, self.get_command(ctx, verb)) for verb in verbs)
            rows = [
                (verb.ljust(width), command.get_short_help_str(limit))
                for verb, command in commands
                if command is not None
            ]
            with formatter.section(title):
                formatter.write_dl(rows)

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a verb, and exit with its code. ``standalone_mode`` is an option of click.

        Files that the verb opens are not recorded as files of the calling program.
        """
        run: Callable[..., Any] = unheard(super().main)
        if not standalone_mode:
            return run(*args, standalone_mode=False, **options)

        def once_more() -> Any:
            try:
                return run(*args, standalone_mode=False, **options)
            except BrokenIndexError as error:
                warn(f"{error}; the index is rebuilt from the records")
                return run(*args, standalone_mode=False, **options)

        return guard.exit_with(once_more)

    def invoke(self, ctx: click.Context) -> Any:
        with guard.closed_pipe():
            return super().invoke(ctx)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provagent")
@guard.debug_option()
def main() -> None:
    """Record the provenance of unchanged Python programs, and query the records.

    \b
      provagent run analysis.py      run a script and record it
      provagent show                 show the last run
      provagent why result.fits      show how a file was made

    Run 'provagent VERB --help' for the options of a verb.
    """  # noqa: D301 - click reads the escape
