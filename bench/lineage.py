"""The correctness and the time of the flow that is found in source code: python bench/lineage.py.

The result is compared with the marks of the programs in tests/flow_shapes. Recall is the share of
the marked pairs that are found. Precision is the share of the found pairs that are marked. The
third number is the precision of the pairs that are called certain. A pair is a later and an earlier
site. The programs of held_out.txt are shown separately.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flow_marks import FOLDER, Shape, read_shapes

REPEATS = 5


def measure(shapes: list[Shape], *, is_shown: bool) -> dict[str, float]:
    """Return the figures of some programs; print each pair that is wrong."""
    counts = dict.fromkeys(("marked", "found", "true", "certain", "certain_true", "carried"), 0)
    times = []
    for shape in shapes:
        seconds = []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            found = shape.find()
            seconds.append(time.perf_counter() - begin)
        times.append(min(seconds))
        pairs = shape.found_pairs(found)
        counts["marked"] += len(shape.pairs)
        counts["found"] += len(pairs)
        for pair, flow in pairs.items():
            counts["true"] += pair in shape.pairs
            counts["certain"] += flow.is_certain
            counts["certain_true"] += flow.is_certain and pair in shape.pairs
            counts["carried"] += shape.pairs.get(pair) == flow.is_carried
        if is_shown:
            show(shape, pairs, found.unknown)
    times.sort()
    return {
        "programs": len(shapes),
        "pairs": counts["marked"],
        "recall": counts["true"] / counts["marked"],
        "precision": counts["true"] / counts["found"],
        "certain": counts["certain"] / counts["found"],
        "certain that are true": counts["certain_true"] / max(counts["certain"], 1),
        "right round of a loop": counts["carried"] / max(counts["true"], 1),
        "median, ms": 1e3 * statistics.median(times),
        "p99, ms": 1e3 * times[min(len(times) - 1, int(0.99 * len(times)))],
    }


def show(shape: Shape, pairs: dict, unknown: list) -> None:
    for pair in sorted(shape.pairs.keys() - pairs.keys()):
        print(f"  missing: {shape.name}: {pair[0]} <- {pair[1]}")
    for pair in sorted(pairs.keys() - shape.pairs.keys()):
        kind = "certain" if pairs[pair].is_certain else "perhaps"
        print(f"  untrue: {shape.name}: {pair[0]} <- {pair[1]} ({kind})")
    for pair in sorted(pairs.keys() & shape.pairs.keys()):
        if pairs[pair].is_carried != shape.pairs[pair]:
            print(f"  round: {shape.name}: {pair[0]} <- {pair[1]}")
    for one in unknown:
        print(f"  unknown: {shape.name}: {one.site.name}: {one.reason}")


def main() -> None:
    """Print the figures of the programs that are worked with, and of those held out."""
    files = sorted(FOLDER.glob("*.txt"))
    known = [shape for file in files if file.stem != "held_out" for shape in read_shapes(file)]
    groups = {"worked with": known}
    if "--known" not in sys.argv:
        groups["held out"] = read_shapes(FOLDER / "held_out.txt")
    for name, shapes in groups.items():
        figures = measure(shapes, is_shown=True)
        print(name)
        for key, value in figures.items():
            print(
                f"  {key:24} {value:8.3g}" if isinstance(value, float) else f"  {key:24} {value:8}"
            )


if __name__ == "__main__":
    main()
