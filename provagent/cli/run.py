"""The verb run."""

from __future__ import annotations

from typing import Any

import click

from provagent.isolation.audit_hook import heard
from provagent.recording.launch import become
from provagent.settings.table import read_settings, require, warn, words_of

_SELECT = ("-m", "-c")


class _Program(click.Command):
    """Options up to the program; what stands after it is the program's own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, program = self._split(args)
        ctx.obj = (program[1:], True) if program[:1] == ["--"] else (program, False)
        if not ctx.obj[0] and not ({"--help", "-h"} & set(own)):
            raise click.UsageError("name a script, -m module, -c code, or -- command", ctx)
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


@click.command(cls=_Program)
@click.option("--store", metavar="FOLDER", help="Where the records go.  [default: prov]")
@click.option(
    "--definition",
    "definitions",
    metavar="FILE",
    multiple=True,
    help="A definition to use, beside those that are found; may be repeated.",
)
@click.option(
    "--target",
    "targets",
    metavar="TARGET",
    multiple=True,
    help="A target to weave: package.module:Qual.name; may be repeated.",
)
@click.option(
    "--exclude",
    metavar="TARGET",
    multiple=True,
    help="A target that is not woven; may be repeated.",
)
@click.option(
    "--level",
    metavar="[TARGET=]LEVEL",
    multiple=True,
    help="How much of a call is recorded: off, call, parameters, entities or members; for all, "
    "or for a target; may be repeated.",
)
@click.option(
    "--max-calls",
    metavar="[TARGET=]NUMBER",
    multiple=True,
    help="How many calls of a target are recorded; the others are counted; may be repeated.",
)
@click.option(
    "--no-files",
    "files",
    flag_value=False,
    default=None,
    help="Record none of the files that are opened, but those that are declared.",
)
@click.option(
    "--no-code",
    "code",
    flag_value=False,
    default=None,
    help="Keep no code: script, modules of your own, cells of a notebook.",
)
@click.option("--parent", metavar="IRI", help="The job or activity that the run is a part of.")
@click.option("--sink", type=click.Choice(words_of("sink")), help="Where events are written to.")
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Run a program and record it.

    The program is what python would run: its arguments, exit code, signals and output are
    its own.
    """
    program, is_command = ctx.obj
    given = {name: value for name, value in options.items() if value not in (None, ())}
    settings = require(read_settings(arguments=given))
    for name, line in settings.untrusted.items():
        if name in settings.given:  # the program is given a value, and has nothing to say of it
            warn(line)
    heard(become, program, settings, is_command=is_command)
