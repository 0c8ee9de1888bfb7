"""The verbs that keep a store: compact, gc, store merge."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provagent.cli.progress import progress
from provagent.reading.store.location import find_store
from provagent.reading.view.terminal import echo, echo_json
from provagent.settings.table import read_settings, warn

if TYPE_CHECKING:
    from datetime import timedelta

_store = click.option(
    "--store", metavar="FOLDER",
    help="Where the records are. [default: PROVAGENT_STORE, else prov]",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_SHOWN = 50


class _Age(click.ParamType["timedelta"]):
    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from provagent.reading.store.run_age import length_of_time

        try:
            return length_of_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--older-than", type=_Age(), default="30d", show_default=True, metavar="AGE",
    help="Only runs that ended so long ago: 12h, 30d, 2w. Not for those that are named.",
)  # fmt: skip
@click.option("--anyway", is_flag=True, help="Also runs that may be written on other machines.")
@_store
@_json
@click.pass_context
def compact(
    ctx: click.Context,
    runs: tuple[str, ...],
    *,
    older_than: timedelta,
    anyway: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Pack the records of old runs by zstd; every answer stays what it was.

    A shard is unpacked again and compared before the plain one is removed. A run that is still
    written is left. Exits with 1 where something that was meant is not packed.
    """
    from provagent.reading.store.pack import pack
    from provagent.reading.view.stats import size_text

    folder = find_store(store)
    with progress("packing") as show:
        done = pack(folder, runs, older_than=older_than, anyway=anyway, progress=show)
    if as_json:
        echo_json(asdict(done))
    else:
        _refused(done.refused)
        sizes = f": {size_text(done.before)} are {size_text(done.after)} now" if done.shards else ""
        echo(f"{_count(done.shards, 'shard')} of {_count(len(done.runs), 'run')}{sizes}")
    ctx.exit(1 if done.refused else 0)


@click.command()
@click.option("--older-than", type=_Age(), metavar="AGE", help="Ended so long ago: 12h, 30d, 2w.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="But for the newest N runs.")
@click.option("--used-too", is_flag=True, help="Also those that made what later runs have read.")
@click.option("--anyway", is_flag=True, help="Also runs that may be written on other machines.")
@click.option("--yes", "is_meant", is_flag=True, help="Remove them; else it is only told which.")
@_store
@_json
def gc(
    *,
    older_than: timedelta | None,
    keep: int | None,
    used_too: bool,
    anyway: bool,
    is_meant: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Remove the records of old runs; without --yes, only tell which.

    A run that made a file which a run that stays has read stays too, and so on backwards, so
    that what stays can still be traced to its sources; but for --used-too.
    """
    from datetime import timedelta

    from provagent.reading.store.removal import collect, collectable
    from provagent.reading.view.stats import size_text

    if older_than is None and keep is None:
        raise click.UsageError("say which: --older-than AGE, --keep N, or both")
    folder = find_store(store)
    found = collectable(
        folder, older_than=older_than or timedelta(0), keep=keep or 0, used_too=used_too,
        anyway=anyway,
    )  # fmt: skip
    if is_meant:
        collect(folder, found)
    if as_json:
        echo_json(asdict(found) | {"removed": is_meant})
        return
    for name in found.runs[:_SHOWN]:
        echo(name)
    if len(found.runs) > _SHOWN:
        echo(f"and {len(found.runs) - _SHOWN} more: --json")
    _refused(found.refused)
    if found.needed:
        stay = "stays" if len(found.needed) == 1 else "stay"
        echo(
            f"{_count(len(found.needed), 'run')} {stay}: runs that stay read what they made; "
            "--used-too takes them too"
        )
    how = "removed" if is_meant else "--yes removes them" if found.runs else "nothing to remove"
    echo(f"{_count(len(found.runs), 'run')}, {size_text(found.bytes)}; {how}")


@click.group(name="store")
def store_group() -> None:
    """What is done with whole stores."""


@store_group.command(name="merge")
@click.argument("other")
@_store
@_json
@click.pass_context
def merge_store(ctx: click.Context, other: str, *, store: str | None, as_json: bool) -> None:
    """Take the runs of the store OTHER, another machine's, into this one.

    Nothing is overwritten. What is here already is known again; a run of which only the
    beginning is here is completed. Exits with 1 where a shard says other things here and there.
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
            f"{_count(len(done.new), 'run')} new, {len(done.grown)} completed, "
            f"{len(done.known)} known; {size_text(done.bytes)}"
        )
    ctx.exit(1 if done.refused else 0)


def _refused(refused: dict[str, str]) -> None:
    for what, why in refused.items():
        warn(f"{what}: {why}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
