"""The verb run."""

from __future__ import annotations

from typing import Any

import click

from provagent.cli.options import store_option
from provagent.isolation.audit_hook import heard
from provagent.recording.launch import become
from provagent.settings.table import read_settings, require, warn, words_of

_SELECT = ("-m", "-c")


class _Program(click.Command):
    """Parses options up to the program. Words after it belong to the program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, program = self._split(args)
        ctx.obj = (program[1:], True) if program[:1] == ["--"] else (program, False)
        if not ctx.obj[0] and not ({"--help", "-h"} & set(own)):
            raise click.UsageError("give a script, -m MODULE, -c CODE, or -- COMMAND", ctx)
        return super().parse_args(ctx, own)

    def _split(self, args: list[str]) -> tuple[list[str], list[str]]:
        options = [param for param in self.params if isinstance(param, click.Option)]
        valued = {name for option in options if not option.is_flag for name in option.opts}
        position = 0
        while position < len(args):
            word = args[position]
            if word == "--" or not word.startswith("-") or word[:2] in _SELECT or word == "-":
                break
            position += 2 if word in valued else 1
        return args[:position], args[position:]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(
            ctx.command_path, "[OPTIONS] (SCRIPT | -m MODULE | -c CODE | -- COMMAND) [ARGUMENTS]"
        )


def _warn_of_dots(targets: tuple[str, ...]) -> None:
    """Warn of targets that have a dot in the place of the colon."""
    from provagent.tools.installed_modules import target_with_colon

    for target in targets:
        meant = target_with_colon(target)
        if meant:
            warn(f'--target {target}: no module {target}; did you mean "{meant}"?')


@click.command(cls=_Program)
@store_option
@click.option(
    "--definition",
    "definitions",
    metavar="FILE",
    multiple=True,
    help="Definition to use in addition to those found automatically; may be repeated.",
)
@click.option(
    "--target",
    "targets",
    metavar="TARGET",
    multiple=True,
    help="Function or class to record: package.module:Class.method; may be repeated.",
)
@click.option(
    "--exclude",
    metavar="TARGET",
    multiple=True,
    help="Function or class not to record; may be repeated.",
)
@click.option(
    "--level",
    metavar="[TARGET=]LEVEL",
    multiple=True,
    help="Detail of recorded calls, of all targets or of one: off, call, parameters, entities or "
    "members; may be repeated.",
)
@click.option(
    "--max-calls",
    metavar="[TARGET=]NUMBER",
    multiple=True,
    help="Maximum number of recorded calls of a target (default 10 000; 0: no limit); further "
    "calls are only counted; may be repeated.",
)
@click.option(
    "--no-files",
    "files",
    flag_value=False,
    default=None,
    help="Record only files that a definition declares.",
)
@click.option(
    "--no-code",
    "code",
    flag_value=False,
    default=None,
    help="Do not record source code (script, own modules, notebook cells).",
)
@click.option("--parent", metavar="IRI", help="Job or activity that the run belongs to.")
@click.option(
    "--sink",
    type=click.Choice(words_of("sink")),
    help="Destination of the record: a shard in the store, the logging module, or both.",
)
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Run a program and record its provenance.

    Write the program as you would after 'python'. Arguments, output, signals and exit code are
    unchanged.
    """
    program, is_command = ctx.obj
    given = {name: value for name, value in options.items() if value not in (None, ())}
    settings = require(read_settings(arguments=given))
    for name, line in settings.untrusted.items():
        # The program receives the given value, so it does not report the ignored value itself.
        if name in settings.given:
            warn(line)
    if options.get("targets"):
        _warn_of_dots(options["targets"])
    heard(become, program, settings, is_command=is_command)
