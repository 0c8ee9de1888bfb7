import json

import click
import pytest
from click.testing import CliRunner
from read_side import RUN_ID, Shard, child_shard, crab_shard, write_run

from provagent.cli.read import export_run, runs, show
from provagent.contract.errors import StoreError
from provagent.reading.export.write import FORMATS

OTHER = "20261124T080000-abc123"


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = tmp_path / "prov"
    write_run(str(store), crab_shard(), child_shard())
    later = Shard("mmmmmm", OTHER)
    later.begin(300)
    write_run(str(store), later, run=OTHER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROVAGENT_STORE", raising=False)
    return store


def called(command, *arguments):
    result = CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_runs_is_a_table_with_the_newest_last(store):
    """One line a run: when, how long, how it ended, by whom, what."""
    head, first, second = called(runs).stdout.splitlines()
    assert head.split() == ["run", "started", "duration", "status", "user", "processes", "command"]
    assert first.split(None, 7) == [
        RUN_ID, "2026-11-23", "23:15:00", "57", "s", "ok", "maria",
        "2          python crab_1d.py --source 'Crab nebula'",
    ]  # fmt: skip
    assert "no end" in second


def test_runs_as_json_says_the_same(store):
    """Programs get a list of objects."""
    first, second = json.loads(called(runs, "--json").stdout)
    assert (first["id"], first["status"], first["processes"]) == (RUN_ID, "ok", 2)
    assert (second["id"], second["status"]) == (OTHER, None)


def test_show_tells_the_newest_run_or_the_one_that_is_named(store):
    """Without a run it is the newest; part of an id is enough."""
    assert OTHER in called(show).stdout
    assert "get_flux_points" in called(show, "k3f9ab").stdout
    assert "plot" in called(show, f"prov/{RUN_ID}/zz01aa.jsonl").stdout


def test_show_as_json_has_all_of_the_run(store):
    """Programs get activities, entities and relations by id."""
    data = json.loads(called(show, "k3f9ab", "--json").stdout)
    entities = {each["id"]: each for each in data["entities"]}
    (write,) = [each for each in data["activities"] if each["name"] == "write"]
    assert entities[write["generated"][0]["entity"]]["location"].endswith("flux_points.fits")
    assert data["derivations"][0]["how"] == "copied"
    assert len(data["processes"]) == 2


def test_the_store_can_be_named(store, tmp_path, monkeypatch):
    """--store, else PROVAGENT_STORE, else ./prov."""
    monkeypatch.chdir("/")
    assert OTHER in called(runs, "--store", store).stdout
    monkeypatch.setenv("PROVAGENT_STORE", str(store))
    assert OTHER in called(runs).stdout


@pytest.mark.parametrize("to", FORMATS)
def test_export_writes_every_format(store, to):
    """To standard output, or to a file, the same bytes."""
    written = called(export_run, "k3f9ab", "--to", to).stdout_bytes
    assert len(written) > 1000
    called(export_run, "k3f9ab", "--to", to, "-o", "out")
    if to != "pdf":  # which holds the time
        assert (store.parent / "out").read_bytes() == written


def test_export_takes_a_namespace(store):
    """An institution's documents stand under its own name."""
    text = called(export_run, "--to", "provn", "--namespace", "https://obs.example/").stdout
    assert f"<https://obs.example/run.{OTHER}.>" in text


def test_errors_are_those_of_the_store(store):
    """A verb adds nothing: the group makes one line of the error."""
    with pytest.raises(StoreError):
        called(show, "nosuch")


def test_help_says_what_a_run_is():
    """Every verb has its help, and fits the group it is put in."""
    group = click.Group(commands=[show, runs, export_run])
    assert sorted(group.commands) == ["export", "runs", "show"]
    assert "'last', or the path of a record (default last)." in " ".join(
        called(group, "show", "--help").stdout.split()
    )
