"""The flow of data of public scripts and of the cases of lineage, against marks made by hand."""

from __future__ import annotations

import pytest
from flow_marks import FOLDER, read_shapes

SHAPES = {shape.name: shape for file in sorted(FOLDER.glob("*.txt")) for shape in read_shapes(file)}
# Guesses that are wrong: an option that is read in a try, and perhaps was not read.
UNTRUE = {("source_dependent", "out", "standard")}


@pytest.mark.parametrize("name", SHAPES)
def test_flow_is_as_marked(name):
    """All that is marked is found, nothing else, and with the right round of a loop."""
    shape = SHAPES[name]
    found = shape.find(budget=20.0)
    pairs = shape.found_pairs(found)
    assert found.unknown == []
    assert shape.pairs.keys() - pairs.keys() == set()
    untrue = {(name, *pair) for pair in pairs.keys() - shape.pairs.keys()}
    assert untrue <= UNTRUE
    assert not any(flow.is_certain for pair, flow in pairs.items() if (name, *pair) in UNTRUE)
    carried = {pair: flow.is_carried for pair, flow in pairs.items() if pair in shape.pairs}
    assert carried == shape.pairs


def test_most_is_certain():
    """A guess is the exception: it is shown as one."""
    flows = [flow for shape in SHAPES.values() for flow in shape.find(budget=20.0).flows]
    assert sum(flow.is_certain for flow in flows) > 0.85 * len(flows)


def test_answer_does_not_depend_on_columns():
    """Records without columns are answered by line and name, where no line has two such calls."""
    for name in ("channels", "by_files", "frame", "composite", "limb"):
        shape = SHAPES[name]
        expected = set(shape.found_pairs(shape.find(budget=20.0)))
        shape.sites = {
            label: type(site)(
                tuple((file, line, None) for file, line, _ in site.chain),
                site.name,
                site.is_file,
                site.is_target,
            )
            for label, site in shape.sites.items()
        }
        assert set(shape.found_pairs(shape.find(budget=20.0))) == expected
