"""Processors: stamp, redact, shorten, render, and those of the user."""

from __future__ import annotations

import enum
import hashlib
import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provagent.contract.errors import SettingsError
from provagent.contract.vocabulary import LOG_FORMAT
from provagent.recording.emit.processors import (
    REDACTED,
    load_processors,
    redact,
    render,
    shorten,
    stamp,
)
from provagent.redaction.secrets import is_secret, mask_urls


def redacted(**fields):
    return redact(None, "render", fields)


def shortened(limit=10, **fields):
    return shorten(None, "render", fields, limit=limit)


def rendered(**fields):
    line = render(None, "render", fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return orjson.loads(line)


def test_stamp_says_the_format():
    """A stamped event has v, the format of the log."""
    assert stamp(None, "render", {"event": "run"}) == {"event": "run", "v": LOG_FORMAT}


SECRET = """
    password Password PASSWORD passwd db_password db.password password2 PGPASSWORD passphrase
    passwords password_hash secret client_secret clientSecret SECRET_KEY_BASE secrets
    token access_token AUTH_TOKEN token_1 githubToken X-Auth-Token api_key apikey apiKey APIKey
    api-key AWS_ACCESS_KEY_ID access_key private_key privateKey credential credentials
    AWS_SECRET_ACCESS_KEY auth basic_auth oauth authorization Authorization kwargs.password --token
"""
NO_SECRET = """
    author authors authority tokenizer tokens max_tokens tokenize keyword keywords key keys
    sort_key primary_key compass bypass bandpass passband passwordless secretary user PWD OLDPWD
    monkey name $type 0
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_name_of_a_secret(name):
    """A name is a secret's when it says so in a whole word, or at the end of one."""
    assert is_secret(name)


@pytest.mark.parametrize("name", NO_SECRET.split())
def test_name_of_no_secret(name):
    """A name that only contains such letters is no secret's."""
    assert not is_secret(name)


@pytest.mark.parametrize("key", ["parameters", "configuration", "variables", "jobs"])
def test_secret_values_are_replaced(key):
    """The value of a secret name is replaced, at any depth, whatever its type."""
    values = {
        "author": "E. Vasquez",
        "token": "s3cr3t",
        "nested": {"deep": [{"api_key": ["s3cr3t", 1], "n": 1}]},
        "pin_password": 1234,
        "pairs": {"$type": "dict", "value": [["password", "s3cr3t"], [1, "one"], [[1], 2]]},
    }
    event = redacted(event="session", **{key: values})
    assert event[key] == {
        "author": "E. Vasquez",
        "token": REDACTED,
        "nested": {"deep": [{"api_key": REDACTED, "n": 1}]},
        "pin_password": REDACTED,
        "pairs": {"$type": "dict", "value": [["password", REDACTED], [1, "one"], [[1], 2]]},
    }
    assert values["token"] == "s3cr3t"


def test_absence_of_a_secret_is_told():
    """None, True and False tell no secret and stay."""
    values = {"token": None, "use_auth": True, "password": False}
    assert redacted(event="activity", parameters=values)["parameters"] == values


def test_entity_of_a_secret_name():
    """An entity with the name of a secret has neither value nor digest."""
    event = redacted(event="entity", entity_id="e", name="token", value="x", digest="sha256:0")
    assert event == {"event": "entity", "entity_id": "e", "name": "token", "value": REDACTED}
    kept = {"event": "entity", "name": "author", "value": "x", "digest": "sha256:0"}
    assert redacted(**kept) == kept


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://me:s3cr3t@host/path", "https://me:***@host/path"),
        ("redis://:s3cr3t@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql+psycopg://u:a@b@host/db", "postgresql+psycopg://u:***@host/db"),
        ("postgresql://u:a/b+c@host/db", "postgresql://u:***@host/db"),
        ("https://ghp_s3cr3t@github.com/a/b.git", "https://***@github.com/a/b.git"),
        ("see http://a:b@c, then ftp://d:e@f.", "see http://a:***@c, then ftp://d:***@f."),
        ("https://host/x?token=s3cr3t&page=2", "https://host/x?token=***&page=2"),
        ("https://host/x?page=2&api_key=s3cr3t#t", "https://host/x?page=2&api_key=***#t"),
        ("ssh://git@github.com/a/b", None),
        ("http://host:8080/users/me@here", None),
        ("http://[::1]:8080/me@here", None),
        ("https://host/a?author=me", None),
        ("root://eos.cern.ch//data/file.fits", None),
        ("mailto:me@host", None),
        ("a ratio of 3://4", None),
    ],
)
def test_credentials_in_urls(text, clean):
    """A password, token or key inside a URL is masked; the rest of the text stays."""
    assert mask_urls(text) == (text if clean is None else clean)


@pytest.mark.parametrize(
    ("key", "wrap"),
    [
        ("location", lambda text: text),
        ("value", lambda text: text),
        ("error", lambda text: {"type": "OSError", "message": text}),
        ("parameters", lambda text: {"url": text}),
        ("parameters", lambda text: {"urls": [{"x": (text,)}]}),
        ("git", lambda text: {"remote": text, "dirty": False}),
        ("code", lambda text: {"text": text}),
        ("added_by_a_processor", lambda text: [text]),
    ],
)
def test_urls_are_masked_everywhere(key, wrap):
    """A URL's password is masked in any text of an event that comes from the program."""
    event = redacted(event="x", **{key: wrap("ftp://me:s3cr3t@host/x")})
    line = render(None, "render", event)
    assert b"s3cr3t" not in line
    assert b"ftp://me:***@host/x" in line


@pytest.mark.parametrize(
    ("command", "clean"),
    [
        (["x", "--password", "s3cr3t", "in.fits"], ["x", "--password", "***", "in.fits"]),
        (["x", "--token=s3cr3t"], ["x", "--token=***"]),
        (["env", "API_KEY=s3cr3t", "x"], ["env", "API_KEY=***", "x"]),
        (["x", "-password", "-s3cr3t"], ["x", "-password", "***"]),
        (["x", "--api-key=a=b", "--n=1"], ["x", "--api-key=***", "--n=1"]),
        (["x", "--db", "pg://u:s3cr3t@h"], ["x", "--db", "pg://u:***@h"]),
        (["x", "--auth", "--verbose", "in"], ["x", "--auth", "--verbose", "in"]),
        (["x", "password", "in"], ["x", "password", "in"]),
        (["x", "--author", "me", "a=b"], ["x", "--author", "me", "a=b"]),
    ],
)
def test_secrets_in_commands(command, clean):
    """An option with a secret's name keeps its name and loses its value."""
    assert redacted(event="run", command=command)["command"] == clean
    assert redacted(event="activity", parameters={"cmd": command})["parameters"] == {"cmd": clean}


def test_names_of_packages_are_no_secrets():
    """The version of a package is kept, whatever the package's name."""
    packages = {"google-auth": "2.0", "secretstorage": "3.3", "token": "1"}
    assert redacted(event="environment", packages=packages)["packages"] == packages


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(alphabet="abc=/:@?-"),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abcde"), inner),
    ),
    st.sampled_from(["token", "db_password", "apiKey", "client-secret"]),
)
def test_no_secret_is_written(value, name):
    """Wherever a secret name stands in a value, no part of what it names is written."""
    secret = {name: [value, "sentinel-s3cr3t"], "beside": value}
    event = redacted(event="activity", parameters={"x": [secret, value]}, configuration=secret)
    assert b"s3cr3t" not in render(None, "render", event)


@given(st.dictionaries(st.sampled_from(["author", "n", "text"]), st.integers() | st.text("xyz")))
def test_harmless_parameters_are_not_copied(parameters):
    """What holds nothing secret and nothing long passes as it is."""
    event = {"event": "activity", "parameters": parameters}
    assert shorten(None, "", redact(None, "", event))["parameters"] is parameters


TEXT = "é" * 11
CUT = {
    "$type": "cut",
    "value": "é" * 10,
    "length": 11,
    "digest": "sha256:" + hashlib.sha256(TEXT.encode()).hexdigest(),
}


@pytest.mark.parametrize(
    ("key", "value", "short"),
    [
        ("value", TEXT, CUT),
        ("parameters", {"a": TEXT, "b": 1}, {"a": CUT, "b": 1}),
        ("configuration", {"a": {"b": [1, TEXT]}}, {"a": {"b": [1, CUT]}}),
        ("error", {"type": "OSError", "message": TEXT}, {"type": "OSError", "message": CUT}),
    ],
)
def test_long_texts_are_cut(key, value, short):
    """A text over the limit becomes its first part, its length and its digest."""
    assert shortened(event="x", **{key: value}) == {"event": "x", key: short}


def test_text_at_the_limit_stays():
    """A text of exactly the limit is whole."""
    event = {"event": "x", "value": "a" * 4096, "parameters": {"n": [1.5, "b" * 4096]}}
    assert shorten(None, "render", dict(event)) == event


def test_what_was_cut_is_not_cut_again():
    """A value that says that it was cut keeps the length and digest that it has."""
    assert shortened(event="x", value=CUT | {"value": TEXT})["value"] == CUT | {"value": TEXT}


def test_only_long_values_are_cut():
    """Keys whose values we write ourselves are never cut."""
    event = {"event": "run", "activity_id": TEXT, "command": [TEXT]}
    assert shortened(**event) == event


class Unknown:
    def __repr__(self):
        raise AssertionError("code of the program was run")

    __str__ = __repr__


class Text(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = Unknown()


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        (Unknown(), {"$type": "object", "class": f"{__name__}:Unknown"}),
        ({1, 2}, {"$type": "object", "class": "builtins:set"}),
        (b"x", {"$type": "object", "class": "builtins:bytes"}),
        (2**64, {"$type": "int", "value": str(2**64)}),
        (-(2**63) - 1, {"$type": "int", "value": str(-(2**63) - 1)}),
        pytest.param(10**5000, {"$type": "object", "class": "builtins:int"}, id="5000 digits"),
        ("caf\udce9", "caf\\udce9"),
        ({"\ud800": "é"}, {"\\ud800": "é"}),
        ({1: "a", "1": "b"}, {"$type": "dict", "value": [[1, "a"], ["1", "b"]]}),
        ({(1, 2): "a"}, {"$type": "dict", "value": [[[1, 2], "a"]]}),
        ({Text("k"): Text("v")}, {"k": "v"}),
        (np.float64(1.5), 1.5),
        (np.float64("nan"), {"$type": "float", "value": "nan"}),
        (np.arange(2), {"$type": "object", "class": "numpy:ndarray"}),
        (Colour.RED, {"$type": "object", "class": f"{__name__}:Colour"}),
        ([Unknown, 1], [{"$type": "object", "class": "builtins:type"}, 1]),
    ],
)
def test_what_orjson_refuses_is_not_lost(value, safe):
    """A value that orjson refuses has a safe stand-in, and the rest of the event is as it was."""
    event = rendered(event="entity", value={"x": [value]}, nan=None, n=1.5)
    assert event == {"event": "entity", "value": {"x": [safe]}, "nan": None, "n": 1.5}


def test_endless_values_end():
    """A value that contains itself, or is very deep, is written up to there."""
    circle: list[object] = [1]
    circle += [circle, circle]
    stop = {"$type": "object", "class": "builtins:list"}
    assert rendered(value=circle) == {"value": [1, stop, stop]}
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert rendered(value=deep)["value"][0][0]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(codec=None))
        | st.binary()
        | st.complex_numbers(),
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(st.characters(codec=None)) | st.integers(), inner)
        ),
    )
)
def test_every_value_is_rendered(value):
    """Whatever a value is, its event is one line of JSON that has the other keys unchanged."""
    event = rendered(event="entity", value=value, n=7)
    assert (event["event"], event["n"]) == ("entity", 7)
    if isinstance(value, float) and not math.isfinite(value):
        assert event["value"] is None  # JSON has no other word; capture encodes these before


def test_processors_are_loaded_by_name(tmp_path, monkeypatch):
    """A processor is named package.module:function, or an attribute of one."""
    (tmp_path / "mine_ok.py").write_text(
        "class Tools:\n    @staticmethod\n    def mark(logger, name, event): return event | {'m': 1}\n"
        "mark = Tools.mark\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mark, again = load_processors(["mine_ok:mark", "mine_ok:Tools.mark"])
    assert mark is again
    assert mark(None, "render", {"event": "x"}) == {"event": "x", "m": 1}
    assert load_processors([]) == ()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("mark", "is not a processor; write package.module:function"),
        (":mark", "is not a processor; write package.module:function"),
        ("mine:", "is not a processor; write package.module:function"),
        ("no_such_module_x:mark", "No module named 'no_such_module_x'"),
        ("mine_broken:mark", "ZeroDivisionError"),
        ("mine_bad:nosuch", "nosuch"),
        ("mine_bad:number", "cannot be called; write a function (logger, name, event_dict)"),
        (".mine:mark", "cannot be loaded"),
    ],
)
def test_unloadable_processor(name, what, tmp_path, monkeypatch):
    """A processor that cannot be loaded is a SettingsError that names it, and says what to write."""
    (tmp_path / "mine_broken.py").write_text("1 / 0\n")
    (tmp_path / "mine_bad.py").write_text("number = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_processors([name])
    assert str(caught.value).startswith(f"processors: {name!r} ")
    assert what in str(caught.value)
    assert "; " in str(caught.value)  # the remedy
