"""No secret in any byte of the store, of a log or of an export; harmless values stay."""

from __future__ import annotations

import json
import re

import orjson
import pytest
import secret_corpus as corpus
from hypothesis import given
from hypothesis import strategies as st
from secret_corpus import ASKING, HARMLESS_COMMANDS, HARMLESS_NAMED, HARMLESS_TEXTS, ISSUED, NAMES

from provagent.reading.export.write import DOCUMENTS, rendered
from provagent.recording.emit.processors import REDACTED, redact
from provagent.redaction.secrets import is_secret, mask_location, mask_text, mask_words


def of_parameters(values):
    return redact(None, "", {"event": "activity", "parameters": values})["parameters"]


def in_bytes(secret, data):
    return any(encoded in data for encoded in corpus.encodings(secret))


def test_there_are_enough():
    """Hundreds, of many kinds: the corpus is what the rules are measured with."""
    secrets, kinds, harmless = corpus.counts()
    assert (secrets >= 300, kinds >= 60, harmless >= 300) == (True, True, True)


AROUND = [
    "{}", "the key is {}", "night 5 of 7; {} ; the end", '"{}"', "'{}'", "a={}", "({}, 1)", "/data/{}.csv",
    "https://h.example/x/{}/y", "line\n{}\nline", "line\\n{}", "x%3D{}",
]  # fmt: skip


@pytest.mark.parametrize("kind", ISSUED)
def test_what_issuers_made(kind):
    """A token is masked wherever it stands, and what is around it stays."""
    text, secret = corpus.issued(kind)
    for around in AROUND:
        clean = mask_text(around.format(text))
        assert not in_bytes(secret, clean.encode()), around
        if around in AROUND[:5]:  # elsewhere it is not told where one ends
            assert clean == around.format("***")


SET = [
    "{}={}", "{} = '{}'", '{{"{}": "{}"}}', "{}: {}", "--{} {}", "prog --{}={} x", "call({}='{}', n=1)",
    "https://h.example/x?{}={}&night=5", "error: {}={}", '{{\\"{}\\": \\"{}\\"}}', "export {}={}; run",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_says(name):
    """A value of such a name is no part of an event, in whatever shape it comes."""
    secret = corpus.Drawn(name).password()
    assert of_parameters({name: secret}) == {name: REDACTED}
    for values in (
        {name: [secret]}, {name: {"x": secret}}, {"x": {name: secret}}, {"x": [{name: secret}]},
        {"x": {"$type": "object", "class": "m:C", "fields": {name: secret}}},
        {"x": {"$type": "dict", "value": [[name, secret], [1, 2]]}}, {"x": [["user", "me"], [name, secret]]},
        {"x": {"name": name, "value": secret}}, {"x": ["prog", f"--{name}", secret]}, {"x": [f"{name}={secret}"]},
    ):  # fmt: skip
        assert not in_bytes(secret, orjson.dumps(of_parameters(values))), values
    for form in SET:
        assert not in_bytes(secret, mask_text(form.format(name, secret)).encode()), form


@pytest.mark.parametrize("name", ASKING)
def test_what_a_value_decides(name):
    """Under a name of several meanings it is the value that tells a secret."""
    value, secret = corpus.asked(name)
    secret = secret or value
    assert secret not in json.dumps(of_parameters({name: value}))
    if value.isdigit():
        assert of_parameters({name: int(value)}) == {name: REDACTED}
        assert secret not in mask_text(f"{name}={value}")
        assert secret not in mask_text(f'{{"{name}": {value}}}')
    elif " " not in value:
        assert secret not in mask_text(f"{name}={value}")
        assert secret not in mask_text(f'{{"{name}": "{value}"}}')


@pytest.mark.parametrize("kind", corpus.TEXTS)
def test_what_a_text_says(kind):
    """A header, a file, a command or a message keeps all but the secret in it."""
    text, secret = corpus.texted(kind)
    clean = mask_text(text)
    assert "***" in clean
    assert not in_bytes(secret, clean.encode())
    assert not in_bytes(
        secret, orjson.dumps(of_parameters({"x": text, "y": [text], "z": {text: 1}}))
    )
    assert mask_text(clean) == clean


@pytest.mark.parametrize("command", corpus.SECRET_COMMANDS, ids=" ".join)
def test_what_a_command_says(command):
    """A password after its option, attached to it, or inside a word."""
    secret = corpus.Drawn(" ".join(command)).password()
    words = [word.format(s=secret) for word in command]
    assert not in_bytes(secret, json.dumps(mask_words(words)).encode())


@pytest.mark.parametrize("name", HARMLESS_NAMED)
def test_harmless_value_stays(name):
    assert of_parameters({name: HARMLESS_NAMED[name]}) == {name: HARMLESS_NAMED[name]}


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_harmless_text_stays(text):
    assert mask_text(text) == text
    assert of_parameters({"x": text, "y": [text, 1]}) == {"x": text, "y": [text, 1]}


@pytest.mark.parametrize("command", HARMLESS_COMMANDS, ids=" ".join)
def test_harmless_command_stays(command):
    assert mask_words(command) == command


@given(st.text(max_size=60) | st.text(alphabet="ab=:'\"\\ ?&;/@{}[]()<>-%3Ap.,\n", max_size=60))
def test_masking_is_done_once_and_for_all(text):
    """What was masked has nothing more to mask; and no text is too odd."""
    once = mask_text(text)
    assert mask_text(once) == once


@given(st.sampled_from(sorted(ISSUED)), st.text(max_size=20), st.text(max_size=20))
def test_no_text_around_it_hides_it(kind, before, after):
    """Whatever stands beside a token, it is masked; a letter may make it another word."""
    text, secret = corpus.issued(kind)
    assert secret not in mask_text(f"{before} {text} {after}")


PARTS = (
    [corpus.texted(kind)[0] for kind in corpus.TEXTS] + HARMLESS_TEXTS + ["-p ''", "***", "=", "'"]
)


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=4), st.integers(0, 40))
def test_no_mixture_is_too_odd(parts, cut):
    """Parts of secrets and of harmless texts in any order, cut anywhere, are no error."""
    text = "".join(part[cut:] if len(part) % 2 else part[: -cut or None] for part in parts)
    assert isinstance(mask_text(text), str)
    assert len(mask_words(text.split(" "))) == len(text.split(" "))
    of_parameters({"a": [text, (text, text)], text: text, "pin": text, "name": text, "value": text})


LONG = [
    "a=", "a:", "'a':'", "--p ", "://a:", "?a=b", "password ", "password=", "Cookie: a=b;", "<a>", "-u a:", "curl -b ",
    "eyJ", "A1b2", '\\"a\\":\\"', "name='a' ", "-BEGIN PRIVATE KEY-", "mysql -p ", "Private-Lines:", "select from ",
    "machine a password ", "authorization: a=b,", "'password','a'", "%3A%2F%2Fa%3A", "token=[", "password={", "a.", "a -",
    "http -u ", "<password>", "password: |\n ", '"kty":"d":"', "$1$", "{SHA}", "ghp_", "1234567890:AA", " \n\t",
]  # fmt: skip


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_is_done(text):
    """A text that is made to be tried at every place takes a moment; by its square, hours."""
    mask_text(text * (200_000 // len(text)))


def test_two_locations_stay_two():
    """What is masked in a path has a digest in its place; the credentials of a URL have none."""
    token, _ = corpus.issued("GitHub classic")
    other, _ = corpus.issued("GitHub OAuth")
    one, two = mask_location(f"/data/{token}.csv"), mask_location(f"/data/{other}.csv")
    assert re.fullmatch(r"/data/\*\*\*[0-9a-f]{8}\.csv", one)
    assert one != two
    assert mask_location(f"/data/{token}.csv") == one
    assert mask_location("/data/run.csv") == "/data/run.csv"
    signed = "https://s3.example/run.fits?X-Amz-Signature={}"
    assert mask_location(signed.format(token)) == mask_location(signed.format(other))
    assert mask_location(signed.format(token)) == signed.format("***")


LAB = """\
import dataclasses, types
def take(value=None, **more):
    return None
class Client:
    def __init__(self, held):
        self.held = held
    def ask(self):
        raise RuntimeError("refused: " + str(self.held))
def label(text):
    return text
@dataclasses.dataclass
class Options:
    password: str
"""
DEFINITION = """\
targets: ['lab:take', 'lab:Client', 'lab:label']
activities:
  label:
    parameters: [{name: text, value: text}]
    usage: [{role: in, value: text, entity_description: T, identifier: content}]
    generation: [{role: out, value: result, entity_description: T}]
entities:
  T: {type: PythonObject, identifier: str}
"""
PROGRAM = """\
import json, logging, os, pathlib, sys
logging.basicConfig(filename="program.log", level=logging.INFO)
import lab
secrets = json.load(open("secrets.json"))
for text in secrets["texts"]:
    lab.take(text)
    lab.take([text, (text, 1)], extra=text)
    lab.take({text: 1, "x": {"y": text}})
    lab.take(text.encode(), more=bytearray(text.encode()))
    lab.take([("a", text), ("b", 1)])
    lab.take(pathlib.Path(text))
    lab.label(text)
    try: lab.Client(text).ask()
    except RuntimeError: pass
    if "/" not in text and len(text) < 200:
        pathlib.Path(f"{text}.csv").write_text("x")
        open(f"{text}.csv").close()
for name, value in secrets["named"]:
    lab.take({name: value})
    lab.take([(name, value), ("x", 1)])
    lab.take({"x": {name: [value, {"y": value}]}})
    lab.take({name: value.encode()})
    lab.take({"name": name, "value": value})
    lab.take(**{name: value})
    lab.take(f"{name}={value}")
    lab.take(lab.types.SimpleNamespace(**{name: value}))
    lab.take(lab.Options(value))
    try: lab.Client({name: value}).ask()
    except RuntimeError: pass
"""


def plant(recorded, sink):
    """Run a program that is given every secret in every shape, and return them."""
    recorded.write("lab.py", LAB)
    recorded.write("definition.yaml", DEFINITION)
    recorded.write("main.py", PROGRAM)
    texts = [corpus.issued(kind) for kind in ISSUED] + [
        corpus.texted(kind) for kind in corpus.TEXTS
    ]
    named = [(name, corpus.Drawn(f"planted {name}").password()) for name in NAMES]
    asked = [(name, *corpus.asked(name)) for name in ASKING]
    given = [*named, *(pair[:2] for pair in asked)]
    recorded.write(
        "secrets.json", json.dumps({"texts": [text for text, _ in texts], "named": given})
    )
    planted = [secret for _, secret in texts] + [secret for _, secret in named]
    planted += [secret for *_, secret in asked if secret]
    words = []
    for command in corpus.SECRET_COMMANDS:
        secret = corpus.Drawn(f"planted {command}").password()
        words += [word.format(s=secret) for word in command]
        planted.append(secret)
    words += [text for text, _ in texts if "\n" not in text]
    environ = {name: secret for name, secret in named if name.isidentifier() and name.isascii()}
    recorded.run(
        "main.py", *words, PROVAGENT_SINK=sink, PROVAGENT_VARIABLES=",".join(environ), **environ
    )
    return planted


@pytest.mark.parametrize("sink", ["both", "logging"])
def test_none_is_in_any_byte_of_a_record(recorded, sink):
    """As argument, item, key, pair, bytes, attribute, message, file, variable and word of a command."""
    planted = plant(recorded, sink)
    paths = [path for path in recorded.folder.rglob("*") if path.is_file()]
    written = [path for path in paths if path.suffix == ".jsonl" or path.name == "program.log"]
    data = b"".join(path.read_bytes() for path in written)
    if sink == "both":
        provenance = recorded.provenance
        assert len(provenance.activities) > 5 * len(planted)
        data += rendered(provenance, "json")
    assert len(data) > 1_000_000
    found = [secret for secret in planted if in_bytes(secret, data)]
    assert found == [], [where(written, secret) for secret in found[:8]]
    assert len(planted) >= 300


def where(paths, secret):
    for path in paths:
        for line in path.read_text(errors="replace").splitlines():
            if secret in line:
                begin = max(0, line.index(secret) - 300)
                return path.name, line[begin : begin + 400]
    return "encoded", secret


@pytest.mark.parametrize("first", range(0, 60, 12))
def test_none_is_in_the_lines_of_the_script(recorded, first):
    """As they stand in its source; the record has the line of each call, and its graph too."""
    texts = [corpus.texted(kind) for kind in list(corpus.TEXTS)[first : first + 12]]
    recorded.write("lab.py", LAB)
    lines = "".join(f"lab.take({text!r}, x=1)\n" for text, _ in texts)
    recorded.write("main.py", f"import lab\n{lines}")
    recorded.run("--target", "lab:take", "main.py")
    content = b"".join(path.read_bytes() for path in recorded.store.rglob("*") if path.is_file())
    content += b"".join(rendered(recorded.provenance, to) for to in DOCUMENTS)
    assert [text for text, secret in texts if in_bytes(secret, content)] == []


def test_names_that_end_in_a_secret():
    assert is_secret("aws_secret_access_key")
    assert is_secret("X-Amz-Credential")
    assert is_secret("AccountKey")
