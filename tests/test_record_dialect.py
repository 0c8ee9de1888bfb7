import os

import pytest
from read_side import child_shard, crab, crab_events

from provagent.reading.record.build import build
from provagent.reading.record.shard import read_events
from provagent.reading.view.json_data import run_data
from provagent.recording.emit.dialect import facts, line

LOGPROV = """\
INFO:logprov.capture:_PROV_2026-10-07T11:20:05.88_PROV_{'session_id': 877, 'module': 'gammapy.analysis', 'class': 'Analysis', 'startTime': '2026-10-07T11:20:05.88', 'system': {'user': 'jo'}, 'definitions': {'x': 1}}
some other line of the log
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.10_PROV_{'activity_id': '9456', 'name': 'get_observations', 'startTime': '2026-10-07T11:20:06.0', 'in_session': 877, 'agent_name': 'jo'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.20_PROV_{'activity_id': '9456', 'parameters': {'filters': None, 'limit': nan, 'edges': (1, -inf), 'time': datetime.datetime(2026, 1, 1, 0, 0)}}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.30_PROV_{'activity_id': '9456', 'used_id': 1234, 'used_role': 'datastore'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.30_PROV_{1234: 1234, 'entity_description': 'DataStore', 'location': '/data', 'hash': 'ab12', 'hash_type': 'sha1'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.40_PROV_{'entity_id': 555, 'entity_description': 'Observations', 'location': 'observations'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.40_PROV_{'activity_id': '9456', 'generated_id': 555, 'generated_role': 'observations'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.40_PROV_{'entity_id': 555, 'member_id': 'obs:23523'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:06.50_PROV_{'activity_id': '9456', 'endTime': '2026-10-07T11:20:06.5'}
INFO:logprov.capture:_PROV_2026-10-07T11:20:07.00_PROV_{'entity_id': 556, 'progenitor_id': 555, 'generated_time': '2026-10-07T11:20:07.0'}
"""


def read(tmp_path, text, name="analysis.log"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    gaps = []
    return build([each for each, _ in read_events(str(path), gaps)], gaps=gaps), gaps


@pytest.fixture
def logprov(tmp_path):
    return read(tmp_path, LOGPROV)[0]


def test_a_log_of_logprov_becomes_one_linked_activity(logprov):
    """Lines about one activity are put together: times, session, usage, generation."""
    (activity,) = logprov.activities.values()
    assert (activity.name, activity.status, activity.duration) == ("get_observations", "ok", 0.5)
    assert activity.session.class_name == "Analysis"
    assert activity.session.configuration["system"] == {"user": "jo"}
    assert [(each.entity.id, each.role) for each in activity.used] == [("1234", "datastore")]
    assert [(each.entity.id, each.role) for each in activity.generated] == [("555", "observations")]


def test_the_id_that_logprov_writes_as_a_key_is_understood(logprov):
    """A used entity, which logprov logs as {id: id}, keeps its attributes."""
    store = logprov.entities["1234"]
    assert (store.location, store.digest, store.known) == ("/data", "sha1:ab12", True)


def test_members_and_derivations_of_logprov_are_linked(logprov):
    """Membership and a detected change are lines of their own there."""
    assert [member.id for member in logprov.entities["555"].members] == ["obs:23523"]
    (derivation,) = logprov.entities["556"].derivations
    assert (derivation.progenitor.id, derivation.how) == ("555", "modified")


def test_values_that_json_has_not_are_encoded(logprov):
    """nan, inf, a tuple come as themselves; a call in the text stays text."""
    (activity,) = logprov.activities.values()
    parameters = activity.parameters
    assert parameters["filters"] is None
    assert parameters["limit"] == {"$type": "float", "value": "nan"}
    assert parameters["edges"] == {
        "$type": "tuple",
        "value": [1, {"$type": "float", "value": "-inf"}],
    }
    assert parameters["time"] == "datetime.datetime(2026, 1, 1, 0, 0)"


def test_a_line_is_never_run(tmp_path):
    """Code inside a line does nothing."""
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w')"
    text = (
        f"_PROV_2026-10-07T11:20:06_PROV_{{'entity_id': {code}}}\n"
        f"_PROV_2026-10-07T11:20:06_PROV_{code}\n"
        f"_PROV_2026-10-07T11:20:06_PROV_[each for each in {code}]\n"
    )
    provenance, gaps = read(tmp_path, text)
    assert not os.path.exists(mark)
    assert list(provenance.entities) == [code]
    assert len(gaps) == 2


def test_a_log_of_lstosa_is_read(tmp_path):
    """The marks are longer there, and the keys older."""
    text = (
        "x __PROV__2021-01-02T03:04:05.6__PROV__{'activity_id': 'ab', 'name': 'r0_to_dl1', 'startTime': '2021-01-02T03:04:05', 'session_tag': 's1'}\n"
        "x __PROV__2021-01-02T03:04:05.6__PROV__{'entity_id': 'e', 'name': 'DL1', 'filepath': '/fefs/dl1.h5', 'type': 'File', 'hash': 'ff', 'hash_type': 'md5'}\n"
    )
    provenance, _ = read(tmp_path, text)
    (activity,) = provenance.activities.values()
    assert (activity.name, activity.session.id, activity.status) == ("r0_to_dl1", "s1", None)
    entity = provenance.entities["e"]
    assert (entity.location, entity.type, entity.digest) == ("/fefs/dl1.h5", "File", "md5:ff")


@pytest.mark.parametrize(
    "text",
    [
        "_PROV_2026-10-07T11:20:06_PROV_{'activity_id': '94",
        "_PROV_2026-10-07T11:20:06_PROV_{'a': <Quantity 5 TeV>}",
        "_PROV_2026-10-07T11:20:06",
        "_PROV_2026-10-07T11:20:06_PROV_{'colour': 'red'}",
    ],
)
def test_a_marked_line_that_cannot_be_used_is_a_gap_with_its_place(tmp_path, text):
    """A cut or unknown fact is told, and the lines around it are read."""
    before = "_PROV_2026-10-07T11:20:06_PROV_{'entity_id': 'e'}\n"
    provenance, gaps = read(tmp_path, f"{before}{text}\n{before}")
    assert list(provenance.entities) == ["e"]
    assert [gap.place.line for gap in gaps] == [2]


def test_both_dialects_say_the_same(tmp_path):
    """What the recorder writes into a user's log reads back as its shard does."""
    text = "".join(
        f"12:00 INFO {line(fact, '2026-11-23T23:15:00.000000')}\n"
        for event in crab_events()
        for fact in facts(event)
    )
    assert "_PROV_" in text
    provenance, gaps = read(tmp_path, text)
    assert gaps == []
    assert run_data(provenance) == run_data(crab())


def test_a_log_may_mix_both_dialects(tmp_path):
    """Lines of JSON and marked lines of one file make one provenance."""
    from read_side import lines

    text = lines(child_shard().events).decode() + LOGPROV
    provenance, _ = read(tmp_path, text)
    assert {each.name for each in provenance.activities.values()} == {"plot", "get_observations"}


def test_a_log_of_the_slides_is_read(tmp_path):
    """The oldest keys; what a line says of the entity that it relates is kept."""
    mark = "INFO _PROV_2019-10-07T11:20:05.884436_PROV_"
    text = (
        f"{mark}{{'activity_id': '94', 'activity_name': 'get_observations', 'startTime': '2019-10-07T11:20:05.884419'}}\n"
        f"{mark}{{'activity_id': '94', 'used_id': '1', 'used_role': 'datastore', 'entity_type': 'DataStore', 'entity_location': '/data'}}\n"
        f"{mark}{{'activity_id': '94', 'generated_id': '2', 'generated_role': 'observations'}}\n"
        f"{mark}{{'entity_id': '2', 'entity_type': 'Observations'}}\n"
        f"{mark}{{'entity_id': '2', 'member_id': 'obs:1', 'member_type': 'Observation'}}\n"
    )
    provenance, gaps = read(tmp_path, text)
    assert gaps == []
    (activity,) = provenance.activities.values()
    (usage,), (made,) = activity.used, activity.generated
    assert (usage.entity.entity_description, usage.entity.location) == ("DataStore", "/data")
    (member,) = made.entity.members
    assert (made.entity.entity_description, member.entity_description) == (
        "Observations",
        "Observation",
    )
