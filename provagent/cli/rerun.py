"""The verb rerun."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from provagent.cli.progress import progress
from provagent.contract.errors import StoreError
from provagent.reading.view.terminal import ask_secret, echo_json, echo_lines
from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.reading.store.compare import Difference
    from provagent.tools.rerun.plan import Plan


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--yes", "is_meant", is_flag=True, help="Do it, in a new folder, and tell the diff.")
@click.option("--in", "folder", metavar="FOLDER", help="Where.  [default: a new one beside]")
@click.option("--anyway", is_flag=True, help="Whatever stands against it: inputs that changed.")
@click.option(
    "--secrets", metavar="FILE", help="What was redacted in the command, one a line; - is stdin."
)
@click.option("--store", metavar="FOLDER", help="Where the records are.  [default: prov]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def rerun(
    ctx: click.Context,
    run: str,
    *,
    is_meant: bool,
    folder: str | None,
    anyway: bool,
    secrets: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Tell what would repeat a run, for a shell; with --yes, repeat it.

    RUN is a run's id, its beginning or its end, or 'last'. It is repeated in a new folder, to
    which its script, its inputs and its code are copied; nothing is written to its own. Output
    and exit code are the program's; then the diff of the two runs is told on stderr.
    """
    from provagent.reading.store.api import open_store
    from provagent.tools.rerun.plan import plan_rerun

    opened = open_store(store)
    provenance = opened.read(run)
    with progress("reading records") as show, opened.index(show) as index:
        plan = plan_rerun(provenance, index, folder)
    if not is_meant:
        from provagent.tools.rerun.text import plan_text

        if as_json:
            echo_json(plan.data())
        else:
            echo_lines(plan_text(plan, is_forced=anyway))
        return
    if plan.against and not anyway:
        raise StoreError(*plan.against, "rerun: --anyway repeats it all the same")
    for what in (*plan.against, *plan.notes):
        warn(what)
    _perform(ctx, plan, opened.path, _given(plan, secrets), as_json=as_json)


def _perform(
    ctx: click.Context, plan: Plan, store: str, secrets: list[str], *, as_json: bool
) -> None:
    from provagent.reading.store.compare import compare_runs
    from provagent.reading.store.runs import read_run
    from provagent.tools.rerun.perform import perform
    from provagent.tools.rerun.text import execution_text

    for line in execution_text(plan):
        warn(line)
    run_id, code = perform(plan, secrets, stdout=sys.stderr.fileno() if as_json else None)
    try:
        found = compare_runs(read_run(store, plan.run), read_run(plan.store, run_id))
    except StoreError as error:
        warn(f"the rerun left no record, so nothing can be compared: {error}")
        ctx.exit(code or 1)
    if as_json:
        done = {"run": run_id, "store": plan.store, "exit_code": code, "difference": found.data()}
        echo_json(plan.data() | {"rerun": done})
    else:
        _tell(found)
    ctx.exit(code)


def _tell(found: Difference) -> None:
    from provagent.reading.view.console import Console
    from provagent.reading.view.differences import render_difference

    render_difference(found, Console(soft_wrap=True, stderr=True))


def _given(plan: Plan, file: str | None) -> list[str]:
    """Return the secrets of the commands: of a file, or as a person types them, unseen."""
    if not plan.secrets:
        return []
    if file is None and sys.stdin.isatty():
        words = [word for command in plan.commands for word in command if "***" in word]
        told = [word for word in words for _ in range(word.count("***"))]
        return [ask_secret(f"*** of {word}") for word in told]
    if file is None:
        raise StoreError(
            f"{plan.secrets} secrets of the command are not in the record (***); "
            "give them with --secrets FILE, one a line"
        )
    lines = _lines_of(0 if file == "-" else os.open(file, os.O_RDONLY), plan.secrets)
    if len(lines) < plan.secrets:
        raise StoreError(f"{file}: {len(lines)} lines; {plan.secrets} secrets are needed")
    return lines


def _lines_of(descriptor: int, count: int) -> list[str]:
    """Read so many lines and no byte more: what follows is the program's."""
    lines: list[bytes] = [b""]
    while len(lines) <= count and (byte := os.read(descriptor, 1)):
        if byte == b"\n":
            lines.append(b"")
        else:
            lines[-1] += byte
    return [line.decode() for line in lines if line][:count]
