"""The ``logging`` dialect."""

from __future__ import annotations

import ast
import importlib.util
import logging
import math
from datetime import datetime
from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from provagent.recording.emit.chain import make_emitter
from provagent.recording.emit.dialect import facts, line, literal
from provagent.recording.emit.processors import redact, render, shorten, stamp
from provagent.recording.emit.sinks import LoggingSink

TIME = "2019-10-07T11:20:05.884436"

AWKWARD = [
    "", "it's", 'say "x"', "both ' and \"", "back\\slash", "end\\", "C:\\new\\table", "a\nb", "\r\n",
    "\t", "é", "日本", "😀", "\x00", "\x7f", "\x85", "\u2028", "\ufeff", "\ud800", "_PROV_", "__PROV__",
    "_PROV_PROV_", "_PROV", "\\_PROV_", "x_PROV_2019_PROV_{}", "1", "1e5", "1e-05", "0x1F", "1_000",
    "2019-10-07", "12:30:45", "True", "yes", "no", "null", "None", "~", "nan", ".nan", "<<", "=", "- a",
    "a: b", "# c", "{a", "%d", "&a", "*a", "!t", " x ", "---", "...", "\\x41", "\\u0041", "$type",
]  # fmt: skip
NUMBERS = [
    0,
    -0.0,
    1e-05,
    1e16,
    -1e300,
    5e-324,
    1.5e-07,
    0.1,
    1 / 3,
    2**63,
    -(2**63),
    1e22,
    123456.0,
]

# Longer keys are written in another form, which has its own test.
keys = st.text(st.characters(codec=None), max_size=80) | st.sampled_from(AWKWARD)
json_values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(NUMBERS)
    | st.text(st.characters(codec=None))
    | st.sampled_from(AWKWARD),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner),
    max_leaves=20,
)


def same(left, right):
    """Equal in value and type, all the way down; 1 is not True, -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)


@given(json_values)
@example(AWKWARD)
@example(NUMBERS)
@example({text: text for text in AWKWARD})
@example({"k" * 998: 1})
def test_python_and_yaml_read_the_same(value):
    """A literal is the value again for ast.literal_eval and for yaml.safe_load."""
    text = literal(value)
    assert same(ast.literal_eval(text), value)
    assert same(yaml.safe_load(text), value)


@given(json_values)
def test_literal_is_one_safe_line(value):
    """A literal is printable ASCII on one line, and holds no prefix at which a reader would cut."""
    text = line({"value": value}, TIME)
    assert text.isascii()
    assert text.isprintable()
    assert text.split("_PROV_")[:2] == ["", TIME]
    assert text.count("_PROV_") == 2
    assert "__PROV__" not in text


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ([None, 1], [{"$type": "none"}, 1]),
        ({"a": None}, {"a": {"$type": "none"}}),
        ((1, "a"), [1, "a"]),
        (math.nan, {"$type": "float", "value": "nan"}),
        (-math.inf, {"$type": "float", "value": "-inf"}),
        ({"k" * 2000: 1, "a": 2}, {"$type": "dict", "value": [["k" * 2000, 1], ["a", 2]]}),
    ],
)
def test_what_has_no_common_literal_is_encoded(value, read):
    """None, a tuple, nan, inf and a key too long for YAML have one form that both readers take."""
    assert ast.literal_eval(literal(value)) == read
    assert yaml.safe_load(literal(value)) == read


def test_literal_refuses_what_json_has_not():
    """A value that is not JSON raises instead of being written as something else."""
    with pytest.raises(TypeError, match="dialect: set is not JSON"):
        literal({1})


def test_plain_line_looks_like_logprov():
    """A simple fact is written exactly as logprov writes it."""
    fact = {"activity_id": "9456793112", "activity_name": "get_observations", "n": 1}
    assert line(fact, TIME) == f"_PROV_{TIME}_PROV_{fact}"


ACTIVITY = {
    "activity_id": "r.1.3",
    "activity_name": "get_observations",
    "target": "gammapy.analysis.core:Analysis.get_observations",
    "startTime": "2026-11-23T20:05:11.884436Z",
    "session_id": "r.1.2",
    "parent_id": "r.1.1",
    "thread": 140,
    "site": {"file": "crab.py", "line": 12},
    "parameters": {"datastore": "$GAMMAPY_DATA/x_PROV_y", "offset": 1e-05, "irf": None},
    "used": [
        {"used_id": "r.1.4", "used_role": "datastore"},
        {"used_id": "r.1.5", "used_role": "m"},
    ],
}
ENTITY = {
    "entity_id": "r.1.4",
    "entity_description": "DataStore",
    "type": "FileCollection",
    "location": '/data/it\'s "here"\né',
    "value": "a\\b",
    "digest": "sha256:abc",
    "members": [{"member_id": "r.1.6"}, {"member_id": "r.1.7"}],
}
SESSION = {
    "session_id": "r.1.2",
    "module": "gammapy.analysis.core",
    "class": "Analysis",
    "startTime": "2026-11-23T20:05:10.000000Z",
    "configuration": {"general": {"log": {"level": "info"}, "n_jobs": 1}},
}
END = {
    "activity_id": "r.1.3",
    "endTime": "2026-11-23T20:05:12.000000Z",
    "status": "error",
    "error": {"type": "builtins:ValueError", "message": "no such thing: '\\'"},
    "generated": [{"generated_id": "r.1.8", "generated_role": "observations"}],
}
DERIVATION = {
    "entity_id": "r.1.8",
    "progenitor_id": "r.1.4",
    "how": "modified",
    "between": ["r.1.3"],
}
RUN = {
    "run_id": "r",
    "process_id": "r.1",
    "startTime": "2026-11-23T20:05:09.000000Z",
    "command": ["x"],
}
EVENTS = [
    ("run", RUN),
    ("session", SESSION),
    ("entity", ENTITY),
    ("activity", ACTIVITY),
    ("derivation", DERIVATION),
    ("activity_end", END),
]


def facts_of(kind, fields):
    return facts({"v": 1, "event": kind, **fields})


def test_facts_of_an_activity():
    """An activity is a fact of its start, one of its parameters, and one of each usage."""
    start, parameters, first, second = facts_of("activity", ACTIVITY)
    assert start == {
        "activity_id": "r.1.3",
        "activity_name": "get_observations",
        "name": "get_observations",
        "startTime": "2026-11-23T20:05:11.884436Z",
        "in_session": "r.1.2",
        "target": "gammapy.analysis.core:Analysis.get_observations",
        "parent_id": "r.1.1",
        "thread": 140,
        "site": {"file": "crab.py", "line": 12},
    }
    assert parameters == {"activity_id": "r.1.3", "parameters": ACTIVITY["parameters"]}
    assert first == {"activity_id": "r.1.3", "used_id": "r.1.4", "used_role": "datastore"}
    assert second == {"activity_id": "r.1.3", "used_id": "r.1.5", "used_role": "m"}


def test_facts_of_an_entity():
    """An entity is a fact with hash and hash_type, and one of each member."""
    entity, *members = facts_of("entity", ENTITY)
    assert entity == {
        "entity_id": "r.1.4",
        "entity_description": "DataStore",
        "type": "FileCollection",
        "location": ENTITY["location"],
        "value": "a\\b",
        "hash": "abc",
        "hash_type": "sha256",
    }
    assert members == [
        {"entity_id": "r.1.4", "member_id": "r.1.6"},
        {"entity_id": "r.1.4", "member_id": "r.1.7"},
    ]


def test_facts_of_an_end():
    """An end is a fact of each generation, and one of the end with status and error."""
    assert facts_of("activity_end", END) == [
        {"activity_id": "r.1.3", "generated_id": "r.1.8", "generated_role": "observations"},
        {key: END[key] for key in ("activity_id", "endTime", "status", "error")},
    ]


def test_absent_keys_are_left_out():
    """A key that an event has not, or whose value is None, is in no fact."""
    assert facts_of("activity", {"activity_id": "a", "startTime": None}) == [{"activity_id": "a"}]
    assert facts_of("entity", {"entity_id": "e", "value": None}) == [{"entity_id": "e"}]


def test_other_events_are_one_fact():
    """An event that logprov's logs have not keeps its kind and its keys."""
    assert facts_of("run", RUN) == [{"event": "run", **RUN}]
    assert facts_of("derivation", DERIVATION) == [DERIVATION]


@pytest.fixture
def user_log(tmp_path):
    """The log file of a user: own format, own level, one line of the user's own."""
    handler = logging.FileHandler(tmp_path / "user.log", encoding="ascii")
    handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("user").info("100%% of it")
    yield tmp_path / "user.log"
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()


def write(sink):
    emitter = make_emitter(processors=(stamp, redact, shorten), renderer=render)
    data = b"".join(emitter.render(kind, **fields) for kind, fields in EVENTS)
    sink.write(data)
    return [fact for text in data.splitlines() for fact in facts(orjson.loads(text))]


def test_documented_rule_reads_the_log(user_log):
    """Split on _PROV_, ISO time, YAML of the rest: the facts again, from a log of the user's format."""
    written = write(LoggingSink())
    lines = user_log.read_text().splitlines()
    assert lines[0] == "INFO:user:100%% of it"
    read = []
    for text in lines[1:]:
        start, time, rest = text.split("_PROV_")
        assert start == "INFO:provagent:"
        assert abs((datetime.now() - datetime.fromisoformat(time)).total_seconds()) < 60
        assert yaml.safe_load(rest) == ast.literal_eval(rest)
        read.append(yaml.safe_load(rest))
    assert len(read) == 12
    none = {"$type": "none"}
    assert parameters_of(written).pop("irf") is None
    assert parameters_of(read).pop("irf") == none
    assert read == written


def parameters_of(facts):
    return next(fact["parameters"] for fact in facts if "parameters" in fact)


def load_logprov_io():
    """logprov's reader without its package, which needs psutil for the writing."""
    package = importlib.util.find_spec("logprov")
    if package is None:
        pytest.skip("logprov is not installed")
    file = Path(package.origin).with_name("io.py")
    spec = importlib.util.spec_from_file_location("logprov_io", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_logprov_reads_the_log(user_log):
    """logprov's own read_prov reads the log, between times too, and its own export takes it."""
    logprov_io = load_logprov_io()
    write(LoggingSink())
    read = logprov_io.read_prov(str(user_log), start="2019-10-07", end="2999-01-01T00:00:00")
    assert len(read) == 12
    assert logprov_io.read_prov(str(user_log), end="2019-10-07") == []
    document = logprov_io.provlist2provdoc(read)
    provn = document.get_provn()
    assert "used(session:r.1.2_r.1.3, session:r.1.2_r.1.4" in provn
    assert "wasGeneratedBy(session:r.1.2_r.1.8, session:r.1.2_r.1.3" in provn
    assert "hadMember(session:r.1.2_r.1.4, session:r.1.2_r.1.6)" in provn
    assert "wasDerivedFrom(session:r.1.2_r.1.8, session:r.1.2_r.1.4" in provn
    assert 'prov:label="get_observations"' in provn
