"""Reading definitions: the format, older dialects, and every kind of bad input."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import textwrap
from collections import Counter

import pytest
import yaml
from click.testing import CliRunner
from dialects import OLDER, PUBLISHED
from hypothesis import given, settings
from hypothesis import strategies as st

from provagent.cli import main
from provagent.definition import nodes
from provagent.definition.description import (
    ActivityDescription,
    AgentDescription,
    EntityDescription,
    EntityUse,
    MemberDescription,
    ParameterDescription,
    TargetPattern,
)
from provagent.definition.parse import LARGEST, parse_definition, read_definition
from provagent.definition.plain_data import to_data
from provagent.isolation import originals
from provagent.recording.weave.target import Target


def parse(text):
    data = textwrap.dedent(text).lstrip("\n").encode()
    return parse_definition(data, location="d.yaml", name="d")


def clean(text):
    reading = parse(text)
    assert reading.problems == ()
    return reading.definition


# The format


WHOLE = """
    provagent: 1
    requires: {gammapy: ">=1.2", numpy: ">=1.26,<3"}
    targets:
      - gammapy.analysis.core:Analysis
      - gammapy.estimators:*Estimator.run
    activities:
      get_observations:
        description: Choose observations
        type: Selection
        version: 1.10
        parameters:
          - {name: datastore, value: config.observations.datastore, unit: TeV, min: 0.10}
          - {value: config.datasets.dataset-type, options: [1d, 3d]}
          - {name: kwargs.path}
        usage:
          - role: the data store
            entity_description: DataStore
            location: config.observations.datastore
            multiplicity: 1
            type: Main
        generation:
          - role: observations_selected
            entity_description: Observations
            value: observations
            overwrite: true
            has_members: {list: observations, entity_description: File, id: obs_id, namespace: obs}
            has_progenitors:
              - {value: config}
    entities:
      Observations: {description: A list, identifier: [ids, models.to_dict()]}
      DataStore: {type: FileCollection, index: obs-index.fits.gz, identifier: file}
      FITS: {contentType: application/fits}
    agents:
      me: {type: Person, email: me@there.org}
    namespaces:
      obs: https://there.org/obs/
"""


def test_the_whole_format_is_read():
    """Each key of the format ends in the field of its name, numbers as they are written."""
    definition = clean(WHOLE)
    assert definition.requires == {"gammapy": ">=1.2", "numpy": ">=1.26,<3"}
    assert definition.targets == (
        TargetPattern(text="gammapy.analysis.core:Analysis", line=4),
        TargetPattern(text="gammapy.estimators:*Estimator.run", line=5),
    )
    assert definition.activities == {
        "get_observations": ActivityDescription(
            name="get_observations",
            description="Choose observations",
            type="Selection",
            version="1.10",
            parameters=(
                ParameterDescription(
                    name="datastore",
                    value="config.observations.datastore",
                    unit="TeV",
                    min="0.10",
                ),
                ParameterDescription(
                    name="dataset-type",
                    value="config.datasets.dataset-type",
                    options=("1d", "3d"),
                ),
                ParameterDescription(name="kwargs.path", value="kwargs.path"),
            ),
            usage=(
                EntityUse(
                    role="the data store",
                    entity_description="DataStore",
                    location="config.observations.datastore",
                    multiplicity="1",
                    type="Main",
                ),
            ),
            generation=(
                EntityUse(
                    role="observations_selected",
                    entity_description="Observations",
                    value="observations",
                    overwrite=True,
                    has_members=MemberDescription(
                        list="observations",
                        entity_description="File",
                        id="obs_id",
                        namespace="obs",
                    ),
                    has_progenitors=(MemberDescription(value="config"),),
                ),
            ),
        )
    }
    assert definition.entities == {
        "Observations": EntityDescription(
            name="Observations", description="A list", identifier=("ids", "models.to_dict()")
        ),
        "DataStore": EntityDescription(
            name="DataStore", type="FileCollection", index="obs-index.fits.gz", identifier="file"
        ),
        "FITS": EntityDescription(name="FITS", type="File", contentType="application/fits"),
    }
    assert definition.agents == {
        "me": AgentDescription(name="me", type="Person", email="me@there.org")
    }
    assert definition.namespaces == {"obs": "https://there.org/obs/"}


def test_null_lists_and_mappings_are_empty():
    """A key with nothing after it is an empty list, mapping or text."""
    definition = clean("""
        activities:
          f: {description: , parameters: , usage: [ ], generation: [null, {role: r, value: x}]}
          g:
        entities:
          E:
        namespaces:
    """)
    assert definition.activities == {
        "f": ActivityDescription(name="f", generation=(EntityUse(role="r", value="x"),)),
        "g": ActivityDescription(name="g"),
    }
    assert definition.entities == {"E": EntityDescription(name="E")}


def test_words_that_yaml_takes_for_booleans_are_names():
    """An activity called ``on`` and a default ``yes`` stay texts."""
    definition = clean("activities: {on: {parameters: [{name: n, value: no, default: yes}]}}")
    assert definition.activities["on"].parameters == (
        ParameterDescription(name="n", value="no", default="yes"),
    )


def test_aliases_and_merge_keys_are_resolved():
    """An alias is what it stands for; a merge key fills in, and what is written counts first."""
    definition = clean("""
        entities:
          A: &a {type: File, docurl: one}
          B: {<<: *a, docurl: two}
          C: *a
    """)
    assert definition.entities["B"] == EntityDescription(name="B", type="File", docurl="two")
    assert definition.entities["C"] == EntityDescription(name="C", type="File", docurl="one")


def test_an_activity_may_be_named_by_its_target():
    """Callables that share a name are told apart by class, or by the whole target."""
    definition = clean("""
        activities:
          read: {}
          Models.read: {}
          gammapy.maps.core:Map.read: {}
          Model.__call__: {}
    """)
    assert len(definition.activities) == 4


@pytest.mark.parametrize("word", ["1", "12", "*", "0..1", "1..*", "2..5"])
def test_multiplicities(word):
    """A multiplicity is a number or *, or two of them."""
    text = f"activities: {{f: {{usage: [{{role: r, value: x, multiplicity: '{word}'}}]}}}}"
    assert clean(text).activities["f"].usage[0].multiplicity == word


@pytest.mark.parametrize(
    "specifier",
    [">=1.2", "==1.*", "~=1.4.2", "!= 2.0rc1, <3", "===weird", ">1!2.0.post1", "<=2.0.dev3+ab.1"],
)
def test_version_specifiers(specifier):
    """What PEP 440 allows is a specifier."""
    assert clean(f"requires: {{a-b.c: '{specifier}'}}").requires == {"a-b.c": specifier}


def test_the_digest_is_of_the_bytes():
    """A definition knows the sha256 of the file that it was."""
    data = b"entities: {A: }\n"
    definition = parse_definition(data, location="x", name="n").definition
    assert definition.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert (definition.location, definition.name) == ("x", "n")


# Bad input: each row is a document, and the line, path, fault and remedy of its problem


BAD = {
    "unknown key at the top": (
        "activites: {f: {}}",
        (1, "activites", 'unknown key "activites"', 'did you mean "activities"?'),
    ),
    "unknown key, nothing near": (
        "agents:\n  me:\n    shoe: 44",
        (
            3,
            "agents.me.shoe",
            'unknown key "shoe"',
            "known keys: affiliation, email, orcid, type, url",
        ),
    ),
    "unknown key of a usage": (
        "activities:\n  f:\n    usage:\n      - rol: r\n        role: q\n        value: x",
        (4, "activities.f.usage[0].rol", 'unknown key "rol"', 'did you mean "role"?'),
    ),
    "opens without a file": (
        "activities:\n  f:\n    opens: {mode: mode}",
        (
            3,
            "activities.f.opens",
            'missing key "file"',
            "add file: and the argument that names the file",
        ),
    ),
    "opens with a mode that is none": (
        "activities:\n  f:\n    opens: {file: x, mode: \"'q'\"}",
        (
            3,
            "activities.f.opens.mode",
            "path \"'q'\", character 1: missing name",
            "write a name followed by .name, [literal], [*] or (literal, keyword=literal); a path cannot calculate",
        ),
    ),
    "newer format": (
        "provagent: 2",
        (1, "provagent", "format 2 is newer than this provagent", "upgrade provagent, or write 1"),
    ),
    "no format": ("provagent: new", (1, "provagent", 'unknown format "new"', "write 1")),
    "no specifier": (
        "requires:\n  gammapy: 1.2",
        (2, "requires.gammapy", '"1.2" is not a version specifier', "such as '>=1.2'"),
    ),
    "bad specifier": (
        "requires: {gammapy: '=>1.2'}",
        (1, "requires.gammapy", '"=>1.2" is not a version specifier', "write an operator"),
    ),
    "compatible with one number": (
        "requires: {gammapy: '~=1'}",
        (1, "requires.gammapy", '"~=1" is not a version specifier', "write an operator"),
    ),
    "bad distribution": (
        "requires: {'gamma py': '>=1'}",
        (
            1,
            "requires['gamma py']",
            '"gamma py" is not the name of a package',
            "write the name that pip uses",
        ),
    ),
    "target in slashes": (
        "targets:\n  - gammapy/analysis.py:Analysis",
        (2, "targets[0]", "is not a target", 'did you mean "gammapy.analysis:Analysis"?'),
    ),
    "target with two colons": (
        "targets: ['a:b:c']",
        (
            1,
            "targets[0]",
            '"a:b:c" is not a target',
            "write package.module:Class.method, such as gammapy.analysis.core:Analysis",
        ),
    ),
    "target of nothing": (
        "targets: ['a:']",
        (
            1,
            "targets[0]",
            '"a:" is not a target',
            "write package.module:Class.method, such as gammapy.analysis.core:Analysis",
        ),
    ),
    "stars in the middle": (
        "targets: ['a.**.b']",
        (
            1,
            "targets[0]",
            '"a.**.b" is not a target',
            "write package.module:Class.method, such as gammapy.analysis.core:Analysis",
        ),
    ),
    "targets are a text": (
        "targets: a:b",
        (1, "targets", "expected a list, found a text", 'write ["a:b"]'),
    ),
    "target is a mapping": (
        "targets:\n  - a: b",
        (2, "targets[0]", 'missing key "target"', 'did you mean "a:b"?'),
    ),
    "target is empty": (
        "targets:\n  - {target: , level: call}",
        (2, "targets[0]", "the target is empty", "write package.module:Class.method"),
    ),
    "level": (
        "activities: {f: {level: calls}}",
        (1, "activities.f.level", 'unknown value "calls"', 'did you mean "call"?'),
    ),
    "quiet": (
        "activities: {f: {quiet: outside}}",
        (1, "activities.f.quiet", 'unknown value "outside"', 'did you mean "inside"?'),
    ),
    "max_calls": (
        "targets: [{target: 'a:b', max_calls: -1}]",
        (
            1,
            "targets[0].max_calls",
            '"-1" is not a whole number of 0 or more',
            "write a number such as 100",
        ),
    ),
    "sample": (
        "activities: {f: {sample: 0}}",
        (
            1,
            "activities.f.sample",
            '"0" is not a whole number of 1 or more',
            "write a number such as 100",
        ),
    ),
    "condition": (
        "activities: {f: {when: mode = w}}",
        (
            1,
            "activities.f.when",
            'condition "mode = w", character 6: = is not a comparison',
            "write ==",
        ),
    ),
    "condition of a parameter": (
        "activities: {f: {parameters: [{value: x, when: 'x in w'}]}}",
        (
            1,
            "activities.f.parameters[0].when",
            'condition "x in w", character 6: missing list',
            "as in [w, a]",
        ),
    ),
    "condition of a generation": (
        "activities: {f: {generation: [{role: r, value: x, when: result.__class__}]}}",
        (
            1,
            "activities.f.generation[0].when",
            'condition "result.__class__", character 8: special names such as __class__ are not allowed',
            "write the name of an attribute or item that holds data",
        ),
    ),
    "condition of an activity asks for the result": (
        "activities:\n  f:\n    when: result is not None",
        (
            3,
            "activities.f",
            "the condition tests the result before the call",
            "test the result only in generation (other conditions are tested before the call)",
        ),
    ),
    "condition of a usage asks for the result": (
        "activities:\n  f:\n    usage:\n      - {role: r, value: x, when: not result.ok}",
        (
            4,
            "activities.f.usage[0]",
            "the condition tests the result before the call",
            "test the result only in generation (other conditions are tested before the call)",
        ),
    ),
    "activities are a list": (
        "activities:\n  - f",
        (
            2,
            "activities",
            "expected a mapping, found a list",
            'write "name:" without "- " before it',
        ),
    ),
    "activity is a text": (
        "activities:\n  f: fits",
        (2, "activities.f", "an activity must be a mapping", "write {name: fits}"),
    ),
    "activity is no name": (
        "activities:\n  run fit: {}",
        (
            2,
            "activities['run fit']",
            "not the name of a callable",
            "write function, Class.method or package.module:Class.method",
        ),
    ),
    "activity type": (
        "activities:\n  f:\n    type: Selecton",
        (3, "activities.f.type", '"Selecton" is not a reserved word', 'did you mean "Selection"?'),
    ),
    "activity type in lower case": (
        "activities: {f: {type: calibration}}",
        (1, "activities.f.type", "not a reserved word", 'did you mean "Calibration"?'),
    ),
    "usage type": (
        "activities:\n  f:\n    usage:\n      - {role: r, value: x, type: Qualty}",
        (
            4,
            "activities.f.usage[0].type",
            '"Qualty" is not a reserved word',
            'did you mean "Quality"?',
        ),
    ),
    "entity type": (
        "entities:\n  A:\n    type: Fil",
        (3, "entities.A.type", 'unknown value "Fil"', 'did you mean "File"?'),
    ),
    "entity type, nothing near": (
        "entities: {A: {type: Banana}}",
        (
            1,
            "entities.A.type",
            'unknown value "Banana"',
            "one of PythonObject, File, FileCollection",
        ),
    ),
    "orcid's checksum": (
        "agents: {me: {orcid: 0000-0002-1825-0098}}",
        (
            1,
            "agents.me.orcid",
            "the checksum of 0000-0002-1825-0098 is wrong",
            "compare the digits with orcid.org",
        ),
    ),
    "orcid's form": (
        "agents: {me: {orcid: 1234}}",
        (1, "agents.me.orcid", '"1234" is not an ORCID', "write 16 digits"),
    ),
    "e-mail": (
        "agents: {me: {email: me at there.org}}",
        (
            1,
            "agents.me.email",
            "is not an e-mail address",
            "write one such as maria@observatory.example",
        ),
    ),
    "agent's url": (
        "agents: {me: {url: there.org}}",
        (
            1,
            "agents.me.url",
            '"there.org" is not an absolute IRI',
            "write one such as https://example.org/",
        ),
    ),
    "range": (
        "activities: {f: {parameters: [{name: p, min: 2 TeV, max: 1 TeV}]}}",
        (1, "activities.f.parameters[0]", "min 2 is greater than max 1", "exchange min and max"),
    ),
    "multiplicity of members": (
        "activities: {f: {usage: [{role: r, value: x, has_members: {list: x, multiplicity: some}}]}}",
        (
            1,
            "activities.f.usage[0].has_members.multiplicity",
            "not a multiplicity",
            "write 1, 0..1",
        ),
    ),
    "agent type": (
        "agents: {me: {type: Persona}}",
        (1, "agents.me.type", 'unknown value "Persona"', 'did you mean "Person"?'),
    ),
    "identifier word": (
        "entities:\n  A:\n    identifier: contnet",
        (
            3,
            "entities.A.identifier",
            '"contnet" is not one of content, str, hash, id, file',
            'did you mean "content"?',
        ),
    ),
    "identifier path alone": (
        "entities: {A: {identifier: models.to_dict()}}",
        (
            1,
            "entities.A.identifier",
            "is not one of content",
            "write a path as a list, as in [models.to_dict()]",
        ),
    ),
    "identifier path is bad": (
        "entities:\n  A:\n    identifier:\n      - name\n      - x..y",
        (
            5,
            "entities.A.identifier[1]",
            'path "x..y", character 3: missing name',
            "write a name followed by .name, [literal], [*] or (literal, keyword=literal); a path cannot calculate",
        ),
    ),
    "unknown entity": (
        (
            "activities:\n  f:\n    usage: [{role: r, value: x,\n"
            "      entity_description: DataStor}]\nentities: {DataStore: }"
        ),
        (
            4,
            "activities.f.usage[0].entity_description",
            '"DataStor" is not described in entities',
            'did you mean "DataStore"?',
        ),
    ),
    "unknown entity, nothing near": (
        "activities: {f: {usage: [{role: r, value: x, entity_description: Zzz}]}}",
        (
            1,
            "activities.f.usage[0].entity_description",
            '"Zzz" is not described in entities',
            "add it to the section entities",
        ),
    ),
    "unknown entity of a member": (
        (
            "activities: {f: {usage: [{role: r, value: x,\n"
            "  has_members: {list: x, entity_description: Fle}}]}}"
        ),
        (
            2,
            "activities.f.usage[0].has_members.entity_description",
            '"Fle" is not described in entities',
            'did you mean "File"?',
        ),
    ),
    "unknown namespace": (
        (
            "activities: {f: {usage: [{role: r, value: x, namespace: ob}]}}\n"
            "namespaces: {obs: 'http://there.org/'}"
        ),
        (
            1,
            "activities.f.usage[0].namespace",
            '"ob" is not described in namespaces',
            'did you mean "obs"?',
        ),
    ),
    "namespace is relative": (
        "namespaces:\n  obs: there/obs",
        (
            2,
            "namespaces.obs",
            '"there/obs" is not an absolute IRI',
            "write one such as https://example.org/",
        ),
    ),
    "namespace has a bad prefix": (
        "namespaces: {'o:bs': 'http://there.org/'}",
        (1, "namespaces['o:bs']", '"o:bs" is not a prefix', "use letters, digits, - and _"),
    ),
    "role is missing": (
        "activities:\n  f:\n    usage:\n      - value: x",
        (
            4,
            "activities.f.usage[0]",
            'missing key "role"',
            "add role: and a short name for the purpose of the entity",
        ),
    ),
    "role stands twice": (
        "activities:\n  f:\n    usage:\n      - {role: r, value: x}\n      - {role: r, value: y}",
        (4, "activities.f.usage", 'role "r" is used 2 times', "give each entry its own role"),
    ),
    "nothing says where": (
        "activities:\n  f:\n    generation:\n      - role: r",
        (
            4,
            "activities.f.generation[0]",
            "no key says where to find the entity",
            "add value or locat",
        ),
    ),
    "nothing says where members are": (
        "activities: {f: {usage: [{role: r, value: x, has_members: {entity_description: File}}]}}",
        (
            1,
            "activities.f.usage[0].has_members",
            "no key says where to find the entity",
            "add list or value",
        ),
    ),
    "parameter of nothing": (
        "activities:\n  f:\n    parameters:\n      - description: d",
        (
            4,
            "activities.f.parameters[0]",
            'missing key "name"',
            "add the name of an argument, or value: and a path",
        ),
    ),
    "parameter's name is no path": (
        "activities: {f: {parameters: [{name: a b}]}}",
        (
            1,
            "activities.f.parameters[0]",
            'missing key "value"',
            "add the path of the value (the name is not a path)",
        ),
    ),
    "parameters of one name": (
        "activities: {f: {parameters: [{value: fit.min}, {value: plot.min}]}}",
        (
            1,
            "activities.f.parameters",
            'name "min" is used 2 times',
            "give each entry its own name",
        ),
    ),
    "parameter's path": (
        "activities:\n  f:\n    parameters:\n      - name: p\n        value: x.__class__",
        (
            5,
            "activities.f.parameters[0].value",
            'path "x.__class__", character 3: special names such as __class__ are not allowed',
            "write the name of an attribute or item that holds data",
        ),
    ),
    "usage's path": (
        "activities: {f: {usage: [{role: r, value: 'a + b'}]}}",
        (
            1,
            "activities.f.usage[0].value",
            'path "a + b", character 2: unexpected "+"',
            "write a name followed by .name, [literal], [*] or (literal, keyword=literal); a path cannot calculate",
        ),
    ),
    "members' path": (
        "activities: {f: {usage: [{role: r, value: x, has_members: {list: 'x['}}]}}",
        (
            1,
            "activities.f.usage[0].has_members.list",
            'path "x[", character 3: missing literal',
            "write a number, a text in quotes, True, False or None",
        ),
    ),
    "progenitors' path": (
        "activities: {f: {usage: [{role: r, value: x, has_progenitors: [{value: '1'}]}]}}",
        (
            1,
            "activities.f.usage[0].has_progenitors[0].value",
            'path "1", character 1: missing name',
            "write a name followed by .name, [literal], [*] or (literal, keyword=literal); a path cannot calculate",
        ),
    ),
    "multiplicity": (
        "activities: {f: {usage: [{role: r, value: x, multiplicity: many}]}}",
        (1, "activities.f.usage[0].multiplicity", '"many" is not a multiplicity', "0..1, 1..*"),
    ),
    "overwrite": (
        "activities: {f: {usage: [{role: r, value: x, overwrite: maybe}]}}",
        (1, "activities.f.usage[0].overwrite", "neither true nor false", "write true or false"),
    ),
    "text is a list": (
        "entities:\n  A:\n    description:\n      - one",
        (4, "entities.A.description", "expected a text, found a list", "write one text"),
    ),
    "key stands twice": (
        "entities:\n  A: {type: File}\n  A: {type: PythonObject}",
        (
            3,
            "entities.A",
            'duplicate key "A", first used on line 2',
            "remove or rename one of them (the last one is used)",
        ),
    ),
    "two keys of one meaning": (
        "activities: {f: {usage: [{role: r, value: x, entityType: File, entityName: File}]}}",
        (
            1,
            "activities.f.usage[0].entityName",
            'the keys "entityType" and "entityName" have the same meaning',
            "remove one of them",
        ),
    ),
    "location from no parameter": (
        (
            "activities:\n  f:\n    parameters: [{name: file, value: x}]\n    usage:\n"
            "      - {role: r, location_from_parameter: fil, value: y}"
        ),
        (
            5,
            "activities.f.usage[0].location_from_parameter",
            'unknown parameter "fil"',
            'did you mean "file"?',
        ),
    ),
    "tag": (
        "entities: !!python/object/apply:os.system {A: }",
        (
            1,
            "entities",
            "tags such as !!python/object/apply:os.system are not supported",
            "remove the tag, or quote the text",
        ),
    ),
    "alias of itself": (
        "entities: &a {A: *a}",
        (1, "entities.A", "an alias contains itself", "write out its content"),
    ),
    "key is a list": (
        "entities:\n  ? [a]\n  : {}",
        (2, "entities", "a key is a list or mapping", "a text"),
    ),
    "merge of a text": (
        "entities: {<<: text}",
        (1, "entities", "the value of the merge key << is not a mapping", "the alias of a mapping"),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_with_its_place_and_remedy(case):
    """One fault gives one problem: line, document path, what is wrong, what would be right."""
    text, (line, path, what, remedy) = BAD[case]
    reading = parse_definition(text.encode(), location="d.yaml", name="d")
    (problem,) = reading.problems
    assert (problem.file, problem.line, problem.path) == ("d.yaml", line, path)
    assert what in problem.what
    assert remedy in problem.remedy
    assert reading.definition is not None


NOTHING = {
    "empty": (b"", 1, "the file is empty", "add targets: and activities:"),
    "comments": (b"# nothing\n", 1, "the file is empty", "add targets: and activities:"),
    "list": (b"\n- a\n", 2, "the file is not a mapping", "begin with targets: and activities:"),
    "text": (b"hello", 1, "the file is not a mapping", "begin with targets: and activities:"),
    "colon": (b"entities:\n  A: b: c", 2, "a text contains ': '", "put the text in quotes"),
    "star": (b"a: *", 1, 'a text begins with "*" or "&"', "put the text in quotes"),
    "no anchor": (
        b"a: 1\nb: *x",
        2,
        'a text begins with "*", which names an alias',
        "put the text in quotes",
    ),
    "tab": (b"a:\n\tb: c", 2, "a tab indents the line", "replace tabs by spaces"),
    "bracket": (
        b"a: [b\nc: d",
        2,
        "a bracket or comma in { } or [ ] is wrong",
        "put texts that contain brackets, commas, quotes or ': ' in quotes, and close each bracket",
    ),
    "two documents": (
        b"a: 1\n---\nb: 2",
        2,
        "the file contains more than one document",
        "remove the line ---",
    ),
    "not UTF-8": (b"a: 1\nb: \xff", 2, "byte 0xff is not UTF-8", "save the file as UTF-8"),
    "control": (
        b"a: \x01",
        1,
        "invalid character: control characters are not allowed",
        "remove it",
    ),
    "too deep": (b"a: " + b"[" * 100_000, 1, "more than 40 nested levels", "use fewer levels"),
    "too long": (b"x" * (LARGEST + 1), 1, "more than 2000000 bytes", "split the definition"),
    "too many": (b"a: [" + b"b," * 100_001, 1, "more than 100000 values", "use fewer aliases"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_cannot_be_understood_is_one_problem(case):
    """Where nothing is understood there is no definition, and one problem with its line."""
    data, line, what, remedy = NOTHING[case]
    reading = parse_definition(data, location="d.yaml", name="d")
    assert reading.definition is None
    (problem,) = reading.problems
    assert (problem.file, problem.line, problem.path) == ("d.yaml", line, "")
    assert what in problem.what
    assert remedy in problem.remedy


def test_aliases_cannot_grow_without_bound():
    """A thousand million values made of nine short lines are refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (problem,) = parse("\n".join(lines)).problems
    assert problem.what == "more than 100000 values, counting those of aliases"


def test_every_problem_is_told_at_once_and_in_order():
    """Several faults are several problems, by line; what is sound between them is kept."""
    reading = parse("""
        provagent: 9
        targets: [a:b, "c d"]
        activities:
          f:
            typo: 1
            usage:
              - {role: r, value: "x["}
              - {value: y}
              - {role: s, value: z}
        entities: {E: {type: Fil}}
    """)
    assert [problem.line for problem in reading.problems] == [1, 2, 5, 7, 8, 10]
    definition = reading.definition
    assert [target.text for target in definition.targets] == ["a:b"]
    assert definition.activities["f"].usage == (
        EntityUse(role="r"),
        EntityUse(role="s", value="z"),
    )
    assert definition.entities == {"E": EntityDescription(name="E")}


def test_half_an_identifier_is_none():
    """Where one path of an identifier is bad, the others alone would identify wrongly."""
    reading = parse("entities: {E: {identifier: [name, 'x[']}}")
    assert reading.definition.entities["E"].identifier is None


def test_a_long_text_is_cut_in_a_message():
    """A message quotes no more than a part of an endless text."""
    (problem,) = parse(f"requires: {{a: '>=1{'a' * 50_000}!'}}").problems
    assert len(problem.what) < 400


def test_no_tag_is_executed(tmp_path):
    """A tag that builds Python objects builds none."""
    mark = tmp_path / "mark"
    parse(f"entities: !!python/object/apply:os.mkdir ['{mark}']")
    assert not mark.exists()


def test_the_python_loader_reads_the_same(monkeypatch):
    """Without PyYAML's C library, the same definition is read."""
    expected = parse(WHOLE)
    monkeypatch.setattr(nodes, "_Loader", yaml.SafeLoader)
    assert parse(WHOLE) == expected


WORDS = "activities entities targets usage role value : - [ ] { } , & * ! ? << a 1 | >"


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(str.encode),
        st.lists(
            st.sampled_from([*WORDS.split(), "\n", "\n  ", "\n    ", " "]),
            max_size=25,
        ).map(lambda words: " ".join(words).encode()),
    )
)
def test_nothing_is_raised_whatever_is_read(data):
    """Any bytes at all are read or are told what is wrong with them."""
    reading = parse_definition(data, location="d.yaml", name="d")
    assert reading.definition is not None or reading.problems
    for problem in reading.problems:
        assert 1 <= problem.line <= data.count(b"\n") + data.count(b"\r") + len(data) + 1
        assert problem.what
        assert problem.remedy


# Targets


TARGETS = [
    "gammapy.analysis.core:Analysis",
    "gammapy.estimators:*Estimator.run",
    "gammapy.modeling.**",
    "gammapy.modeling.**:Fit",
    "package.module",
    "a.b?[cd]:X[!a]*.f",
    "script:main",
    "_a._b:_C.__call__",
]
NO_TARGETS = [
    "a b",
    "a:b:c",
    ":",
    "a:",
    ":b",
    "a..b:c",
    "a.**.b",
    "1a:b",
    "a:b()",
    "a-b:c",
    "a:b.c***d",
]


@pytest.mark.parametrize("text", TARGETS)
def test_targets(text):
    """What can be woven is a target of a definition, too."""
    assert clean(f"targets: ['{text}']").targets == (TargetPattern(text=text, line=1),)
    assert Target(text).text == text


@pytest.mark.parametrize("text", NO_TARGETS)
def test_no_targets(text):
    """What is no target is left out, with a problem."""
    reading = parse(f"targets: ['{text}']")
    assert reading.definition.targets == ()
    assert len(reading.problems) == 1


# Files


def test_a_file_is_read_and_named_after_itself(tmp_path):
    """A definition has the name of its file, unless another is given."""
    file = tmp_path / "gammapy.yaml"
    file.write_text("\ufeffentities: {A: }\r\n", encoding="utf-8")
    reading = read_definition(file)
    assert (reading.definition.name, reading.definition.location) == ("gammapy", str(file))
    assert list(reading.definition.entities) == ["A"]
    assert read_definition(file, name="other").definition.name == "other"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.yaml", "cannot be read: no such file or directory"),
        (".", "cannot be read: is a folder"),
        ("a\0b", "cannot be read: "),
    ],
)
def test_a_file_that_is_not_there(tmp_path, name, reason):
    """A missing file, or a folder, is a reading without a definition."""
    reading = read_definition(os.path.join(tmp_path, name))
    assert reading.definition is None
    (problem,) = reading.problems
    assert problem.what.startswith(reason)
    assert problem.remedy == "give the path of a definition file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    """A named pipe is refused at once: nobody may ever write to it."""
    os.mkfifo(tmp_path / "pipe")
    (problem,) = read_definition(tmp_path / "pipe").problems
    assert problem.what == "cannot be read: not a regular file"


def test_an_unreadable_file(tmp_path, monkeypatch):
    """A file without permission is a reading without a definition."""
    file = tmp_path / "d.yaml"
    file.write_text("entities: {}")

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setitem(vars(originals.io), "open", refuse)
    (problem,) = read_definition(file).problems
    assert problem.what == "cannot be read: permission denied"


# Older dialects


def test_activities_at_the_top():
    """The first definitions had no sections: each key was an activity."""
    definition = clean("""
        get_observations:
          description: d
          usage:
            - {name: datastore, path: observations.datastore}
        fit:
    """)
    assert definition.activities["get_observations"].usage == (
        EntityUse(role="datastore", location="observations.datastore"),
    )
    assert definition.activities["fit"] == ActivityDescription(name="fit")


@pytest.mark.parametrize(
    "item",
    ["location_from_parameter: mask", "location: other, from_parameter: {location: mask}"],
)
def test_a_location_from_a_parameter(item):
    """A location that a parameter has is the path of that parameter."""
    definition = clean(f"""
        activities:
          f:
            parameters: [{{name: mask, location: settings.mask.filename}}]
            usage: [{{role: r, entityType: E, {item}}}]
        entityTypes: {{E: }}
    """)
    activity = definition.activities["f"]
    assert activity.parameters[0].value == "settings.mask.filename"
    assert activity.usage[0].location == "settings.mask.filename"


@pytest.mark.parametrize("key", ["entityType", "entitytype", "entityName", "entity_description"])
@pytest.mark.parametrize("section", ["entityTypes", "entity_description", "entity_descriptions"])
@pytest.mark.parametrize("progenitors", ["is_derived_from", "has_progenitors"])
def test_other_names_of_keys(key, section, progenitors):
    """The names that keys once had are read as today's."""
    definition = clean(f"""
        activity_descriptions:
          f:
            doculink: there
            generation:
              - {{role: r, {key}: E, value: x, {progenitors}: {{{key}: E, list: x}}, filepath: /y}}
        {section}:
          E: {{type: SetCollection, content_type: text/plain, url: there}}
    """)
    (made,) = definition.activities["f"].generation
    assert made.entity_description == "E"
    assert made.has_progenitors == (MemberDescription(entity_description="E", list="x"),)
    assert definition.activities["f"].docurl == "there"
    assert definition.entities["E"] == EntityDescription(
        name="E", type="FileCollection", contentType="text/plain", docurl="there"
    )


# Two faults that are in one file: a role used twice, an entity that nothing describes.
FAULTY = "18_gammapy_Bultako_prov_branch.yaml"
FAULTS = ["activities.get_flux_points.usage", "activities.get_flux_points.usage[2].entityName"]
LINES = {OLDER: [65, 67], PUBLISHED: [220, 230]}
FILES = [file.name for file in sorted(OLDER.glob("[0-9][0-9]_*.yaml"))]
GROUPS = ("parameters", "usage", "generation")


def written(file):
    """The document as PyYAML alone reads it, every scalar the text that it is."""
    return yaml.load(file.read_bytes(), Loader=yaml.BaseLoader)


def sections(document):
    """Its activities and its entities, whatever they are called."""
    activities = next((v for k, v in document.items() if k.startswith("activit")), document)
    return activities or {}, next((v for k, v in document.items() if k.startswith("entit")), {})


def items_of(activities, key):
    """What stands in the lists ``key`` of all activities; nothing is no item."""
    lists = [(activity or {}).get(key) or [] for activity in activities.values()]
    return [item for items in lists for item in items if item]


@pytest.fixture(params=["own", "published"])
def corpus(request):
    """The folder of older definitions."""
    if request.param == "published":
        request.getfixturevalue("shared")
        return PUBLISHED
    return OLDER


@pytest.mark.parametrize("name", FILES)
def test_check_counts_what_a_plain_walk_counts(corpus, name):
    """``check --json`` finds as many of everything as stand in the file, and its faults alone."""
    file = corpus / name
    done = CliRunner().invoke(main, ["check", "--json", str(file)])
    (checked,) = json.loads(done.output)
    activities, entities = sections(written(file))
    expected = {key: len(items_of(activities, key)) for key in GROUPS}
    expected |= {"activities": len(activities), "entities": len(entities or {})}
    assert {key: checked["counts"][key] for key in expected} == expected
    places = [(one["line"], one["path"]) for one in checked["problems"]]
    assert places == (list(zip(LINES[corpus], FAULTS)) if name == FAULTY else [])
    assert done.exit_code == bool(places)


def leaves(value):
    """Every text of a document, keys of sections aside, that is not empty."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif value not in (None, "", "null", "~"):
        yield str(value).lower() if isinstance(value, bool) else str(value)


def steps_to(document, path):
    """What stands at the document path of a problem or warning."""
    found = document
    for key, index, quoted in re.findall(r"([\w-]+)|\[(\d+)\]|\[('[^']*')\]", path):
        found = found[int(index)] if index else found[key or quoted.strip("'")]
    return found


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_an_older_definition_is_dropped_in_silence(corpus, name):
    """Every text of the file is in what was read of it, or a warning names its line."""
    file = corpus / name
    reading = read_definition(file)
    document = written(file)
    activities, _ = sections(document)
    kept = Counter(leaves(to_data(reading.definition)))
    passed_over, told = Counter(), []
    for warning in reading.warnings:
        path = warning.path if warning.path.split(".")[0] in document else warning.path[11:]
        passed_over.update(leaves(steps_to(document, path)))
        key = re.split(r"[.\]]", warning.path)[-1]
        line = file.read_text().splitlines()[warning.line - 1]
        assert line[warning.column - 1 :].startswith(key)
        told.append(key)
    missing = Counter(leaves(document)) - kept - passed_over
    # Said in other words: today's word, and the name of a parameter instead of its path.
    names = Counter()
    for use in (item for key in GROUPS for item in items_of(activities, key)):
        names.update(leaves([use.get("location_from_parameter"), use.get("from_parameter")]))
    assert missing - names - Counter({"SetCollection": missing["SetCollection"]}) == Counter()
    text = re.sub(r"#.*", "", file.read_text())
    assert {"filters", "filepath"} & set(re.findall(r"(\w+):", text)) <= set(told)


def test_what_is_passed_over_is_a_warning_with_its_place():
    """A key that nothing ever came of is no problem, and not dropped in silence."""
    reading = parse("""
        activities:
          f:
            filters: {only: some}
            parameters: [{name: mask, value: x}]
            usage:
              - {role: r, location: y, location_from_parameter: mask, filepath: /z}
        entities: {E: {path: .}}
    """)
    assert reading.problems == ()
    assert [(one.line, one.column, one.path) for one in reading.warnings] == [
        (3, 5, "activities.f.filters"),
        (6, 19, "activities.f.usage[0].location"),
        (6, 63, "activities.f.usage[0].filepath"),
        (7, 16, "entities.E.path"),
    ]
    assert str(reading.warnings[0]) == (
        'd.yaml:3:5: warning: activities.f.filters: the key "filters" has no effect; remove it'
    )


def test_keys_that_were_only_in_comments_are_kept():
    """What logprov's format names in its comments alone is kept in full."""
    keys = ("datatype", "arraysize", "xtype", "unit", "ucd", "utype", "min", "max", "default")
    reading = clean(f"""
        activities:
          f:
            contact: who
            parameters:
              - {{name: p, options: [a, 1], {", ".join(f"{key}: the {key}" for key in keys)}}}
            usage: [{{role: r, id: p, multiplicity: 0..1}}]
        agents:
          who: {{type: Person, email: w@t.org, affiliation: There, orcid: 0000-0001-5109-3700}}
    """)
    activity = reading.activities["f"]
    (parameter,) = activity.parameters
    assert {key: getattr(parameter, key) for key in keys} == {key: f"the {key}" for key in keys}
    assert parameter.options == ("a", "1")
    assert (activity.contact, activity.usage[0].multiplicity) == ("who", "0..1")
    assert reading.agents["who"] == AgentDescription(
        name="who", type="Person", email="w@t.org", affiliation="There", orcid="0000-0001-5109-3700"
    )


def test_the_newest_older_definition_in_detail(corpus):
    """Paths with calls and hyphens, default names and namespaces of a real definition."""
    definition = read_definition(corpus / "17_logprov_HEAD_namespaces.yaml").definition
    observations = definition.activities["get_observations"]
    assert [parameter.name for parameter in observations.parameters] == ["datastore", "filters"]
    assert observations.generation[0].has_members == MemberDescription(
        entity_description="Observation",
        list="observations.list",
        id="obs_id",
        location='location(hdu_type="events").path().__str__()',
        namespace="gamma-events",
    )
    names = [parameter.name for parameter in definition.activities["get_datasets"].parameters]
    assert {"stack-datasets", "geom", "offset-max"} <= set(names)
    assert definition.entities["DataStore"].index == "obs-index.fits.gz"
    assert definition.namespaces == {"gamma-events": "http://localhost/"}


def test_what_is_not_compared_is_a_warning():
    """A range that is no number, a role of several entities, a multiplicity of progenitors."""
    text = """
activities:
  f:
    parameters: [{name: p, min: soon, max: 3}]
    usage: [{role: r, value: x, multiplicity: 2..*}]
    generation: [{role: g, value: x, has_progenitors: {value: x, multiplicity: 1}}]
"""
    reading = parse_definition(text.encode(), location="d.yaml", name="d")
    assert reading.problems == ()
    assert [str(each) for each in reading.warnings] == [
        'd.yaml:4:18: warning: activities.f.parameters[0]: min "soon" is not a number; '
        "values are not compared with it; write a number",
        "d.yaml:5:13: warning: activities.f.usage[0]: each call has one entity for a role, not 2; "
        "for a collection, write has_members: {multiplicity: ...}",
        "d.yaml:6:18: warning: activities.f.generation[0]: the multiplicity of progenitors has "
        "no effect; remove it",
    ]


def test_an_orcid_is_one_however_it_is_written():
    """As a page, as its number; the last digit may be an X."""
    text = "agents: {a: {orcid: 'https://orcid.org/0000-0002-1694-233X'}, b: {orcid: 0000-0002-1694-233X}}"
    agents = parse_definition(text.encode(), location="d.yaml", name="d").definition.agents
    assert agents["a"].orcid == agents["b"].orcid == "0000-0002-1694-233X"


def test_near_misses_that_are_not_wrong_are_warnings():
    """A contact that is nearly an agent; a usage that overwrites."""
    text = """
activities:
  f:
    contact: marai
    usage: [{role: r, value: x, overwrite: true}]
entities:
  E: {contact: "Jo <jo@there.org>"}
agents: {maria: {}}
"""
    reading = parse_definition(text.encode(), location="d.yaml", name="d")
    assert reading.problems == ()
    assert [str(each) for each in reading.warnings] == [
        'd.yaml:4:5: warning: activities.f.contact: "marai" is not described in agents; '
        'did you mean "maria"?',
        "d.yaml:5:13: warning: activities.f.usage[0].overwrite: overwrite has no effect in usage; "
        "move it to generation",
    ]
