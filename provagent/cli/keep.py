"""The verbs that maintain a store: compact, gc, store merge."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provagent.cli.options import FORCE_HELP, RenamedOption, json_option, store_option
from provagent.cli.progress import progress
from provagent.reading.store.location import find_store
from provagent.reading.view.terminal import echo, echo_json
from provagent.settings.table import read_settings, warn

if TYPE_CHECKING:
    from datetime import timedelta

_SHOWN = 50


class _Age(click.ParamType["timedelta"]):
    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from provagent.reading.store.query_times import duration

        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--older-than", type=_Age(), default="30d", show_default=True, metavar="AGE",
    help="Minimum age of a run: 12h, 30d, 2w. Not applied to named runs.",
)  # fmt: skip
@click.option("--force", "force", cls=RenamedOption, old="--anyway", is_flag=True, help=FORCE_HELP)
@store_option
@json_option
@click.pass_context
def compact(
    ctx: click.Context,
    runs: tuple[str, ...],
    *,
    older_than: timedelta,
    force: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Compress the records of old runs (zstd).

    RUN: a run to compress (default: all old runs). All verbs read compressed records. Each
    file is compared with its original before the original is removed. Unfinished runs are
    skipped. Exits with 1 if a run could not be compressed.
    """
    from provagent.reading.store.pack import pack
    from provagent.reading.view.stats import size_text

    folder = find_store(store)
    with progress("compressing") as show:
        done = pack(folder, runs, older_than=older_than, force=force, progress=show)
    if as_json:
        echo_json(asdict(done))
    else:
        _refused(done.refused)
        sizes = f": {size_text(done.before)} -> {size_text(done.after)}" if done.shards else ""
        echo(f"compressed {_count(done.shards, 'file')} of {_count(len(done.runs), 'run')}{sizes}")
    ctx.exit(1 if done.refused else 0)


@click.command()
@click.option("--older-than", type=_Age(), metavar="AGE", help="Minimum age: 12h, 30d, 2w.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Always keep the newest N runs.")
@click.option(
    "--include-used", "used_too", cls=RenamedOption, old="--used-too", is_flag=True,
    help="Also remove runs whose output a kept run has read.",
)  # fmt: skip
@click.option("--force", "force", cls=RenamedOption, old="--anyway", is_flag=True, help=FORCE_HELP)
@click.option(
    "--yes", "is_confirmed", is_flag=True, help="Remove the runs (default: only list them)."
)
@store_option
@json_option
def gc(
    *,
    older_than: timedelta | None,
    keep: int | None,
    used_too: bool,
    force: bool,
    is_confirmed: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Remove the records of old runs.

    Without --yes, only list these runs.

    If a kept run has read the output of another run, the other run is kept too, and so on, so
    that each kept run can be traced to its sources. --include-used removes these runs as well.
    """
    from datetime import timedelta

    from provagent.reading.store.removal import collect, collectable
    from provagent.reading.view.stats import size_text

    if older_than is None and keep is None:
        raise click.UsageError("give --older-than AGE, --keep N, or both")
    folder = find_store(store)
    found = collectable(
        folder, older_than=older_than or timedelta(0), keep=keep or 0, used_too=used_too,
        force=force,
    )  # fmt: skip
    if is_confirmed:
        collect(folder, found)
    if as_json:
        echo_json(asdict(found) | {"removed": is_confirmed})
        return
    for name in found.runs[:_SHOWN]:
        echo(name)
    if len(found.runs) > _SHOWN:
        echo(f"and {len(found.runs) - _SHOWN} more (--json lists all)")
    _refused(found.refused)
    if found.needed:
        echo(
            f"{_count(len(found.needed), 'old run')} kept because a kept run has read their "
            "output (--include-used removes them)"
        )
    runs = f"{_count(len(found.runs), 'run')}, {size_text(found.bytes)}"
    if is_confirmed:
        echo(f"removed {runs}")
    else:
        echo(f"{runs} to remove" + ("; run again with --yes" if found.runs else ""))


@click.group(name="store")
def store_group() -> None:
    """Merge stores (see provagent store merge --help)."""


@store_group.command(name="merge")
@click.argument("other")
@store_option
@json_option
@click.pass_context
def merge_store(ctx: click.Context, other: str, *, store: str | None, as_json: bool) -> None:
    """Copy the runs of another store into this store.

    OTHER: the folder of the other store, for example of another machine. No file is
    overwritten. Runs that both stores contain are copied once; a partial run is completed.
    Exits with 1 if a file has different contents in the two stores.
    """
    from provagent.reading.store.merge import merge
    from provagent.reading.view.stats import size_text

    with progress("reading runs") as show:
        done = merge(store or read_settings().store, other, show)
    if as_json:
        echo_json(asdict(done))
    else:
        _refused(done.refused)
        echo(
            f"{_count(len(done.new), 'run')} copied, {len(done.grown)} completed, "
            f"{len(done.known)} already present; {size_text(done.bytes)} read"
        )
    ctx.exit(1 if done.refused else 0)


def _refused(refused: dict[str, str]) -> None:
    for what, why in refused.items():
        warn(f"{what}: {why}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
