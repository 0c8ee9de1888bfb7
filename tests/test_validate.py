"""Documents checked against PROV-CONSTRAINTS: own cases, public cases, and real records."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from read_side import crab, crab_with_child

from provagent.cli import main
from provagent.contract.errors import DocumentError
from provagent.reading.constraints.graph import parts, rings, shortest_way
from provagent.reading.constraints.statement import KINDS, Statement
from provagent.reading.export.foreign_documents import FORMATS, guess_syntax, read_document
from provagent.reading.export.validate import validate_file, violations
from provagent.reading.export.write import DOCUMENTS, rendered

BOTH = "entity(ex:e1) entity(ex:e2) activity(ex:a1,-,-) "
DAY, NEXT = "2026-11-25T10:00:00", "2026-11-25T11:00:00"

# What breaks a constraint, and its nearest that does not.
CASES = {
    "PROV-DM": ("wasGeneratedBy(ex:g;-,ex:a1,-)", "wasGeneratedBy(ex:g;ex:e1,-,-)"),
    "constraint 22, key-object": (f"activity(ex:x,{DAY},-) activity(ex:x,{NEXT},-)", f"activity(ex:x,{DAY},-) activity(ex:x,-,{NEXT})"),
    "constraint 23, key-properties": ("used(ex:u;ex:a1,ex:e1,-) used(ex:u;ex:a1,ex:e2,-)", "used(ex:u;ex:a1,ex:e1,-) used(ex:u;ex:a1,-,-)"),
    "constraint 24, unique-generation": ("wasGeneratedBy(ex:g;ex:e1,ex:a1,-) wasGeneratedBy(ex:h;ex:e1,ex:a1,-)", "wasGeneratedBy(ex:g;ex:e1,ex:a1,-) wasGeneratedBy(ex:e1,ex:a1,-)"),
    "constraint 25, unique-invalidation": ("wasInvalidatedBy(ex:g;ex:e1,ex:a1,-) wasInvalidatedBy(ex:h;ex:e1,ex:a1,-)", "wasInvalidatedBy(ex:g;ex:e1,ex:a1,-) wasInvalidatedBy(ex:h;ex:e2,ex:a1,-)"),
    "constraint 26, unique-wasStartedBy": ("wasStartedBy(ex:s;ex:a1,-,ex:a2,-) wasStartedBy(ex:t;ex:a1,-,ex:a2,-)", "wasStartedBy(ex:s;ex:a1,-,ex:a2,-) wasStartedBy(ex:t;ex:a1,-,ex:a3,-)"),
    "constraint 27, unique-wasEndedBy": ("wasEndedBy(ex:s;ex:a1,-,ex:a2,-) wasEndedBy(ex:t;ex:a1,-,ex:a2,-)", "wasEndedBy(ex:s;ex:a1,-,ex:a2,-) wasEndedBy(ex:t;ex:a1,-,ex:a3,-)"),
    "constraint 28, unique-startTime": (f"activity(ex:x,{DAY},-) wasStartedBy(ex:x,-,-,{NEXT})", f"activity(ex:x,{DAY},-) wasStartedBy(ex:x,-,-,{DAY})"),
    "constraint 29, unique-endTime": (f"activity(ex:x,-,{DAY}) wasEndedBy(ex:x,-,-,{NEXT})", f"activity(ex:x,-,{DAY}) wasEndedBy(ex:x,-,-,{DAY})"),
    "constraint 42, derivation-generation-generation-ordering": ("wasDerivedFrom(ex:e2,ex:e1) specializationOf(ex:e1,ex:e2)", "wasDerivedFrom(ex:e2,ex:e1) specializationOf(ex:e2,ex:e1)"),
    "constraint 51, impossible-unspecified-derivation-generation-use": ("wasDerivedFrom(ex:e2,ex:e1,-,ex:g,-)", "wasDerivedFrom(ex:e2,ex:e1,ex:a1,ex:g,-)"),
    "constraint 52, impossible-specialization-reflexive": ("specializationOf(ex:e2,ex:e1) specializationOf(ex:e3,ex:e2) specializationOf(ex:e1,ex:e3)", "specializationOf(ex:e2,ex:e1) specializationOf(ex:e3,ex:e2) specializationOf(ex:e3,ex:e1)"),
    "constraint 53, impossible-property-overlap": ("used(ex:u;ex:a1,ex:e1,-) wasGeneratedBy(ex:u;ex:e2,ex:a1,-)", "used(ex:u;ex:a1,ex:e1,-) wasInfluencedBy(ex:u;ex:a1,ex:e1)"),
    "constraint 54, impossible-object-property-overlap": ("used(ex:e2;ex:a1,ex:e1,-)", "used(ex:e9;ex:a1,ex:e1,-)"),
    "constraint 55, entity-activity-disjoint": ("wasGeneratedBy(ex:e1,ex:e2,-)", "wasGeneratedBy(ex:e1,ex:a1,-)"),
    "constraint 56, membership-empty-collection": ("entity(ex:c,[prov:type='prov:EmptyCollection']) specializationOf(ex:d,ex:c) hadMember(ex:d,ex:e1)", "entity(ex:c,[prov:type='prov:EmptyCollection']) specializationOf(ex:c,ex:d) hadMember(ex:d,ex:e1)"),
    "PROV-LINKS, unique-mention": ("mentionOf(ex:e2,ex:e1,ex:b) mentionOf(ex:e2,ex:e1,ex:c)", "mentionOf(ex:e2,ex:e1,ex:b) mentionOf(ex:e3,ex:e1,ex:c)"),
}  # fmt: skip
INFLUENCED = "used(ex:u;ex:a1,ex:e1,-) wasInfluencedBy(ex:u;ex:a1,ex:e2)"
# Each links the generation of e1 to come no later than that of e2, by another constraint.
ROUNDABOUT = (
    "used(ex:a1,ex:e1,-) wasStartedBy(ex:a2,ex:e2,-,-) wasInformedBy(ex:a2,ex:a1)",
    "wasStartedBy(ex:a2,ex:e1,-,-) wasGeneratedBy(ex:e2,ex:a2,-)",
    "wasStartedBy(ex:a2,ex:e1,-,-) wasEndedBy(ex:a3,ex:e2,ex:a2,-)",
    "wasDerivedFrom(ex:e2,ex:e1,ex:a1,ex:g,ex:u)",
    "wasAttributedTo(ex:e2,ex:e1)",
    "mentionOf(ex:e2,ex:e1,ex:b)",
)


def document(body: str) -> str:
    return f"document\nprefix ex <http://example.org/>\n{body}\nendDocument\n"


@pytest.fixture
def check(tmp_path):
    def check(body: str, name: str = "given.provn"):
        path = tmp_path / name
        path.write_text(document(body))
        return validate_file(path)

    return check


def broken(found) -> set[str]:
    return {one.constraint for _, one in found.violations if not one.is_warning}


@pytest.mark.parametrize("constraint", CASES)
def test_constraint(check, constraint):
    """Each constraint is told by its name where it is broken, and only there."""
    bad, good = CASES[constraint]
    assert constraint in broken(check(BOTH + bad))
    assert broken(check(BOTH + good)) == set()


def test_names_are_those_of_the_document(check):
    """Who reads it finds the place."""
    (found,) = check(BOTH + CASES["constraint 24, unique-generation"][0]).violations
    assert found[1].what == (
        "wasGeneratedBy of ex:e1 and ex:a1 has two of identifier: ex:g and ex:h"
    )


def test_influence_of_a_relation(check):
    """A relation and an influence of one identifier say the same."""
    assert broken(check(BOTH + INFLUENCED)) == {"constraint 23, key-properties"}


@pytest.mark.parametrize("way", ROUNDABOUT[1:])
def test_order_through_other_events(check, way):
    """A derivation cannot go against what usage, start, end, attribution or mention say."""
    back = "wasDerivedFrom(ex:e1,ex:e2)"
    found = check(BOTH + way + " " + back)
    assert broken(found) == {"constraint 42, derivation-generation-generation-ordering"}
    assert " generated, but ex:e" in str(found.violations)
    assert broken(check(BOTH + way)) == set()


def test_communication_does_not_order_generations(check):
    """wasInformedBy orders a start and an end, no more: what the chain only seems to say is no error."""
    assert broken(check(BOTH + ROUNDABOUT[0] + " wasDerivedFrom(ex:e1,ex:e2)")) == set()


def test_unknowns_become_known(check):
    """What two statements leave out is filled by a third, and then contradicts a fourth."""
    body = "used(ex:u;ex:a1,-,-) used(ex:u;ex:a1,ex:e1,-)"
    assert broken(check(BOTH + body)) == set()
    body = "wasStartedBy(ex:s;ex:a1,-,ex:a2,-) wasStartedBy(ex:t;ex:a1,-,-,-) wasStartedBy(ex:t;ex:a1,-,ex:a2,-)"
    assert broken(check(BOTH + body)) == {"constraint 26, unique-wasStartedBy"}


def test_times_against_the_order_are_warnings(check):
    """PROV allows them; who wrote them should look."""
    body = f"wasGeneratedBy(ex:e1,ex:a1,{NEXT}) used(ex:a2,ex:e1,{DAY})"
    found = check(BOTH + body)
    assert found.is_valid
    ((_, warning),) = found.violations
    assert warning.is_warning
    assert warning.constraint == "constraint 37, generation-precedes-usage"


def test_bundles_are_worlds_of_their_own(check):
    """What contradicts only what another bundle says is no error, and a bundle is named."""
    apart = "bundle ex:b1 entity(ex:x) endBundle bundle ex:b2 activity(ex:x,-,-) endBundle"
    assert check(apart).is_valid
    ((bundle, _),) = check("bundle ex:b1 entity(ex:x) activity(ex:x,-,-) endBundle").violations
    assert bundle == "ex:b1"


def test_public_cases(shared, capsys):
    """At least 95 in 100 of the public cases are told right, and none is a false alarm."""
    right, wrong, false_alarms = 0, [], []
    for folder in ("unification", "type"):
        for path in sorted((shared / "prov-validation" / folder).iterdir()):
            try:
                valid = validate_file(path, syntax="provn").is_valid
            except DocumentError:
                valid = False
            if valid is ("-success" in path.name):
                right += 1
            elif valid:
                wrong.append(path.name)
            else:
                false_alarms.append(path.name)
    total = right + len(wrong) + len(false_alarms)
    with capsys.disabled():
        print(f"\nvalidation cases: {right} of {total} right, not seen: {wrong}, false: {false_alarms}")  # fmt: skip
    assert total >= 100
    assert not false_alarms
    assert right >= 0.95 * total


def test_cases_that_come_with_prov():
    """The W3C's unification cases, as XML: no false alarm among what can be read at all."""
    import prov

    folder = os.path.join(os.path.dirname(prov.__file__), "tests", "unification", "constraints")
    right, seen = 0, 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".xml"):
            continue
        try:
            valid = validate_file(os.path.join(folder, name)).is_valid
        except DocumentError as error:
            assert "bundle" in name or "has no representable value" in str(error)  # noqa: PT017
            continue
        seen += 1
        right += valid is ("success" in name)
        assert valid or "success" not in name, name
    assert seen > 140
    assert right >= 0.95 * seen


@pytest.mark.parametrize("to", DOCUMENTS)
@pytest.mark.parametrize("made", [crab, crab_with_child], ids=["crab", "child"])
def test_own_documents_are_valid(tmp_path, made, to):
    """What is exported breaks nothing, and no time in it is against the order."""
    path = tmp_path / f"run.{to}"
    path.write_bytes(rendered(made(), to))
    found = validate_file(path, syntax=to)
    assert found.statements > 50
    assert [str(one) for _, one in found.violations] == []


# Histories: things happen one after another, so whatever is then told of them is possible.


@st.composite
def histories(draw):
    """Draw what happened, in order, and tell it as statements in any order."""
    names = iter(f"n{number}" for number in range(10_000))
    entities: list[str] = []
    running: list[str] = []
    told: list[Statement] = []
    for _ in range(draw(st.integers(1, 12))):
        step = draw(st.sampled_from(["start", "generate", "use", "derive", "inform", "end"]))
        if step == "start":
            activity = next(names)
            trigger = draw(st.sampled_from([*entities, None]))
            starter = None
            told.append(Statement("activity", activity, (None, None)))
            told.append(Statement("wasStartedBy", None, (activity, trigger, starter, None)))
            running.append(activity)
        elif step == "generate" and running:
            entity, activity = next(names), draw(st.sampled_from(running))
            told.append(Statement("entity", entity, ()))
            told.append(Statement("wasGeneratedBy", None, (entity, activity, None)))
            entities.append(entity)
        elif step == "use" and running and entities:
            used = draw(st.sampled_from(running)), draw(st.sampled_from(entities)), None
            told.append(Statement("used", draw(st.sampled_from([None, next(names)])), used))
        elif step == "derive" and entities:
            entity, old = next(names), draw(st.sampled_from(entities))
            told.append(Statement("entity", entity, ()))
            told.append(Statement("wasDerivedFrom", None, (entity, old, None, None, None)))
            kind = draw(st.sampled_from(["specializationOf", "alternateOf", None]))
            if kind:
                told.append(Statement(kind, None, (entity, old)))
            entities.append(entity)
        elif step == "inform" and len(running) > 1:
            told.append(Statement("wasInformedBy", None, (running[-1], running[0])))
        elif step == "end" and running:
            told.append(Statement("wasEndedBy", None, (running.pop(0), None, None, None)))
    return draw(st.permutations(told))


@given(histories())
@settings(max_examples=300)
def test_what_happened_is_possible(told):
    """No false alarm on any history."""
    assert violations(told, {}) == []


@given(histories(), st.data())
@settings(max_examples=300)
def test_a_derivation_backwards_is_found(told, data):
    """However long the chain: what came of a thing cannot be its progenitor."""
    came = {}
    for one in told:
        if one.kind == "wasDerivedFrom":
            came.setdefault(one.terms[1], []).append(one.terms[0])
    if not came:
        return
    old = data.draw(st.sampled_from(sorted(came)))
    new = data.draw(st.sampled_from(came[old]))
    while new in came and data.draw(st.booleans()):
        new = data.draw(st.sampled_from(came[new]))
    back = Statement("wasDerivedFrom", None, (old, new, None, None, None))
    both = [Statement("entity", one, ()) for one in (old, new)]
    found = {one.constraint for one in violations([*told, *both, back], {})}
    assert "constraint 42, derivation-generation-generation-ordering" in found


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8))))
def test_graphs(graph):
    """Parts and ways are those that a naive search of all reachable nodes finds."""

    def reached(start):
        found, waiting = set(), list(graph.get(start, ()))
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += graph.get(node, ())
        return found

    nodes = set(graph) | {one for following in graph.values() for one in following}
    reach = {node: reached(node) for node in nodes}
    assert sorted(node for part in parts(graph) for node in part) == sorted(nodes)
    for part in parts(graph):
        for node in nodes - {part[0]}:
            together = node in reach[part[0]] and part[0] in reach[node]
            assert (node in part) is together
    assert {node for ring in rings(graph) for node in ring} == {n for n in nodes if n in reach[n]}
    for one in nodes:
        for two in nodes - {one}:
            way = shortest_way(graph, one, two)
            assert bool(way) is (two in reach[one])
            assert all(after in graph[before] for before, after in zip(way, way[1:], strict=False))


def test_deep_and_wide():
    """A chain of 30 000 and a fan of 30 000: no recursion, no quadratic work."""
    size = 30_000
    chain = [
        Statement("wasDerivedFrom", None, (f"e{n + 1}", f"e{n}", None, None, None))
        for n in range(size)
    ]
    fan = [Statement("used", None, ("a", f"e{n}", None)) for n in range(size)]
    entities = [Statement("entity", f"e{n}", ()) for n in range(size + 1)]
    assert violations([*chain, *fan, *entities], {}) == []
    back = Statement("wasDerivedFrom", None, ("e0", f"e{size}", None, None, None))
    (found,) = violations([*chain, back, *entities], {})
    assert found.constraint.startswith("constraint 42")


def test_kinds_are_those_of_prov():
    """Columns stand in the order of prov's own."""
    from prov.constants import PROV_N_MAP
    from prov.model import PROV_REC_CLS

    ours = {kind: [column.name for column in columns] for kind, columns in KINDS.items()}
    theirs = {
        PROV_N_MAP[kind]: [one.localpart for one in found.FORMAL_ATTRIBUTES]
        for kind, found in PROV_REC_CLS.items()
        if PROV_N_MAP[kind] != "bundle"
    }
    assert ours == theirs


# Other people's files.

HOSTILE = {
    "nothing.json": b"",
    "cut.json": b'{"entity": {"ex:e',
    "list.json": b"[1, 2]",
    "deep.json": b'{"entity":' * 100_000,
    "latin.provn": "document\nprefix ex <http://é/>\nendDocument".encode("latin-1"),
    "binary.provn": bytes(range(256)) * 20,
    "later.json": b'{"prefix": {"prov": "http://www.w3.org/ns/prov2#"}, "hologram": {}}',
    "unknown.provn": b"document\nentity(no:such)\nendDocument",
    "text.xml": b"<html><body>Not found</body></html>",
    "laughs.xml": b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<prov:document xmlns:prov="http://www.w3.org/ns/prov#">&b;</prov:document>',
    "outside.xml": b'<?xml version="1.0"?><!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd">'
    b'<prov:document xmlns:prov="http://www.w3.org/ns/prov#"/>',
    "laughs16.xml": '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE d [<!ENTITY a "b">]><d/>'.encode("utf-16"),
    "cut.ttl": b"@prefix prov: <http://www.w3.org/ns/prov#> . <a> a prov:Ent",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_one_error(tmp_path, name):
    """It names the file, and is said on one line."""
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300 + 2 * len(str(path)) + 80


def test_remote_context_is_not_fetched(tmp_path, monkeypatch):
    """JSON-LD names its context by an address; nobody is asked for it."""
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    path = tmp_path / "given.jsonld"
    path.write_text(
        json.dumps(
            {
                "@context": [{"ex": "http://example.org/"}, "http://127.0.0.1:9/context.jsonld"],
                "@graph": [{"@type": "Entity", "@id": "ex:e1"}],
            }
        )
    )
    try:
        document, _ = read_document(path)
    except DocumentError:
        return
    assert len(document.get_records()) == 1


def test_large_file_is_not_read(tmp_path):
    path = tmp_path / "large.json"
    path.write_text(" " * 2000)
    with pytest.raises(DocumentError, match="has more than 1000 bytes; give a larger --max-bytes"):
        read_document(path, max_bytes=1000)
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        read_document(tmp_path / "none.json")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        read_document(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "syntax"),
    [
        ("a", b' \n{"entity": {}}', "json"),
        ("a.json", b'{"@graph": []}', "jsonld"),
        ("a", b"document\n", "provn"),
        ("a.txt", b"\xef\xbb\xbfdocument\n", "provn"),
        ("a", b"<?xml version='1.0'?>", "xml"),
        ("a", b"<prov:document", "xml"),
        ("a.ttl", b"<http://a> a <http://b> .", "turtle"),
        ("a.rdf", b"@prefix a: <http://a> .", "trig"),
        ("a.trig", b"{ <a> a <b> }", "trig"),
    ],
)
def test_syntax_is_told_by_the_content(name, content, syntax):
    assert guess_syntax(name, content) == syntax


def test_verb(tmp_path):
    """Told to people and to programs; the exit code is for CI."""
    good, bad, none = tmp_path / "good.provn", tmp_path / "bad.provn", tmp_path / "none.provn"
    good.write_text(document("entity(ex:e1)"))
    bad.write_text(document("entity(ex:e1) activity(ex:e1,-,-)"))
    told = CliRunner().invoke(main, ["validate", str(good)])
    assert (told.exit_code, told.output) == (0, f"{good}: valid, 1 statement\n")
    told = CliRunner().invoke(main, ["validate", str(bad), str(good), str(none)])
    assert told.exit_code == 1
    assert told.output.splitlines() == [
        f"{bad}: ex:e1 is an entity (used as an entity) and an activity (used as an activity)"
        " (constraint 55, entity-activity-disjoint)",
        f"{bad}: not valid, 2 statements",
        f"{good}: valid, 1 statement",
        f"{none}: cannot be read: No such file or directory; check the path",
    ]
    told = CliRunner().invoke(main, ["validate", "--json", str(bad), str(none)])
    one, two = json.loads(told.output)
    assert one["violations"][0]["constraint"] == "constraint 55, entity-activity-disjoint"
    assert (one["valid"], two["valid"], two["error"][: len(str(none))]) == (False, False, str(none))


def test_nothing_is_loaded_for_other_verbs():
    """The checker's libraries cost only who asks for it."""
    code = "import sys, provagent.cli; sys.exit('prov' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_page_names_each_format():
    page = (ROOT / "docs" / "reference" / "prov.md").read_text()
    for name in FORMATS:
        assert f"`{name}`" in page
