"""The verbs that keep a store: compact, store merge."""

from __future__ import annotations

import json
import re

import click

from provagent.store.runs import find_store

_SECONDS = {"s": 1, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}


class _Age(click.ParamType[float]):
    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([shdwy])", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no age; write a number and s, h, d, w or y: 30d", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--older-than",
    type=_Age(),
    metavar="AGE",
    default="30d",
    show_default=True,
    help="Runs that were last written so long ago: 12h, 30d, 8w, 1y.",
)
@click.option("--all", "is_all", is_flag=True, help="All runs that ended, however old.")
@click.option("--dry-run", is_flag=True, help="Tell what would be packed, and change nothing.")
@click.option(
    "--store",
    metavar="FOLDER",
    help="Where the records are. [default: PROVAGENT_STORE, else prov]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def compact(
    runs: tuple[str, ...],
    *,
    older_than: float,
    is_all: bool,
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Pack the records of old runs by zstd; every answer stays the same.

    RUN is a run's id, its beginning or its end, a path, or 'last': only these, however old.
    A run that is still written is never packed. What is packed is compared with the record,
    byte by byte, before that is removed.
    """
    from provagent.cli.ask import progress_of
    from provagent.store.compact import compact as do

    done = do(
        find_store(store),
        runs,
        older_than=0 if is_all else older_than,
        is_dry=dry_run,
        progress=progress_of("packing records"),
    )
    if as_json:
        click.echo(json.dumps(done.data(), indent=2, ensure_ascii=False))
        return
    for run, why in done.left.items():
        click.echo(f"{run}: not packed: {why}")
    shards, before, after = (
        sum(getattr(one, key) for one in done.packed) for key in ("shards", "before", "after")
    )
    would, became = ("would be packed", "") if dry_run else ("packed", f", now {after}")
    click.echo(f"{len(done.packed)} runs {would}: {shards} shards of {before} bytes{became}")


@click.group()
def store() -> None:
    """Keep a store: merge."""


@store.command()
@click.argument("other")
@click.option(
    "--store", "folder", metavar="FOLDER", help="Into which. [default: PROVAGENT_STORE, else prov]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def merge(ctx: click.Context, other: str, *, folder: str | None, as_json: bool) -> None:
    """Take the runs of the store OTHER into this one, which is made where it is not there.

    OTHER is a folder, another machine's as a rule; it is only read. A run that is here is
    completed where it grew, and never overwritten: one whose shards have other content here
    is left out, and told. Exits with 1 then.
    """
    from provagent.settings import read_settings
    from provagent.store.merge import merge as do

    done = do(folder or read_settings().store, other)
    if as_json:
        click.echo(json.dumps(done.data(), indent=2, ensure_ascii=False))
    else:
        for run, why in done.refused.items():
            click.echo(f"{run}: not taken: {why}")
        new, completed, same = len(done.new), len(done.completed), len(done.same)
        click.echo(f"{new} runs are new, {completed} completed, {same} the same")
    ctx.exit(1 if done.refused else 0)
