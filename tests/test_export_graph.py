import re
import xml.etree.ElementTree as ET

from pygraphviz import AGraph
from read_side import Shard, crab, crab_with_child

from provagent.reading.export.graph import NODE_LIMIT, to_dot
from provagent.reading.export.write import rendered
from provagent.reading.record.build import build


def graph(provenance):
    return AGraph(string=to_dot(provenance))


def labels(drawn):
    return [node.attr["label"] for node in drawn.nodes()]


def edges(drawn):
    return {
        (
            begin.attr["label"].split("\\n")[0],
            end.attr["label"].split("\\n")[0],
            edge.attr["label"].strip(),
        )
        for edge in drawn.edges()
        for begin, end in [(drawn.get_node(edge[0]), drawn.get_node(edge[1]))]
    }


def test_arrows_follow_the_data():
    """What was used points to the activity, the activity to what it made."""
    found = edges(graph(crab()))
    assert ("model.yaml", "read_models", "models file") in found
    assert ("write", "flux_points.fits", "flux points file") in found
    assert ("observations", "observations", "copied") in found
    assert ("read_models", "set_models", "") in found


def test_a_role_that_repeats_the_name_is_not_written():
    """An edge to the fit result need not say fit result."""
    assert ("run_fit", "fit_result", "") in edges(graph(crab()))


def test_activities_say_how_long_they_took_and_how_they_failed():
    """Durations and errors are in the boxes; parameters come up over them."""
    drawn = graph(crab_with_child())
    assert r"get_datasets\n26.5 s" in labels(drawn)
    assert r"plot\nValueError, 100 ms" in labels(drawn)
    (fit,) = [node for node in drawn.nodes() if node.attr["label"].startswith("run_fit")]
    assert "tolerance = 0.1" in fit.attr["tooltip"]


def test_many_members_are_one_box_and_few_are_drawn():
    """Four observations are a box with their number, drawn once for both states."""
    assert [label for label in labels(graph(crab())) if "members" in label] == [
        r"4 members\n23523 ... 23592"
    ]
    shard = Shard()
    shard.begin()
    members = [{"member_id": shard.file(f"/x/{name}.fits")} for name in "ab"]
    activity = shard.activity("f", 1)
    collection = shard.thing("both", "Files", members=members)
    shard.done(activity, 2, generated=[(collection, "result")])
    assert {"a.fits", "b.fits"} <= set(labels(graph(build(shard.events))))


def test_a_large_run_is_drawn_in_part_and_says_so():
    """No picture has many more than its limit of nodes."""
    shard = Shard()
    shard.begin()
    for number in range(1000):
        source = shard.file(f"/x/{number}.fits")
        shard.done(shard.activity("f", number, used=[(source, "in")]), number + 0.5)
    drawn = graph(build(shard.events))
    assert NODE_LIMIT <= len(drawn.nodes()) <= NODE_LIMIT + 10
    (remark,) = [label for label in labels(drawn) if "are not shown" in label]
    assert remark.startswith("850 later activities")


def test_awkward_names_make_a_graph():
    """Quotes, backslashes and newlines in names are shown, and break nothing."""
    shard = Shard()
    shard.begin()
    entity = shard.entity(type="File", location='/x/a"b\\c\nd.fits')
    shard.activity('f"; }', 1, used=[(entity, '"role\\')], parameters={'"': "\\"})
    assert r'a"b\\c d.fits' in labels(graph(build(shard.events)))


def test_svg_and_png_are_drawn():
    """The picture has the words of the graph, with no program beside Python."""
    svg = rendered(crab(), "svg")
    words = " ".join(ET.fromstring(svg).itertext())
    assert "get_flux_points" in words
    assert re.search(r"model\.yaml", words)
    assert rendered(crab(), "png").startswith(b"\x89PNG")
    assert rendered(crab(), "pdf").startswith(b"%PDF")
