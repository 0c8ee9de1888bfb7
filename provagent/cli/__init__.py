"""The command line: verbs, and no logic."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from provagent.cli import guard
from provagent.contract.errors import BrokenIndexError
from provagent.contract.version import __version__
from provagent.isolation.audit_hook import unheard
from provagent.settings.table import warn

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
    """The verbs; whatever goes wrong in one is told by the guard."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in VERBS:
            return None
        module, _, verb = VERBS[name].partition(":")
        command: click.Command = getattr(import_module(f"provagent.cli.{module}"), verb)
        return guard.with_debug(command)

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a verb, and exit with its code; ``standalone_mode`` is click's.

        A program that calls it has not done itself what the verb does.
        """
        run: Callable[..., Any] = unheard(super().main)
        if not standalone_mode:
            return run(*args, standalone_mode=False, **options)

        def once_more() -> Any:
            try:
                return run(*args, standalone_mode=False, **options)
            except BrokenIndexError as error:
                warn(f"{error}; it is made again from the records")
                return run(*args, standalone_mode=False, **options)

        return guard.exit_with(once_more)

    def invoke(self, ctx: click.Context) -> Any:
        with guard.closed_pipe():
            return super().invoke(ctx)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provagent")
@guard.debug_option()
def main() -> None:
    """Record the provenance of an unchanged Python program, and read it."""
