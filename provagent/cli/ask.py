"""The verbs for the whole store: why, impact, find, diff, verify, sql, index."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import click

from provagent.cli.gaps import print_gaps
from provagent.cli.options import RUN_HELP, WHAT_HELP, json_option, store_option
from provagent.cli.page import may_be_long, page
from provagent.cli.progress import progress
from provagent.contract.printable import as_recorded
from provagent.reading.store.location import find_store
from provagent.reading.view.terminal import echo, echo_document, echo_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from provagent.reading.store.index import Index
    from provagent.reading.store.lineage import Answer

_all = click.option(
    "--all", "everything", is_flag=True,
    help="Continue through programs whose code does not show which input led to which output.",
)  # fmt: skip


@click.command(help=f"Show how a file was made, back to its sources, across runs.\n\n{WHAT_HELP}")
@click.argument("what")
@_all
@store_option
@json_option
@may_be_long
def why(what: str, everything: bool, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.lineage import why as ask

    _answer(what, store, partial(ask, everything=everything), as_json=as_json)


@click.command(help=f"Show what was made from a file, across runs.\n\n{WHAT_HELP}")
@click.argument("what")
@_all
@store_option
@json_option
@may_be_long
def impact(what: str, everything: bool, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.lineage import impact as ask

    _answer(what, store, partial(ask, everything=everything), as_json=as_json)


_LANGUAGE = """\
\b
QUERY: conditions, each a field, an operator and a value.
  activity = run_fit and status != ok
  obs_ids contains 23523 and (index > 2 or user = maria)
  made like "*/flux_points.fits" started > "3 days ago" not package.gammapy < 2.0
Operators: =  !=  <  <=  >  >=  contains  like (with * and ?); and, or, not, ( ).
Fields: {fields}.
package.NAME is the version of a package. Any other name is a parameter
(write parameter.NAME if a field has the same name).
A word without an operator is searched for in all fields.
Quote values that contain spaces.
"""


_FIND = "Find activities by name, parameter, file, user or time."


class _Find(click.Command):
    """Adds the fields of the query language to the help. They are imported only for the help."""

    def get_help(self, ctx: click.Context) -> str:
        from provagent.reading.store.query_fields import FIELDS

        self.help = f"{_FIND}\n\n{_LANGUAGE.format(fields=', '.join(FIELDS))}"
        return super().get_help(ctx)


@click.command(cls=_Find, help=_FIND)
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--limit", default=20, show_default=True, help="Maximum number of activities to show."
)
@store_option
@json_option
@may_be_long
def find(query: tuple[str, ...], limit: int, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.find import find as ask
    from provagent.reading.store.find import matches_data

    with _opened(store) as opened:
        matches = ask(opened, _joined(query), limit=None if as_json else limit)
        if as_json:
            echo_json(matches_data(matches))
        else:
            from provagent.reading.view.lineage import render_matches

            with page() as console:
                render_matches(matches, console)


@click.command(
    help="Show the differences between two runs, likely causes first.\n\n"
    f"{RUN_HELP} The second RUN is the last run by default."
)
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="[RUN]", default="last")
@store_option
@json_option
@may_be_long
def diff(before: str, after: str, store: str | None, as_json: bool) -> None:
    from provagent.reading.store.compare import compare_runs
    from provagent.reading.store.runs import read_run

    with progress("reading records"):
        found = compare_runs(read_run(store, before), read_run(store, after))
    if as_json:
        echo_json(found.data())
        return
    from provagent.reading.view.differences import render_difference

    with page() as console:
        render_difference(found, console)


@click.command()
@click.argument("what", required=False)
@store_option
@json_option
@may_be_long
@click.pass_context
def verify(ctx: click.Context, what: str | None, store: str | None, as_json: bool) -> None:
    """Check that recorded files are unchanged on disk.

    WHAT: a file (path or name), or a run (its id, its first or last characters, or 'last').
    The default is all files of the store. Exits with 1 if a file is changed or missing.
    """
    from dataclasses import asdict

    from provagent.reading.store.verify import CHANGED, MISSING
    from provagent.reading.store.verify import verify as ask

    with _opened(store) as opened, progress("comparing files") as show:
        files = ask(opened, what, progress=show)
    if as_json:
        echo_json([asdict(one) for one in files])
    else:
        from provagent.reading.view.differences import render_verified

        with page() as console:
            render_verified(files, console)
    ctx.exit(1 if any(one.state in (CHANGED, MISSING) for one in files) else 0)


@click.command()
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@store_option
@json_option
def sql(query: str, store: str | None, as_csv: bool, as_json: bool) -> None:
    """Query the store in SQL, read-only (needs the package duckdb).

    The tables are runs, activities, entities, usages, generations, derivations, members and
    parameters. "SELECT column_name FROM (DESCRIBE activities)" lists the columns of a table.
    """
    from provagent.reading.store.analytics import ask

    names, rows = ask(find_store(store), as_recorded(query))
    if as_json:
        found = [dict(zip(names, row, strict=True)) for row in rows]
        echo_json(found, default=str)
    elif as_csv:
        import csv

        whole = io.StringIO()
        writer = csv.writer(whole, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        echo_document(whole.getvalue())
    else:
        from provagent.reading.view.console import Console
        from provagent.reading.view.lineage import render_rows

        render_rows(names, rows, Console())


@click.command()
@click.option("--rebuild", is_flag=True, help="Rebuild the index from all records.")
@store_option
def index(store: str | None, rebuild: bool) -> None:
    """Update the search index of the store.

    Other verbs update the index when they need it.
    """
    from provagent.reading.store.index import open_index
    from provagent.reading.store.location import remove

    folder = find_store(store)
    if rebuild:
        with open_index(folder) as opened:
            path = opened.path
        remove(path)
    with open_index(folder) as opened:
        with progress("reading records") as show:
            updated = opened.update(show, everywhere=True)
        print_gaps(updated.gaps)
        echo(f"{opened.path}: {updated.events} new events in {updated.shards} shards")


_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "like")


def _joined(words: tuple[str, ...]) -> str:
    """Return the query with the quotes that a shell removed: each value is one word."""
    found = [
        _quoted(word) if before in _OPERATORS else word
        for before, word in zip(("", *words), words, strict=False)
    ]
    return as_recorded(" ".join(found))


def _quoted(word: str) -> str:
    if word[:1] in ("", '"', "'") or not any(map(str.isspace, word)):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _answer(what: str, store: str | None, ask: Callable[..., Answer], *, as_json: bool) -> None:
    from provagent.reading.store.lineage import answer_data
    from provagent.reading.view.lineage import STEPS_SHOWN, render_answer

    with _opened(store) as opened:
        answer = ask(opened, what, limit=None if as_json else STEPS_SHOWN)
        if as_json:
            echo_json(answer_data(answer))
        else:
            with page() as console:
                render_answer(answer, console)


def _opened(store: str | None) -> Index:
    from provagent.reading.store.index import open_index

    opened = open_index(find_store(store))
    with progress("reading records") as show:
        gaps = opened.update(show).gaps
    print_gaps(gaps)
    return opened
