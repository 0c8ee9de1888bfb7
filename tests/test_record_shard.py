import gzip
import os
import sys

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from read_side import at, crab_shard, event, ident, lines

from provagent.contract.errors import RecordError
from provagent.contract.file_names import text_to_name
from provagent.reading.record import shard as shard_module
from provagent.reading.record.shard import read_events

EVENTS = crab_shard().events
CONTENT = lines(EVENTS)


def read(path):
    gaps = []
    return list(read_events(str(path), gaps)), gaps


def read_content(tmp_path_factory, content, name="a.jsonl"):
    path = tmp_path_factory.mktemp("shard") / name
    path.write_bytes(content)
    return read(path)


@pytest.fixture
def shard(tmp_path):
    def write(content, name="a.jsonl"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def entity_line(**fields):
    return orjson.dumps(event("entity", entity_id=ident(1), type="File", **fields)) + b"\n"


def test_every_event_comes_back_with_its_place(shard):
    """A whole shard gives its events as they are, each with its line and byte offset."""
    path = shard(CONTENT)
    found, gaps = read(path)
    assert [each for each, _ in found] == EVENTS
    assert gaps == []
    for each, place in found:
        assert orjson.loads(CONTENT[place.offset :].split(b"\n")[0]) == each
        assert CONTENT.count(b"\n", 0, place.offset) == place.line - 1
        assert place.file == str(path)


@given(st.integers(0, len(CONTENT)))
def test_a_shard_cut_at_any_byte_keeps_all_whole_lines(tmp_path_factory, cut):
    """Whatever byte a shard ends at, every whole line is read and the cut one is a gap."""
    content = CONTENT[:cut]
    found, gaps = read_content(tmp_path_factory, content)
    whole = content.count(b"\n")
    rest = content[content.rfind(b"\n") + 1 :]
    is_whole = rest == CONTENT.split(b"\n")[whole]
    assert [each for each, _ in found] == EVENTS[: whole + (is_whole and bool(rest))]
    assert len(gaps) == (bool(rest) and not is_whole)
    for gap in gaps:
        assert "truncated" in gap.what
        assert (gap.place.line, gap.place.offset) == (whole + 1, cut - len(rest))


@given(st.binary(max_size=200), st.integers(0, len(EVENTS)))
def test_no_bytes_crash_the_reader(tmp_path_factory, garbage, position):
    """Any bytes between two lines lose no event of the lines around them."""
    content = lines(EVENTS[:position]) + b"\n" + garbage + b"\n" + lines(EVENTS[position:])
    found, _ = read_content(tmp_path_factory, content)
    assert [each for each, _ in found] == EVENTS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.sampled_from(EVENTS), st.data())
def test_what_is_yielded_can_always_be_built(tmp_path_factory, original, data):
    """An event with any JSON under one of its keys is read and built without a crash."""
    from provagent.reading.record.build import build

    key = data.draw(st.sampled_from([key for key in original if key not in ("v", "event")]))
    changed = original | {key: data.draw(JSON)}
    found, _ = read_content(tmp_path_factory, orjson.dumps(changed, option=orjson.OPT_NON_STR_KEYS))
    build([EVENTS[0], *(each for each, _ in found), *EVENTS[1:]])


def test_a_garbled_line_is_a_gap_and_the_rest_is_kept(shard):
    """A line that is no JSON is reported with its place; the lines after it are read."""
    first = entity_line()
    found, gaps = read(shard(first + b'{"v":1,"event":"ent\x00\n' + first))
    assert len(found) == 2
    assert (gaps[0].place.line, gaps[0].place.offset) == (2, len(first))
    assert "garbled" in str(gaps[0])


def test_an_event_after_a_cut_one_is_salvaged(shard):
    """After a disk that was full for a moment, the event behind a cut one is still read."""
    found, gaps = read(shard(b'{"v":1,"event":"activity","activ' + entity_line()))
    assert [each["event"] for each, _ in found] == ["entity"]
    assert len(gaps) == 1


def test_text_that_is_not_utf8_is_read_reversibly(shard):
    """A byte that is not UTF-8 costs nothing: the name of the file can be had back."""
    found, gaps = read(shard(entity_line(location="/data/XX").replace(b"XX", b"\xff")))
    assert found[0][0]["location"] == "/data/\\udcff"
    assert os.fsencode(text_to_name(found[0][0]["location"])) == b"/data/\xff"
    assert len(gaps) == 1


def test_a_newer_format_is_told_once_and_what_is_known_of_it_kept(shard):
    """Events of a format to come are used as far as they are known; one gap says so."""
    line = entity_line(colour="new").replace(b'"v":1', b'"v":2')
    found, gaps = read(shard(line + line + b'{"v":2,"event":"thought"}\n'))
    assert [each["entity_id"] for each, _ in found] == [ident(1)] * 2
    assert ["format 2" in gap.what for gap in gaps] == [True, False]
    assert "thought" in gaps[1].what


def test_a_foreign_line_is_a_gap_in_a_shard_only(shard):
    """What somebody printed into a shard is told; a log is full of lines that are not ours."""
    content = entity_line() + b"hello\n" + b'{"level": "info"}\n' + b"\n"
    assert len(read(shard(content))[1]) == 2
    found, gaps = read(shard(content, "analysis.log"))
    assert (len(found), gaps) == (1, [])


def test_a_part_of_the_wrong_shape_is_left_out_alone(shard):
    """Of a list with one bad item the others stay; a bad key goes; the event stays."""
    bad = event(
        "activity",
        activity_id=ident(1),
        activity_name=5,
        startTime=at(1),
        used=[{"used_id": "a", "used_role": "b"}, {"used_id": 7, "used_role": "b"}, "c"],
    )
    found, gaps = read(shard(lines([bad])))
    assert found[0][0]["used"] == [{"used_id": "a", "used_role": "b"}]
    assert "activity_name" not in found[0][0]
    assert sorted("used" in gap.what for gap in gaps) == [False, True]


def test_an_event_about_nothing_is_left_out(shard):
    """An activity without an id is no use to anybody, and is told."""
    found, gaps = read(shard(b'{"v":1,"event":"activity","activity_name":"fit"}\n'))
    assert found == []
    assert "without activity_id" in gaps[0].what


def test_text_that_was_cut_by_the_recorder_is_in_shape(shard):
    """A long error message that was shortened is an object, and stays."""
    message = {"$type": "cut", "value": "x", "length": 5000, "digest": "sha256:00"}
    error = {"type": "ValueError", "message": message}
    found, gaps = read(shard(lines([event("activity_end", activity_id=ident(1), error=error)])))
    assert found[0][0]["error"] == error
    assert gaps == []


PACK = {"gz": lambda data: gzip.compress(data, mtime=0), "zst": zstandard.compress}


@pytest.mark.parametrize("kind", PACK)
def test_a_packed_shard_is_read_and_a_cut_one_as_far_as_it_goes(shard, kind):
    """gzip and zstd are unpacked on the way; where the packed data end too early, a gap says so."""
    assert [each for each, _ in read(shard(PACK[kind](CONTENT), f"a.jsonl.{kind}"))[0]] == EVENTS
    many = [entity_line(name=os.urandom(20).hex()) for _ in range(5000)]  # several blocks of zstd
    packed = PACK[kind](b"".join(many))
    found, gaps = read(shard(packed[: len(packed) // 2], f"b.jsonl.{kind}"))
    assert 0 < len(found) < len(many)
    assert [each for each, _ in found] == [orjson.loads(line) for line in many[: len(found)]]
    assert gaps


def test_zstd_without_its_library_is_a_clear_message(shard, monkeypatch):
    """Where nothing can unpack zstd, the message says what to install."""
    monkeypatch.setitem(sys.modules, "compression", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(RecordError, match="pip install zstandard"):
        read(shard(b"", "a.jsonl.zst"))


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    """A shard that is not there is no empty shard."""
    with pytest.raises(RecordError, match=r"nosuch.jsonl: cannot be read: No such file"):
        read(tmp_path / "nosuch.jsonl")


def test_places_after_a_line_that_is_too_long(shard, monkeypatch):
    """Each event stands where reading can begin again, and so does what is told of the line."""
    monkeypatch.setattr(shard_module, "MAX_LINE", 2000)
    short, long = lines(EVENTS[:1]), b'{"v":1,"x":"' + b"x" * 5000 + b'"}\n'
    path = shard(short + long + short + long + short)
    found, gaps = read(path)
    offsets = [0, len(short) + len(long), 2 * (len(short) + len(long))]
    assert [(place.line, place.offset) for _, place in found] == [*zip((1, 3, 5), offsets)]
    assert [(gap.place.line, gap.place.offset) for gap in gaps] == [
        (2, len(short)), (4, 2 * len(short) + len(long)),
    ]  # fmt: skip
    for event_, place in found:
        assert next(read_events(str(path), [], start=place.offset))[0] == event_
