"""Texts of a record are printed as text: no verb passes control characters to a terminal."""

from __future__ import annotations

import gzip
import json
import os
import re
import unicodedata
from xml.etree import ElementTree

import orjson
import pytest
from conftest import Recorded
from hypothesis import given
from hypothesis import strategies as st
from read_side import RUN_ID, child_shard, crab_events
from test_terminal import Terminal

from provagent.contract.printable import harmless, json_escaped, visible, visible_parts
from provagent.integrations.embed.png import embed

# Clipboard, title, link, colour, clearing; C1; a line of its own; bidi; unseen; markup of rich.
EVIL = (
    "\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x1b\\\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\"
    "\x1b[8m\x1b[2J\x9b31m\x90q\x9c\x7f\x08\x00\t\r\nprovagent: forged\x0b\x0c\x85\u2028"
    "\u202e\u2066\u200b\u00ad\ufeff\U000e0041\u3164[bold red]x[/bold red][link=http://evil]y[/link]"
    "</svg><script>alert(1)</script>&lt;\"'\\N"
)
STRUCTURE = re.compile(
    r"v|event|\$type|.*_id|startTime|endTime|time|digest|status|type|identified|how"
)
# The colours that rich and click give: bold, dim, and the sixteen, alone or together.
OWN_COLOUR = re.compile(rb"\x1b\[(?:0|(?:[12]|3[0-7]|9[0-7])(?:;(?:[12]|3[0-7]|9[0-7]))*)m")


def poisoned(value, key=""):
    """The same data, of which each text says EVIL as well."""
    if isinstance(value, dict):
        own = key in ("parameters", "packages", "variables", "configuration", "settings")
        return {name + (EVIL if own else ""): poisoned(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    return value + EVIL if isinstance(value, str) and not STRUCTURE.fullmatch(key) else value


def assert_only_text(shown: bytes, *, is_document: bool = False) -> None:
    """Nothing but visible characters, ends of lines, and our own colours; a document has its lines."""
    text = OWN_COLOUR.sub(b"", shown).decode("utf-8")
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        bad = {one for one in line if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert not bad | (set(line) & {"\u3164"}), (bad, line)
        assert is_document or not line.startswith("provagent: forged"), line
    assert "Traceback" not in text
    assert "internal error" not in text


@pytest.fixture(scope="module")
def lab(tmp_path_factory, cache):
    """A store of which every text is hostile, and files of other kinds that are so, too."""
    lab = Recorded(tmp_path_factory.mktemp("hostile"), cache)
    events = [*crab_events(), *child_shard().events]
    child = {
        "v": 1,
        "event": "child",
        "time": "2026-11-23T23:15:30Z",
        "command": ["python", "-S"],
        "reason": "no",
    }
    for run in (RUN_ID, RUN_ID.replace("k3f9ab", "k3f9ac")):
        folder = lab.store / run[:8] / run
        folder.mkdir(parents=True)
        lines = [orjson.dumps(poisoned(one)) for one in (*events, child)]
        text = b"\n".join(lines) + b"\n"
        (folder / "8d2kqx.jsonl").write_bytes(text.replace(RUN_ID.encode(), run.encode()))
    lab.write(
        "definition.yaml",
        "provagent: 1\ntargets: [" + json.dumps(EVIL) + "]\n" + json.dumps(EVIL) + ": 1\n",
    )
    entity = {"prefix": {"e": "urn:e:"}, "entity": {"e:1": {"prov:type": EVIL}}, EVIL: {}}
    lab.write("document.json", json.dumps(entity))
    lab.write(
        "prov.log",
        '2026-11-23 23:15:30 _PROV_2026-11-23T23:15:30_PROV_{"x": '
        + json.dumps(EVIL)
        + "}\n"
        + EVIL,
    )
    picture = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\xaeB`\x82"
    document = {
        "bundle": {
            EVIL: {
                "activity": {EVIL: {"prov:label": EVIL}},
                "used": {"_:1": {"prov:activity": EVIL, "prov:role": EVIL}},
            }
        }
    }
    facts = {"RUN" + EVIL: EVIL}
    (lab.folder / "product.png").write_bytes(
        embed(picture, facts, gzip.compress(json.dumps(document).encode()))
    )
    lab.write("results.yml", f"file:\n  {EVIL}: {EVIL}\n")
    return lab


NAME = EVIL.replace("\0", "")  # as an argument, which ends at a null character
VERBS = [
    ["show"], ["show", "--json"], ["show", NAME], ["runs"], ["stats"], ["timeline"], ["doctor"],
    ["doctor", RUN_ID], ["why", "flux_points"], ["why", NAME], ["impact", "8d2kqx.4"],
    ["why", RUN_ID + ".8d2kqx.18", "--json"], ["find", "run = k3f9ab"], ["find", "run = k3f9ab", "--json"],
    ["find", "(" + NAME], ["diff", RUN_ID], ["diff", RUN_ID, "--json"], ["verify"],
    ["verify", "--json"], ["rerun", "k3f9ab"], ["rerun", "k3f9ab", "--json"], ["index", "--rebuild"],
    ["sql", "SELECT * FROM activities"], ["sql", "SELECT * FROM activities", "--csv"],
    ["sql", "SELECT " + NAME], ["draft", "--from-run", "k3f9ab"], ["redact", "maria"],
    ["compact", "--older-than", "1d"], ["gc", "--older-than", "1d"], ["check", "definition.yaml"],
    ["check", NAME], ["validate", "document.json"], ["import", "prov.log", "--store", "logs"],
    [NAME], ["show", "--" + NAME], ["export", "--to", NAME],
    *(["export", "k3f9ab", "--to", to] for to in ("json", "jsonld", "provn", "xml", "trig", "turtle", "dot", "svg", "votable", "opus")),
    ["show", "product.png"], ["show", "product.png", "--json"], ["embed", "k3f9ab", NAME], ["store", "merge", NAME],
    ["link", "k3f9ab", "--opus", "results.yml"], ["link", "k3f9ab", "--opus", NAME], ["run", "--", NAME], ["run", "--store", NAME],
    ["draft", NAME], ["validate", NAME], ["import", NAME], ["gc", "--older-than", NAME], ["compact", NAME], ["redact", NAME],
    ["runs", "--store", NAME], ["export", "k3f9ab", "-o", NAME], ["export", "k3f9ab", "-o", "missing/" + NAME + ".json"],
    ["rerun", "k3f9ab", "--folder", NAME], ["rerun", "k3f9ab", "--yes"], ["diff", NAME], ["verify", NAME], ["stats", NAME],
    *(["export", "k3f9ab", "--to", to] for to in ("png", "pdf", "rocrate")),
]  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(map(visible, words))[:50])
def test_no_verb_passes_on_a_command(lab, words):
    environ = dict.fromkeys(("COLUMNS", "LINES", "NO_COLOR"), "") | {
        "TERM": "xterm",
        "PAGER": "cat",
    }
    full = {name: value for name, value in lab.environ(**environ).items() if value}
    terminal = Terminal(["-m", "provagent", *words], lab.folder, full)
    try:
        _, code = terminal.end()
    finally:
        terminal.close()
    assert code in (0, 1, 2, 127), terminal.seen
    assert terminal.seen
    assert_only_text(terminal.seen, is_document=words[0] == "export" or "--csv" in words)


@pytest.mark.parametrize("to", ["json", "jsonld", "provn"])
def test_a_pipe_gets_the_document_itself(lab, to):
    """What a program reads is exact: with the characters of the record."""
    shown = lab.python("-m", "provagent", "export", "k3f9ab", "--to", to).stdout
    assert "\u202e" in (
        json.dumps(json.loads(shown), ensure_ascii=False) if to != "provn" else shown
    )


ELEMENTS = {"svg", "g", "title", "polygon", "polyline", "path", "ellipse", "text", "a"}


def test_a_drawing_has_text_only(lab):
    """No script, no link, no HTML: an SVG is XML whose texts say what the record says."""
    lab.python("-m", "provagent", "export", "k3f9ab", "-o", "run.svg")
    root = ElementTree.parse(lab.folder / "run.svg").getroot()
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= ELEMENTS
    names = {name.rpartition("}")[2] for each in root.iter() for name in each.attrib}
    assert "title" in names
    assert not {name for name in names if name == "href" or name.startswith("on")}
    texts = [each.text or "" for each in root.iter() if each.tag.endswith("}text")]
    assert any("</svg><script>alert(1)</script>&lt;" in text for text in texts)
    tips = [
        value
        for each in root.iter()
        for name, value in each.attrib.items()
        if name.endswith("}title")
    ]
    assert any("</svg><script>alert(1)</script>&lt;" in tip for tip in tips)
    assert_only_text((lab.folder / "run.svg").read_bytes(), is_document=True)


def test_a_graph_has_no_html_labels(lab):
    """A label is a text in quotes; what it quotes ends neither the text nor the line."""
    shown = lab.python("-m", "provagent", "export", "k3f9ab", "--to", "dot").stdout
    assert_only_text(shown.encode(), is_document=True)
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", shown)
    assert "<" not in outside
    assert "script" not in outside
    assert "URL" not in outside


def test_json_is_exact(lab):
    shown = lab.python("-m", "provagent", "show", "k3f9ab", "--json").stdout
    data = json.loads(shown)
    assert "\u202e" not in shown
    assert any(EVIL in one["name"] for one in data["activities"])


def test_a_file_s_name_of_a_real_program(recorded):
    """Names that no terminal should see, one of bytes that are no UTF-8, recorded and shown."""
    names = [
        "a\x1b[2Jb.txt",
        "a\u202etxt.exe",
        "line\nprovagent: forged",
        "\udcff\udc9b31m.txt",
        "back\\x1b.txt",
    ]
    recorded.write("s.py", f"for name in {names!a}:\n    open(name, 'w').write('x')\n")
    recorded.run("s.py")
    for words in (
        ["show"],
        ["show", "--json"],
        ["stats"],
        ["verify"],
        ["runs"],
        ["export", "--to", "dot"],
        ["why", names[3]],
        ["rerun", "last"],
    ):
        environ = {**recorded.environ(TERM="xterm", PAGER="cat", COLUMNS="300")}
        terminal = Terminal(["-m", "provagent", *words], recorded.folder, environ)
        try:
            shown, _ = terminal.end()
        finally:
            terminal.close()
        assert_only_text(terminal.seen)
        if words == ["show"]:
            for name in (
                r"a\x1b[2Jb.txt",
                r"a\u202etxt.exe",
                r"line\x0aprovagent: forged",
                r"back\x5cx1b.txt",
            ):
                assert name in shown


def test_complaint_of_an_observed_program(recorded):
    """The lines that a recorded program prints of ours hold no command either."""
    done = recorded.python(
        "-c", "pass", PROVAGENT="1", PROVAGENT_SINK="\x1b[2J\u202e\nprovagent: forged"
    )
    assert done.stderr.count("\n") == 1
    assert_only_text(done.stderr.encode())


@given(st.text(st.characters(codec=None) | st.sampled_from("\\x1bu0000U\x1b\u202e\n")))
def test_visible_is_one_line_and_can_be_reversed(text):
    shown = visible(text)
    assert "".join(visible_parts(text)) == shown
    assert all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in shown)
    back = re.sub(
        r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})",
        lambda match: chr(int(match[1] or match[2] or match[3], 16)), shown,
    )  # fmt: skip
    assert back == text
    assert harmless(harmless(text)) == harmless(text)


@given(st.text(st.characters(codec=None)))
def test_escaped_json_is_the_same_json(text):
    shown = json_escaped(json.dumps([text], ensure_ascii=False))
    assert json.loads(shown) == [text]
    assert all(unicodedata.category(one) not in ("Cc", "Cf", "Cs") for one in shown)


@pytest.mark.parametrize(
    "text", ["plain", "C:\\new\\table", "Größe \u00a0 µ", "観測", "\u2600\ufe0f", r"\nu_e \pm"]
)
def test_ordinary_text_stays(text):
    assert visible(text) == text


def test_output_that_cannot_be_encoded(recorded):
    """A terminal of ASCII alone gets escapes, not an error."""
    recorded.write("s.py", "open('grö\u00dfe.txt', 'w').write('x')\n")
    recorded.run("s.py", PYTHONUTF8="1")
    done = recorded.python("-m", "provagent", "show", PYTHONIOENCODING="ascii")
    assert r"gr\xf6\xdfe.txt" in done.stdout
    assert os.path.exists(recorded.folder / "größe.txt")
