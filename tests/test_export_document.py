import io
import json
import os
import pathlib
import subprocess
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import (
    ProvDocument,
    ProvEntity,
    ProvFutureRejectionWarning,
    ProvUsage,
)
from read_side import (
    CWD,
    OBS_IDS,
    PACKAGES,
    RUN_ID,
    Shard,
    crab,
    crab_with_child,
    digest,
    environment_events,
    event,
)

from provagent.contract.errors import ExportError
from provagent.reading.export.document import to_document
from provagent.reading.export.write import DOCUMENTS, export, rendered
from provagent.reading.record.build import build

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA = os.path.join(os.path.dirname(ROOT), "shared", "w3c-prov", "prov.xsd")
RDF = {"trig": "trig", "rdf": "trig", "turtle": "turtle"}
AWKWARD = "it's a \"test\" / café & <naïve> \\ 100%: 'x' — 宇宙\t#\n?"


def read_back(content, to):
    options = {"format": "rdf", "rdf_format": RDF[to]} if to in RDF else {"format": to}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of rdflib, in prov
        warnings.simplefilter("error", ProvFutureRejectionWarning)
        text = content if to == "xml" else content.decode()
        return ProvDocument.deserialize(content=text, **options)


def as_written(provenance, to):
    """The document; in PROV-O roles and locations are IRIs, and Turtle has no bundles."""
    document = to_document(provenance, for_rdf=to in RDF)
    return document.flattened() if to == "turtle" else document


def awkward(text):
    """A run in which everything that a user can name is named ``text``."""
    shard = Shard()
    shard.begin(module=text)
    shard.events[-1] |= {"user": text or "x", "command": [text], "cwd": text}
    shard.events[-1]["definitions"][0] |= {"name": text, "location": text}
    fields = {"name": text, "description": text}
    activity = {
        **fields,
        "usage": [{"role": text, "description": text}],
        "generation": [{"role": text}],
        "parameters": [{"name": text, "value": text}],
    }
    shard.add("description", definition=text, activity=activity)
    shard.add("description", definition=text, entity=fields)
    entity = shard.entity(
        type="File",
        location=text,
        name=text,
        entity_description=text,
        digest=digest(text),
        identified="file",
        value=text,
    )
    activity = shard.activity(
        text,
        1,
        used=[(entity, text)],
        parameters={text: text, f"{text}2": [text]},
    )
    shard.events[-1] |= {"definition": text, "target": text}
    shard.done(activity, 2, generated=[(entity, text)])
    return build([*shard.events, *environment_events()])


@pytest.mark.parametrize("to", DOCUMENTS)
def test_a_document_reads_back_equal(to):
    """What prov reads from each format is the document that was written."""
    provenance = crab_with_child()
    assert read_back(rendered(provenance, to), to) == as_written(provenance, to)


@pytest.mark.parametrize("to", DOCUMENTS)
def test_awkward_names_read_back_equal(to):
    """Spaces, quotes, slashes and other alphabets break no format."""
    provenance = awkward(AWKWARD)
    assert read_back(rendered(provenance, to), to) == as_written(provenance, to)


@settings(max_examples=25)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["json", "provn", "xml"]),
)
def test_any_text_reads_back_equal(text, to):
    """No text that a program can hold breaks a document."""
    provenance = awkward(text)
    assert read_back(rendered(provenance, to), to) == as_written(provenance, to)


@pytest.mark.parametrize("make", [crab_with_child, lambda: awkward(AWKWARD)])
def test_xml_is_valid_against_the_schema_of_the_w3c(make):
    """PROV-XML is valid, also where process ids begin with a digit."""
    if not os.path.exists(SCHEMA):
        pytest.skip(f"outside material is not at {SCHEMA}")
    from lxml import etree

    class Offline(etree.Resolver):
        def resolve(self, url, public_id, context):
            if not url.endswith("xml.xsd"):
                return None
            return self.resolve_string(
                '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
                'targetNamespace="http://www.w3.org/XML/1998/namespace">'
                '<xs:attribute name="lang" type="xs:language"/></xs:schema>',
                context,
            )

    parser = etree.XMLParser()
    parser.resolvers.add(Offline())
    schema = etree.XMLSchema(etree.parse(SCHEMA, parser))
    schema.assertValid(etree.fromstring(rendered(make(), "xml")))


@pytest.mark.parametrize("make", [crab_with_child, lambda: awkward(AWKWARD)])
def test_json_is_valid_against_the_schema(make):
    """The member submission's schema, as it comes with prov."""
    import jsonschema
    import prov

    path = pathlib.Path(prov.__file__).parent / "tests" / "schemas" / "prov-json.schema.json"
    found = json.loads(path.read_text())
    validator = jsonschema.validators.validator_for(found)(found)
    assert list(validator.iter_errors(json.loads(rendered(make(), "json")))) == []


@pytest.mark.parametrize("make", [crab_with_child, lambda: awkward(AWKWARD)])
def test_rdf_keeps_the_domains_and_ranges_of_prov_o(make, shared):
    """Each property of PROV-O stands between things of the classes that the ontology names."""
    import rdflib
    from rdflib.collection import Collection
    from rdflib.namespace import OWL, RDF, RDFS, XSD

    ontology = rdflib.Graph().parse(shared / "w3c-prov" / "prov-o.ttl", format="turtle")
    graph = rdflib.Graph().parse(data=rendered(make(), "turtle").decode(), format="turtle")
    objects = set(ontology.subjects(RDF.type, OWL.ObjectProperty))
    checked = 0
    for subject, predicate, value in graph:
        assert not (predicate in objects and isinstance(value, rdflib.Literal)), (predicate, value)
        for side, thing in ((RDFS.domain, subject), (RDFS.range, value)):
            for wanted in ontology.objects(predicate, side):
                if wanted == OWL.Thing:
                    continue
                if wanted == RDFS.Literal or str(wanted).startswith(str(XSD)):
                    assert isinstance(thing, rdflib.Literal)
                    continue
                union = next(ontology.objects(wanted, OWL.unionOf), RDF.nil)
                classes = set(Collection(ontology, union)) or {wanted}
                asserted = set(graph.objects(thing, RDF.type))
                of = {above for kind in asserted for above in ontology.transitive_objects(kind, RDFS.subClassOf)}  # fmt: skip
                # Roles, plans and locations need no type; what has one has the right one.
                assert of & classes or not asserted, (predicate, side, thing, of)
                checked += bool(of)
    assert checked > 50


def test_long_runs_take_no_more_memory(monkeypatch):
    """99 000 statements within 300 MB: nothing of the document is held."""
    monkeypatch.syspath_prepend(os.path.join(ROOT, "bench"))
    from exports import measure

    for to in ("json", "provn"):
        found = measure("9000", to, "provagent")
        assert found["size"] > 10
        assert found["peak"] < 300


@pytest.mark.parametrize("to", [*DOCUMENTS, "dot", "svg"])
def test_exporting_twice_gives_equal_bytes(to):
    """Equal provenance gives equal documents."""
    assert rendered(crab_with_child(), to) == rendered(crab_with_child(), to)


def test_the_order_of_hashes_does_not_show():
    """Another process, with other hashes of text, writes the same bytes."""
    code = (
        "import sys; from read_side import crab; from provagent.reading.export.write import export\n"
        "for to in ('json', 'xml', 'trig'): export(crab(), to, sys.stdout.buffer)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests",
            },
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.fixture(scope="module")
def bundle():
    (bundle,) = to_document(crab_with_child()).bundles
    return bundle


def found(bundle, name):
    (record,) = bundle.get_record(name)
    return record


def value(record, name):
    (one,) = record.get_attribute(name)
    return one


def by_label(bundle, label):
    return [
        each for each in bundle.get_records() if label in map(str, each.get_attribute("prov:label"))
    ]


def parameter_named(bundle, name):
    (one,) = [
        each
        for each in by_label(bundle, name)
        if "voprov:Parameter" in map(str, each.get_attribute("prov:type"))
    ]
    return one


def relations(bundle, kind):
    """(first, second, attributes) of each relation of a kind, e.g. wasStartedBy."""
    return [
        (*[str(each) for each in record.args if each is not None and ":" in str(each)][:2], record)
        for record in bundle.get_records()
        if record.get_provn().startswith(f"{kind}(")
    ]


def test_a_run_is_one_bundle_under_absolute_iris():
    """Names are absolute, and an institution can give its own root."""
    (bundle,) = to_document(crab()).bundles
    assert bundle.identifier.uri == f"urn:provagent:run.{RUN_ID}"
    (bundle,) = to_document(crab(), namespace="https://obs.example/prov").bundles
    assert bundle.identifier.uri == f"https://obs.example/prov/run.{RUN_ID}"
    for record in bundle.get_records():
        if record.identifier:
            assert record.identifier.uri.startswith(
                ("https://obs.example/prov/", "urn:provagent:content#")
            )


@pytest.mark.parametrize("namespace", ["obs", "/prov/", "https://a b/", "x:<y>"])
def test_a_namespace_that_is_no_absolute_iri_is_refused(namespace):
    """The message says what would be one."""
    with pytest.raises(ExportError, match="is not an absolute IRI; write one such as https://"):
        to_document(crab(), namespace=namespace)


def test_the_run_is_the_outermost_activity(bundle):
    """Program, child process and activities start each other; each has its times."""
    started = {first: second for first, second, _ in relations(bundle, "wasStartedBy")}
    (setting,) = by_label(bundle, "set_models")
    (reading,) = by_label(bundle, "read_models")
    (plotting,) = by_label(bundle, "plot")
    assert started[str(setting.identifier)] == str(reading.identifier)
    assert started[str(reading.identifier)] == "run:program"
    assert started[str(plotting.identifier)] == "run:process.zz01aa"
    assert started["run:process.zz01aa"] == "run:program"
    program = found(bundle, "run:program")
    assert (program.get_startTime().second, program.get_endTime().second) == (0, 57)


def test_parameters_are_typed_as_the_ivoa_has_them(bundle):
    """A parameter is an entity with name and value, which configured the activity."""
    parameter = parameter_named(bundle, "max radius")
    assert value(parameter, "voprov:name") == "max radius"
    assert value(parameter, "prov:value") == "2.5 deg"
    (relation,) = [
        record
        for _, second, record in relations(bundle, "wasInfluencedBy")
        if second == str(parameter.identifier)
    ]
    assert str(value(relation, "prov:type")) == "voprov:WasConfiguredBy"


def test_values_keep_their_type(bundle):
    """Numbers and booleans are such in the document, lists are JSON, None is null."""
    values = {
        name: value(parameter_named(bundle, name), "prov:value")
        for name in ("tolerance", "verbose", "obs_ids", "seed", "filename")
    }
    assert values["tolerance"] == 0.1
    assert values["verbose"] is False
    assert values["obs_ids"] == str(list(OBS_IDS))
    assert values["seed"] == "null"
    assert values["filename"] == "flux_points.fits"


def test_descriptions_that_are_used_are_linked(bundle):
    """Activity, usage, parameter and entity lead to what the definition says of them."""
    description = found(bundle, "run:activity_description.gammapy.get_observations")
    assert str(value(description, "prov:type")) == "voprov:ActivityDescription"
    assert value(description, "voprov:type") == "Selection"
    (usage,) = [
        each
        for each in bundle.get_records(ProvUsage)
        if "datastore" in each.get_attribute("prov:role")
    ]
    usage_description = found(bundle, value(usage, "voprov:usageDescription"))
    assert value(usage_description, "voprov:role") == "datastore"
    assert (
        str(value(usage_description, "voprov:entityDescription"))
        == "run:entity_description.gammapy.DataStore"
    )
    parameter = found(bundle, "run:parameter_description.gammapy.get_observations.1")
    assert (value(parameter, "voprov:unit"), value(parameter, "voprov:valueType")) == (
        "deg",
        "float",
    )
    assert not bundle.get_record("run:entity_description.gammapy.NeverUsed")


def test_collections_have_their_members(bundle):
    """Both states of the observations have the four observations."""
    members = [first for first, _, _ in relations(bundle, "hadMember")]
    assert sorted(map(members.count, set(members))) == [4, 4]


def test_an_untraced_copy_is_a_derivation_with_its_code(bundle):
    """The derivation says how, between what, and the lines of code."""
    ((_, _, derivation),) = relations(bundle, "wasDerivedFrom")
    assert value(derivation, "provagent:how") == "copied"
    assert "copy.deepcopy(" in value(derivation, "provagent:code")
    assert value(derivation, "provagent:first_line") == 22
    assert len(derivation.get_attribute("provagent:between")) == 2


def test_equal_contents_are_one_content_entity(bundle):
    """Every digest of a content leads to an entity that other runs have too."""
    model = digest(f"{CWD}/model.yaml").replace(":", ".")
    general = found(bundle, f"content:{model}")
    assert general.identifier.uri == f"urn:provagent:content#{model}"
    specials = [second for _, second, _ in relations(bundle, "specializationOf")]
    assert specials.count(f"content:{model}") == 1
    scripts = digest("crab_1d.py").replace(":", ".")
    assert specials.count(f"content:{scripts}") == 2  # one for each process


def test_errors_and_status_are_attributes(bundle):
    """A failed activity says with what."""
    (plotting,) = by_label(bundle, "plot")
    assert value(plotting, "provagent:status") == "error"
    assert value(plotting, "provagent:error_type") == "ValueError"


def test_the_environment_is_whole(bundle):
    """All packages stand in the document, in one value, and nothing is cut."""
    import json

    environment = found(bundle, "run:environment.3fa2b1c4d5e6")
    assert json.loads(value(environment, "provagent:packages")) == PACKAGES


def test_agents_are_the_user_and_the_software(bundle):
    """gammapy, with its version, executed its methods on behalf of the user."""
    acted = {first: second for first, second, _ in relations(bundle, "actedOnBehalfOf")}
    assert acted["software:gammapy.2.1"] == "user:maria"
    executed = [second for _, second, _ in relations(bundle, "wasAssociatedWith")]
    assert executed.count("software:gammapy.2.1") == 7
    assert "software:provagent.0.1.0" in executed


def test_no_statement_is_made_twice(bundle):
    """No record of the bundle is there a second time."""
    records = [each.get_provn() for each in bundle.get_records()]
    assert len(records) == len(set(records))
    names = [each.identifier for each in bundle.get_records() if each.identifier]
    assert len(names) == len(set(names))


def test_a_usage_that_is_recorded_twice_is_one():
    """The same entity in the same role is used once; in another role, once more."""
    shard = Shard()
    shard.begin()
    entity = shard.file("/x")
    shard.activity("f", 1, used=[(entity, "a"), (entity, "a"), (entity, "b")])
    (bundle,) = to_document(build(shard.events)).bundles
    roles = [
        value(each, "prov:role")
        for each in bundle.get_records(ProvUsage)
        if str(each.args[1]).startswith("run:entity")
    ]
    assert roles == ["a", "b"]


def test_different_names_are_different_in_the_document():
    """Users and definitions whose names differ only in what is not legal stay apart."""
    names = set()
    for user in ("a b", "a_b", "a.b", "a-b", "a_x20_b", "2b", "é"):
        shard = Shard()
        shard.begin()
        shard.events[0]["user"] = user
        (bundle,) = to_document(build(shard.events)).bundles
        names |= {
            str(each.identifier)
            for each in bundle.get_records()
            if str(each.identifier).startswith("user:")
        }
    assert len(names) == 7


def test_a_run_inside_another_is_started_by_it():
    """The name of the outer activity is the one that the outer run's document has."""
    shard = Shard()
    shard.begin(
        parent_run="20260101T000000-aaaaaa", parent_activity="20260101T000000-aaaaaa.bbbbbb.7"
    )
    (bundle,) = to_document(build(shard.events)).bundles
    ((_, outer, record),) = relations(bundle, "wasStartedBy")
    assert outer == "runs:run.20260101T000000-aaaaaa.activity.bbbbbb.7"
    (other,) = to_document(build([event("activity", activity_id="20260101T000000-aaaaaa.bbbbbb.7")], name="20260101T000000-aaaaaa")).bundles  # fmt: skip
    uri = record.args[2].uri
    assert any(each.identifier and each.identifier.uri == uri for each in other.get_records())


def test_a_cut_record_exports(tmp_path):
    """Missing ends, entities and times are no obstacle."""
    events = [event("activity", activity_id="r.p.1", used=[{"used_id": "x", "used_role": ""}])]
    for to in DOCUMENTS:
        content = rendered(build(events), to)
        (bundle,) = read_back(content, to).bundles or [read_back(content, to)]
        assert len(list(bundle.get_records(ProvEntity))) == 1


def test_the_public_function_can_be_called_again():
    """provagent.reading.export is the function, and the room of its name as soon as that is imported."""
    code = (
        "import sys, provagent; from read_side import crab\n"
        "for _ in range(2): provagent.export(crab(), 'provn', sys.stdout.buffer)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout.count(b"endDocument") == 2


def test_unknown_formats_and_missing_extras_are_told(monkeypatch, tmp_path):
    """The message names the formats, or the extra to install."""
    with pytest.raises(
        ExportError, match="'docx': unknown format; known formats: json, jsonld, provn"
    ):
        export(crab(), "docx", io.BytesIO())
    for to, module in (("xml", "lxml"), ("trig", "rdflib"), ("png", "pygraphviz")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ExportError, match=f"pip install {module}"):
            export(crab(), to, io.BytesIO())


def test_a_file_is_written_or_the_error_names_it(tmp_path):
    """Path and stream get the same bytes; a path that cannot be written is told."""
    path = tmp_path / "crab.json"
    export(crab(), "json", str(path))
    stream = io.BytesIO()
    export(crab(), "json", stream)
    assert path.read_bytes() == stream.getvalue()
    with pytest.raises(ExportError, match=r"nosuch/x.json: cannot be written: No such file"):
        export(crab(), "json", str(tmp_path / "nosuch" / "x.json"))
