"""The query language of find: its meaning, compared with simple filters, and its errors."""

from __future__ import annotations

import fnmatch
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from itertools import product

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from read_side import Shard, digest

from provagent.cli import main
from provagent.contract.errors import QueryError
from provagent.contract.pep440 import compare_versions
from provagent.reading.store import find as find_module
from provagent.reading.store import query_units
from provagent.reading.store.find import find
from provagent.reading.store.index import open_index
from provagent.reading.store.query_fields import FIELDS
from provagent.reading.store.query_times import moment
from provagent.reading.store.sql_conditions import Sql

RUN = "20260101T000000-aaaaaa"
NOW = datetime.now(UTC)


def iso(time):
    return time.isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Twelve activities of two runs, with parameters of every kind."""
    store = tmp_path_factory.mktemp("store") / "prov"
    for number, (run, user, version) in enumerate(((RUN, "maria", "2.1"), ("20260202T000000-bbbbbb", "op", "1.3rc1"))):  # fmt: skip
        shard = Shard(process=f"p{number}", run=run)
        shard.begin()
        shard.events[0] |= {"user": user, "command": ["python", f"night_{user}.py", "--fast"], "environment_id": f"env{number}"}  # fmt: skip
        for n in range(6):
            name = ("fit", "select", "reduce")[n % 3]
            used = shard.entity(type="File", location=f"/data/obs_{n}.fits", digest=digest(f"{number}{n}"), identified="file")  # fmt: skip
            activity = shard.activity(name, n, used=[(used, "events")], parameters={
                "index": n - 2.5, "obs_ids": [23523 + n, 42], "label": f"Crab {n}", "on": n % 2 == 0,
                "energy": {"$type": "quantity", "value": float(n), "unit": "TeV"}, "status": "own", "none": None,
            })  # fmt: skip
            shard.events[-1]["startTime"] = iso(NOW - timedelta(days=10 * number + n, hours=1))
            made = shard.entity(
                type="PythonObject", name=f"result {n}", digest=digest("r"), identified="content"
            )
            shard.done(activity, n + 1, generated=[(made, "flux")])
            shard.events[-1] |= {"status": "error" if n == 5 else "ok", "endTime": iso(NOW - timedelta(days=10 * number + n))}  # fmt: skip
        folder = store / run
        folder.mkdir(parents=True)
        (folder / f"p{number}.jsonl").write_bytes(
            b"".join(orjson.dumps(one) + b"\n" for one in shard.events)
        )
        environment = {"v": 1, "event": "environment", "environment_id": f"env{number}", "python": {}, "platform": {}, "packages": {"gammapy": version, "numpy": "2.3"}}  # fmt: skip
        (folder / f"environment-env{number}.jsonl").write_bytes(orjson.dumps(environment) + b"\n")
    return str(store)


@pytest.fixture
def ask(store):
    with open_index(store) as index:
        index.update()

        def ask(query):
            return [(one.run.user, one.parameters["index"] + 2.5) for one in find(index, query).activities if one.target]  # fmt: skip

        yield ask


BOTH, EVERY = ("maria", "op"), range(6)


def every(condition):
    return {(user, float(n)) for user in BOTH for n in EVERY if condition(user, n)}


CASES = {
    "": lambda u, n: True,
    "activity = fit": lambda u, n: n % 3 == 0,
    "activity != fit": lambda u, n: n % 3 != 0,
    "activity like s*": lambda u, n: n % 3 == 1,
    "activity contains E": lambda u, n: n % 3 in (1, 2),
    "index > 2": lambda u, n: n - 2.5 > 2,
    "index >= 2.5": lambda u, n: n - 2.5 >= 2.5,
    "index = 0.5": lambda u, n: n == 3,
    "index != 0.5": lambda u, n: n != 3,
    "index < -1": lambda u, n: n - 2.5 < -1,
    "energy <= 1": lambda u, n: n <= 1,
    "obs_ids contains 23525": lambda u, n: n == 2,
    "obs_ids contains 2352": lambda u, n: False,
    "obs_ids contains 42": lambda u, n: True,
    "label contains crab": lambda u, n: True,
    "label = 'Crab 3'": lambda u, n: n == 3,
    'label like "Crab [34]"': lambda u, n: n in (3, 4),
    "on = true": lambda u, n: n % 2 == 0,
    "nothing = 1": lambda u, n: False,
    "none = 1": lambda u, n: False,
    "status = error": lambda u, n: n == 5,
    "parameter.status = own": lambda u, n: True,
    "parameter.status = error": lambda u, n: False,
    "user = maria": lambda u, n: u == "maria",
    "user = maria status = error": lambda u, n: u == "maria" and n == 5,
    "user = maria and status = error or index < -2": lambda u, n: (u == "maria" and n == 5) or n == 0,
    "user = maria and (status = error or index < -2)": lambda u, n: u == "maria" and n in (0, 5),
    "not user = maria": lambda u, n: u == "op",
    "not (user = maria or index > 0)": lambda u, n: u == "op" and n <= 2,
    "not nothing = 1": lambda u, n: True,
    "used = obs_3.fits": lambda u, n: n == 3,
    "used = /data/obs_3.fits": lambda u, n: n == 3,
    "used like */obs_[01].fits": lambda u, n: n < 2,
    f"used = {digest('03')}": lambda u, n: u == "maria" and n == 3,
    "made = 'result 4'": lambda u, n: n == 4,
    "file != obs_3.fits": lambda u, n: n != 3,
    "type = File": lambda u, n: True,
    "type = Nothing": lambda u, n: False,
    "role = flux": lambda u, n: True,
    "role = events and role = nothing": lambda u, n: False,
    f"run = {RUN}": lambda u, n: u == "maria",
    "run = aaaaaa": lambda u, n: u == "maria",
    "command contains 'night_op.py --fast'": lambda u, n: u == "op",
    "package.gammapy >= 2.0": lambda u, n: u == "maria",
    "package.gammapy < 1.3": lambda u, n: u == "op",
    "package.gammapy = 2.1.0": lambda u, n: u == "maria",
    "package.gammapy like 1.*": lambda u, n: u == "op",
    "package.none = 1": lambda u, n: False,
    "seconds > 3599": lambda u, n: True,
    "seconds < 10": lambda u, n: False,
    "started > '3 days ago'": lambda u, n: u == "maria" and n < 3,
    "started > 3d": lambda u, n: u == "maria" and n < 3,
    "started < 2026-01-01": lambda u, n: False,
    "night_op": lambda u, n: u == "op",
    "obs_2": lambda u, n: n == 2,
    "'Crab 4'": lambda u, n: n == 4,
    "zebra": lambda u, n: False,
}  # fmt: skip


@pytest.mark.parametrize("query", CASES)
def test_query(ask, query):
    found = ask(query)
    assert len(found) == len(set(found))
    assert set(found) == every(CASES[query])


def test_newest_first(ask):
    assert ask("activity = fit") == [("maria", 0.0), ("maria", 3.0), ("op", 0.0), ("op", 3.0)]


@pytest.mark.parametrize(
    ("query", "at", "message"),
    [
        ("activity =", 10, "missing value after activity ="),
        ("activity = (", 11, "missing value after activity ="),
        ("(activity = fit", 0, "missing )"),
        ("activity = fit)", 14, "unexpected )"),
        ("activity = 'fit", 11, "missing closing quote"),
        ("= fit", 0, "unexpected =; write a field, a text or ("),
        ("fit and", 7, "unexpected end of query; write a field, a text or ("),
        ("fit or or fit", 7, "unexpected or"),
        ("statuss = ok", 0, "unknown field; did you mean status, or parameter.statuss?"),
        ("started > soon", 10, "'soon' is not a time; write 2026-11-25"),
        ("started like 2026", 8, "like does not apply to times"),
        ("seconds > long", 10, "'long' is not a number of seconds"),
        ("index > two", 8, "> compares a parameter with a number"),
        ("package.numpy contains 2", 14, "contains does not apply to versions"),
    ],
)
def test_error_marks_the_place(ask, query, at, message):
    with pytest.raises(QueryError) as caught:
        ask(query)
    first, second = str(caught.value).splitlines()
    assert first == query
    assert second.index("^") == at
    assert second[at + 2 :].startswith(message)


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_any_text_is_a_query_or_an_error(store, text):
    """Nothing that is typed ends in a traceback, or in SQL."""
    with open_index(store) as index:
        try:
            find(index, text)
        except QueryError as error:
            assert "^" in str(error)


@given(st.lists(st.tuples(st.sampled_from(["index", "energy"]), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(-3, 6), st.sampled_from(["and", "or", "and not"])), min_size=1, max_size=4))  # fmt: skip
@settings(max_examples=100)
def test_logic_is_that_of_python(store, conditions):
    """Comparisons and their joints are those of Python: not, and, or bind in this order."""
    query, python = "", ""
    for position, (field, operator, value, joint) in enumerate(conditions):
        if position:
            query, python = f"{query} {joint} ", f"{python} {joint} "
        query += f"{field} {operator} {value}"
        python += f"({field} {'==' if operator == '=' else operator} {value})"
    with open_index(store) as index:
        index.update()
        found = {
            (one.run.user, one.parameters["index"] + 2.5)
            for one in find(index, query).activities
            if one.target
        }
    assert found == every(lambda u, n: eval(python, {"index": n - 2.5, "energy": float(n)}))


VALUES = (
    "fit", "select", "f*", "E", "ok", "error", "3", "-1", "0.5", "true", "own", "maria", "op", "Crab 3",
    "crab", "obs_3.fits", "/data/obs_3.fits", "*/obs_[01].fits", digest("03"), "result 4", RUN, "aaaaaa", "aaa",
    "today", "3 days ago", "2.0", "File", "flux", "night_op.py", "--fast", "nothing",
)  # fmt: skip
ONE = st.tuples(
    st.sampled_from([*FIELDS, "index", "label", "on", "obs_ids", "nothing", "package.gammapy"]),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "contains", "like"]),
    st.sampled_from(VALUES),
).map(lambda parts: f"{parts[0]} {parts[1]} '{parts[2]}'")
QUERIES = st.recursive(
    ONE,
    lambda some: (
        st.tuples(some, st.sampled_from(["and", "or"]), some).map(
            lambda parts: f"({' '.join(parts)})"
        )
        | some.map(lambda one: f"(not {one})")
    ),
    max_leaves=4,
)


@settings(max_examples=300)
@given(query=QUERIES, limit=st.integers(0, 5), few=st.integers(0, 4))
def test_what_an_index_knows_is_what_is_found(store, query, limit, few):
    """Whether few are looked at one by one, those of an index, or all."""
    with open_index(store) as index, pytest.MonkeyPatch.context() as patched:
        index.update()
        patched.setattr(find_module, "FEW", -1)
        patched.setattr(find_module, "COUNTED", few)
        try:
            every = find(index, query)
        except QueryError:
            return
        assert every.count == len(every.activities)
        for most in (few, 10_000):
            patched.setattr(find_module, "FEW", most)
            assert find(index, query) == every
            some = find(index, query, limit=limit)
            assert some.activities == every.activities[:limit]
            assert some.count <= every.count
            assert some.is_more == (some.count < every.count)
            assert some.count == every.count or some.count >= few


def test_many_alternatives(ask):
    """More than SQLite takes as one."""
    names = [f"obs_{number}.fits" for number in range(3, 200)]
    query = " or ".join(f"file = {name}" for name in names)
    assert set(ask(query)) == every(lambda user, n: n >= 3)
    assert set(ask(f"({query}) and user = op")) == {("op", 3.0), ("op", 4.0), ("op", 5.0)}


@pytest.mark.parametrize(
    "query",
    [" or ".join(["file = a"] * 3000), "(" * 9000 + "index = 1" + ")" * 9000, "not " * 9000 + "a", " or ".join(["a (b"] * 60) + ")" * 60],
    ids=["long", "deep", "not", "nested"],
)  # fmt: skip
def test_query_that_is_too_long_is_told(store, query):
    done = CliRunner().invoke(main, ["find", query, "--store", store])
    assert done.exit_code == 0 or "split it" in done.stderr


@pytest.mark.parametrize("limit", ["1", "2"])
def test_more_than_is_counted_is_said(store, monkeypatch, limit):
    monkeypatch.setattr(find_module, "FEW", 2)
    monkeypatch.setattr(find_module, "COUNTED", 2)
    words = ["find", "index > -9", "--limit", limit, "--store", store]
    told = CliRunner().invoke(main, words)
    assert told.stdout.endswith(f"more than 2 activities, {limit} shown (--limit, --json)\n")


def test_versions_have_the_order_of_pep_440():
    versions = ["1.3.dev1", "1.3rc1", "1.3", "1.3.post1", "1.10", "2.0a1", "2.0", "2.0.1", "10.0"]
    for (place, one), (other_place, other) in product(enumerate(versions), repeat=2):
        assert compare_versions(one, "<", other) == (place < other_place)
        assert compare_versions(one, ">=", other) == (place >= other_place)
    assert compare_versions("2.1", "=", "2.1.0")


def test_a_local_part_counts_only_where_it_is_asked_for():
    assert compare_versions("2.1.0+cu118", "=", "2.1.0")
    assert not compare_versions("2.1.0+cu118", ">", "2.1.0")
    assert compare_versions("2.1.0+cu118", "!=", "2.1.0+cpu")
    assert compare_versions("nightly", "=", "nightly")
    assert compare_versions("nightly", "<", "2.1") is None


def test_times():
    begin, end = moment("2026-11-25")
    assert end - begin == 86400 * 10**6
    begin, end = moment("2026-11-25T10:30")
    assert end - begin == 60 * 10**6
    assert moment("2026-11-25T12:30+02:00")[0] == moment("2026-11-25T10:30")[0]
    assert (
        abs(moment("2 hours ago")[0] / 1e6 - (datetime.now(UTC) - timedelta(hours=2)).timestamp())
        < 5
    )
    assert moment("yesterday")[1] == moment("today")[0]


def test_verb(store):
    """For people some, for programs all; a shell's quotes are not lost."""
    told = CliRunner().invoke(
        main, ["find", "activity", "=", "fit", "--limit", "2", "--store", store]
    )
    assert told.exit_code == 0, told.output
    assert told.output.count("fit  ok") == 2
    assert told.output.endswith("4 activities, 2 not shown (--limit, --json)\n")
    told = CliRunner().invoke(main, ["find", "label", "=", "Crab 3", "--json", "--store", store])
    assert json.loads(told.output)["count"] == 2
    told = CliRunner().invoke(
        main, ["find", "activity = fit and label = 'Crab 3'", "--store", store]
    )
    assert told.output.endswith("2 activities\n")
    told = CliRunner().invoke(main, ["find", "(", "--store", store])
    assert told.exit_code == 1
    help_ = CliRunner().invoke(main, ["find", "--help"]).output
    for field in FIELDS:
        assert re.search(rf"\b{field}\b", help_)
    assert fnmatch.fnmatch(help_, "*contains*like*")


@pytest.mark.parametrize(
    ("query", "energies"),
    [
        ("energy = '3 TeV'", [3]),
        ("energy = '3.0 TeV'", [3]),
        ("energy = '3TeV'", [3]),
        ("energy = '3e3 GeV'", [3]),
        ("energy = '300000000 keV'", []),
        ("energy = 3", [3]),
        ("energy > '2500 GeV'", [3, 4, 5]),
        ("energy >= '3 TeV'", [3, 4, 5]),
        ("energy <= '1 TeV'", [0, 1]),
        ("energy != '3 TeV'", [0, 1, 2, 4, 5]),
        ("energy = '3 m'", []),
        ("energy < '3 nonsense'", []),
        ("energy != '3 nonsense'", [0, 1, 2, 3, 4, 5]),
        ("label = '3 TeV'", []),
        ("label != '3 TeV'", [0, 1, 2, 3, 4, 5]),
        ("index > '1 TeV'", []),
    ],
)
def test_quantities_are_compared_by_value_and_unit(ask, query, energies):
    assert sorted(ask(query)) == sorted((user, n) for user in BOTH for n in energies)


def test_units_are_compared_as_they_stand_without_astropy(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "astropy.units", None)
    query_units._factor.cache_clear()
    assert [n for _, n in ask("energy = '3 TeV'")] == [3, 3]
    assert ask("energy = '3000 GeV'") == []
    query_units._factor.cache_clear()


def test_conversion_that_rounds_is_equal():
    assert query_units.in_unit(0.8, "TeV", "GeV", 800.0) == 800.0
    assert query_units.in_unit(800.0, "GeV", "TeV", 0.8) == 0.8
    assert query_units.in_unit(800.1, "GeV", "TeV", 0.8) != 0.8
    assert query_units.in_unit(1.0, "deg_C", "K", 1.0) is None
    assert query_units.in_unit(1.0, "mag(AB)", "Jy", 1.0) is None


def test_not_of_what_is_not_known_holds():
    """SQL has a third value, which is true of nothing; a query has two."""
    unknown = Sql("? = 1", (None,))
    connection = sqlite3.connect(":memory:")
    try:
        for condition, expected in ((~unknown, 1), (~~unknown, 0), (~Sql("1 = 1", ()), 0)):
            (found,) = connection.execute(f"SELECT {condition.text}", condition.values).fetchone()
            assert found == expected
    finally:
        connection.close()
