"""The verb rerun."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from provagent.cli.options import RenamedOption, json_option, store_option
from provagent.cli.progress import progress
from provagent.contract.errors import StoreError
from provagent.reading.view.terminal import ask_secret, echo_json, echo_lines
from provagent.settings.table import warn

if TYPE_CHECKING:
    from provagent.reading.store.compare import Difference
    from provagent.tools.rerun.plan import Plan


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--yes", "is_confirmed", is_flag=True, help="Repeat the run, and show the differences."
)
@click.option(
    "--folder", cls=RenamedOption, old="--in", metavar="FOLDER",
    help="Folder to run in (default: a new folder beside the folder of the run).",
)  # fmt: skip
@click.option(
    "--force", "force", cls=RenamedOption, old="--anyway", is_flag=True,
    help="Rerun even if an input changed or is missing, or the run wrote outside its folder.",
)  # fmt: skip
@click.option(
    "--secrets",
    metavar="FILE",
    help="File with the secrets of the command, in order, one per line (-: standard input).",
)
@store_option
@json_option
@click.pass_context
def rerun(
    ctx: click.Context,
    run: str,
    *,
    is_confirmed: bool,
    folder: str | None,
    force: bool,
    secrets: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Repeat a run in a new folder, and show the differences.

    Without --yes, print the shell commands that repeat the run.

    RUN: the id of a run (or its first or last characters), or 'last'. Script, inputs and code
    are copied to a new folder; the folder of the run is not changed. Output and exit code are
    those of the program. The differences between the two runs are printed on standard error.
    """
    from provagent.reading.store.api import open_store
    from provagent.tools.rerun.plan import plan_rerun

    opened = open_store(store)
    provenance = opened.read(run)
    with progress("reading records") as show, opened.index(show) as index:
        plan = plan_rerun(provenance, index, folder)
    if not is_confirmed:
        from provagent.tools.rerun.text import plan_text

        if as_json:
            echo_json(plan.data())
        else:
            echo_lines(plan_text(plan, is_forced=force))
        return
    if plan.against and not force:
        raise StoreError(*plan.against, "rerun: use --force to repeat the run nevertheless")
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
        warn(f"the new run has no record to compare: {error}")
        ctx.exit(code or 1)
    if as_json:
        done = {"run": run_id, "store": plan.store, "exit_code": code, "difference": found.data()}
        echo_json(plan.data() | {"rerun": done})
    else:
        _print_difference(found)
    ctx.exit(code)


def _print_difference(found: Difference) -> None:
    from provagent.reading.view.console import Console
    from provagent.reading.view.differences import render_difference

    render_difference(found, Console(soft_wrap=True, stderr=True))


def _given(plan: Plan, file: str | None) -> list[str]:
    """Return the secrets of the commands, from a file, or typed invisibly by a person."""
    if not plan.secrets:
        return []
    if file is None and sys.stdin.isatty():
        words = [word for command in plan.commands for word in command if "***" in word]
        masked = [word for word in words for _ in range(word.count("***"))]
        return [ask_secret(f"value of *** in {word}") for word in masked]
    if file is None:
        raise StoreError(
            f"{plan.secrets} words of the command were redacted (***); "
            "give them with --secrets FILE, one a line"
        )
    lines = _lines_of(0 if file == "-" else os.open(file, os.O_RDONLY), plan.secrets)
    if len(lines) < plan.secrets:
        raise StoreError(
            f"{file}: {len(lines)} lines, but the command has {plan.secrets} redacted words; "
            "write one secret per line"
        )
    return lines


def _lines_of(descriptor: int, count: int) -> list[str]:
    """Read ``count`` lines and no further byte: the rest of the input belongs to the program."""
    lines: list[bytes] = [b""]
    while len(lines) <= count and (byte := os.read(descriptor, 1)):
        if byte == b"\n":
            lines.append(b"")
        else:
            lines[-1] += byte
    return [line.decode() for line in lines if line][:count]
