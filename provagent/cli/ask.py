"""The verbs that ask the whole store: why, impact, index."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from provagent.store.runs import find_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.record.detail import Gap
    from provagent.store.answer import Answer
    from provagent.store.index import Index

_WHAT = (
    "WHAT is a file, by its path or its name or what lies there now, a digest or its "
    "beginning, or an identifier or its end."
)
_store = click.option(
    "--store", metavar="FOLDER",
    help="Where the records are. [default: PROVAGENT_STORE, else prov]",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command(help=f"Tell how a thing was made, across runs, back to the sources.\n\n{_WHAT}")
@click.argument("what")
@_store
@_json
def why(what: str, store: str | None, as_json: bool) -> None:
    from provagent.store.answer import why as ask

    _answer(what, store, ask, as_json=as_json)


@click.command(help=f"Tell what came of a thing, across runs.\n\n{_WHAT}")
@click.argument("what")
@_store
@_json
def impact(what: str, store: str | None, as_json: bool) -> None:
    from provagent.store.answer import impact as ask

    _answer(what, store, ask, as_json=as_json)


@click.command()
@click.option("--rebuild", is_flag=True, help="Make it anew from all records.")
@_store
def index(store: str | None, rebuild: bool) -> None:
    """Bring the index of a store up to date; the other verbs do so themselves."""
    from provagent.store.index import open_index, remove

    folder = find_store(store)
    if rebuild:
        with open_index(folder) as opened:
            path = opened.path
        remove(path)
    with open_index(folder) as opened:
        updated = opened.update(_progress())
        _tell(updated.gaps)
        click.echo(f"{opened.path}: {updated.events} events read, of {updated.shards} shards")


def _answer(what: str, store: str | None, ask: Callable[..., Answer], *, as_json: bool) -> None:
    from provagent.store.answer import answer_data
    from provagent.view.answer import STEPS_SHOWN, render_answer

    with _opened(store) as opened:
        answer = ask(opened, what, limit=None if as_json else STEPS_SHOWN)
        if as_json:
            click.echo(json.dumps(answer_data(answer), indent=2, ensure_ascii=False))
        else:
            from rich.console import Console

            render_answer(answer, Console(highlight=False, emoji=False))


def _opened(store: str | None) -> Index:
    from provagent.store.index import open_index

    opened = open_index(find_store(store))
    _tell(opened.update(_progress()).gaps)
    return opened


def _tell(gaps: list[Gap]) -> None:
    for gap in gaps[:5]:
        click.echo(f"provagent: {gap}", err=True)
    if len(gaps) > 5:  # noqa: PLR2004
        click.echo(f"provagent: and {len(gaps) - 5} more that could not be read", err=True)


def _progress() -> Callable[[int, int], None] | None:
    """Return what shows a bar where it takes long, and somebody sees it."""
    if not sys.stderr.isatty():
        return None
    from time import monotonic

    from rich.console import Console
    from rich.progress import Progress

    started = monotonic()
    shown: list[Progress] = []

    def show(done: int, total: int) -> None:
        if not shown and monotonic() - started > 1 and done < total:
            shown.append(Progress(console=Console(stderr=True), transient=True))
            shown[0].start()
            shown[0].add_task("reading records", total=total)
        if shown:
            shown[0].update(shown[0].task_ids[0], completed=done, total=total)
            if done >= total:
                shown[0].stop()

    return show
