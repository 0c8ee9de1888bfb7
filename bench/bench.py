"""Costs of provagent, compared with other tools: python bench/bench.py [--crab] [--json FILE]."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digests import BARE, JOBLIB, time_digests
from digests import PROVAGENT as OURS
from noticing import OFF, ON, time_noticing
from rich.console import Console
from rich.table import Table
from startup import HEAVY, STARTS, time_starts
from turns import time_calls
from whole import time_crab

if TYPE_CHECKING:
    from measure import Sample

PROVAGENT, LOGPROV, SPAN = "provagent", "logprov", "OpenTelemetry span"
SKIPPED = "provagent, skipped"
CALLS = {
    "bare call": ("bare", ""),
    "wrapt alone": ("wrapt", ""),
    SPAN: ("opentelemetry", ""),
    PROVAGENT: ("provagent", ""),
    SKIPPED: ("provagent", "record"),
    LOGPROV: ("logprov", ""),
}
# Each leaves out one part more; the part costs what is missing then.
PARTS = {
    "check": ("provagent", "check"),
    "write": ("provagent", "check,write"),
    "render": ("provagent", "check,write,render"),
    "close": ("provagent", "check,write,render,close"),
    "open": ("provagent", "check,write,render,close,open"),
}
SUBJECTS = {
    "function": "an empty function",
    "method": "a method: 1 parameter, 1 usage, 1 generation",
}
PACKAGES = ("provagent", "wrapt", "structlog", "orjson", "opentelemetry-sdk", "logprov")
NEEDED = ("logprov", "psutil", "opentelemetry.sdk", "joblib", "pandas", "astropy")
# What a span took on the machine on which the budgets were set: others are slower or quicker.
REFERENCE_SPAN = 13.0
AT_REFERENCE = f"if a span took {REFERENCE_SPAN:g} us"


@dataclass(frozen=True, kw_only=True)
class Budget:
    what: str
    limit: float
    measured: float
    unit: str


def main() -> None:
    options = read_arguments()
    check_installed(options.crab)
    console = Console(width=96, highlight=False)
    console.print(" ".join(machine().values()))
    calls = {
        subject: time_calls(subject, {**CALLS, **PARTS}, options.rounds) for subject in SUBJECTS
    }
    for subject, title in SUBJECTS.items():
        console.print(table_of_calls(title, calls[subject]))
    console.print(table_of_parts(calls))
    starts = time_starts(STARTS, options.starts)
    heavy = time_starts(HEAVY, max(3, options.starts // 10))
    console.print(table_of_starts(starts, heavy))
    digests = time_digests(options.rounds)
    console.print(table_of_digests(digests))
    noticing = time_noticing(max(5, options.rounds // 4))
    console.print(table_of_noticing(noticing))
    crab = time_crab(options.crab_rounds) if options.crab else {}
    if crab:
        console.print(table_of_crab(crab))
    budgets = find_budgets(calls, starts, crab)
    console.print(table_of_budgets(budgets))
    if options.json:
        found = {"machine": machine(), "calls": calls, "starts": {**starts, **heavy}}
        found |= {"crab": crab, "digests": digests, "noticing": noticing}
        options.json.write_text(as_json(found, budgets), encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="rounds of calls (60)")
    parser.add_argument("--starts", type=int, default=200, help="starts of an interpreter (200)")
    parser.add_argument("--crab", action="store_true", help="time examples/crab.py, for minutes")
    parser.add_argument("--crab-rounds", type=int, default=10, help="runs of examples/crab.py (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    return parser.parse_args()


def check_installed(crab: bool) -> None:
    from provagent.recording.launch import has_pth

    if not has_pth():
        raise SystemExit("bench: provagent.pth is not in site-packages; pip install -e '.[bench]'")
    for name in (*NEEDED, *(["gammapy"] if crab else [])):
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            raise SystemExit(f"bench: {name} is not installed; pip install -e '.[bench,demo]'")


def machine() -> dict[str, str]:
    return {
        "python": f"Python {platform.python_version()},",
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores;",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def table_of_calls(title: str, samples: dict[str, Sample]) -> Table:
    headings = ("us: min", "median", "/ bare", "/ wrapt", "/ span", "/ logprov", "bytes")
    table = make_table(f"A traced call of {title}", *headings)
    others = [samples[name] for name in ("bare call", "wrapt alone", SPAN, LOGPROV)]
    for label in CALLS:
        sample = samples[label]
        ratios = [as_ratio(sample.ratio_to(other)) for other in others]
        times = f"{sample.minimum:.2f}", f"{sample.median:.2f}"
        table.add_row(label, *times, *ratios, f"{sample.size:.0f}")
    return table


def table_of_parts(calls: dict[str, dict[str, Sample]]) -> Table:
    table = make_table("Parts of the time of provagent in us (minima)", *SUBJECTS)
    costs = [parts_of(samples) for samples in calls.values()]
    for part in costs[0]:
        table.add_row(part, *(f"{cost[part]:.2f}" for cost in costs))
    return table


def parts_of(samples: dict[str, Sample]) -> dict[str, float]:
    """Return the cost of each part: the time that is saved without the part."""
    steps = [PROVAGENT, *PARTS, "wrapt alone", "bare call"]
    names = [*PARTS, "our wrapper", "wrapt alone"]
    minima = [samples[step].minimum for step in steps]
    return {
        name: with_it - without
        for name, with_it, without in zip(names, minima[:-1], minima[1:], strict=True)
    }


def table_of_starts(starts: dict[str, Sample], heavy: dict[str, Sample]) -> Table:
    table = make_table("The start of an interpreter", "ms: min", "median", "+ min", "+ median")
    for group in (starts, heavy):
        base = next(iter(group.values()))
        for label, sample in group.items():
            more = ["", ""] if sample is base else [f"{ms:+.2f}" for ms in sample.more_than(base)]
            table.add_row(label, f"{sample.minimum:.2f}", f"{sample.median:.2f}", *more)
        table.add_section()
    return table


def table_of_digests(digests: dict[str, dict[str, Sample]]) -> Table:
    headings = ("ms: min", "median", "/ bare hash", "/ joblib.hash")
    table = make_table("A digest", *headings)
    for label, samples in digests.items():
        ours = samples[OURS]
        others = [samples[name] for name in (BARE, JOBLIB) if name in samples]
        ratios = [f"{ours.ratio_to(other):.2g}" for other in others]
        table.add_row(label, f"{ours.minimum:.4g}", f"{ours.median:.4g}", *ratios)
    return table


def table_of_noticing(noticing: dict[str, dict[str, Sample]]) -> Table:
    table = make_table("Cost of the audit hook for files", "us: off", "on", "+", "on / off")
    for label, samples in noticing.items():
        off, on = samples[OFF], samples[ON]
        more = on.minimum - off.minimum
        times = f"{off.minimum:.4g}", f"{on.minimum:.4g}", f"{more:.2g}"
        table.add_row(label, *times, f"{on.ratio_to(off):.2g}")
    return table


def table_of_crab(crab: dict[str, Sample]) -> Table:
    headings = ("s: min", "median", "share", "middle half of the rounds")
    table = make_table("examples/crab.py, the whole process", *headings)
    first, third = crab["recorded"].spread_to(crab["bare"])
    shares = {"recorded": (f"{share_of(crab):+.1%}", f"{first - 1:+.1%} .. {third - 1:+.1%}")}
    for label, sample in crab.items():
        times = f"{sample.minimum:.3f}", f"{sample.median:.3f}"
        table.add_row(label, *times, *shares.get(label, ()))
    return table


def share_of(crab: dict[str, Sample]) -> float:
    return crab["recorded"].ratio_to(crab["bare"]) - 1


def find_budgets(
    calls: dict[str, dict[str, Sample]], starts: dict[str, Sample], crab: dict[str, Sample]
) -> list[Budget]:
    base, off, on = starts.values()
    budgets = []
    for subject, limit in (("method", 20.0), ("function", 12.0)):
        took = calls[subject][PROVAGENT]
        scaled = took.ratio_to(calls[subject][SPAN]) * REFERENCE_SPAN
        what = f"a traced {subject}"
        budgets += [
            Budget(what=what, limit=limit, measured=took.minimum, unit="us"),
            Budget(what=f"{what}, {AT_REFERENCE}", limit=limit, measured=scaled, unit="us"),
        ]
    skipped, bare = (calls["function"][label] for label in (SKIPPED, "bare call"))
    part = calls["method"][PROVAGENT].ratio_to(calls["method"][LOGPROV])
    budgets += [
        Budget(what="a traced method, of logprov's", limit=100 / 12, measured=100 * part, unit="%"),
        Budget(what="a skipped call", limit=1, measured=skipped.more_than(bare)[0], unit="us"),
        Budget(what="start, off", limit=0.3, measured=off.more_than(base)[0], unit="ms"),
        Budget(what="start, on, no target", limit=5, measured=on.more_than(base)[0], unit="ms"),
    ]
    if crab:
        share = 100 * share_of(crab)
        budgets.append(Budget(what="the Crab example", limit=2, measured=share, unit="%"))
    return budgets


def table_of_budgets(budgets: list[Budget]) -> Table:
    table = make_table("Budgets", "at most", "measured", "")
    for budget in budgets:
        verdict = "met" if budget.measured <= budget.limit else "over"
        limit, measured = (f"{x:.3g} {budget.unit}" for x in (budget.limit, budget.measured))
        table.add_row(budget.what, limit, measured, verdict)
    return table


def make_table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    table.add_column("", min_width=32)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def as_ratio(part: float) -> str:
    return f"{part:.0f}" if part >= 100 else f"{part:.2g}"


def as_json(found: dict[str, Any], budgets: list[Budget]) -> str:
    units = {"starts": "ms", "crab": "s"}
    numbers: dict[str, Any] = {"machine": found["machine"]}
    numbers["calls"] = {
        subject: {label: sample.as_dict("us") for label, sample in samples.items()}
        for subject, samples in found["calls"].items()
    }
    numbers["digests"] = {
        label: {name: sample.as_dict("ms") for name, sample in samples.items()}
        for label, samples in found["digests"].items()
    }
    numbers["noticing"] = {
        label: {name: sample.as_dict("us") for name, sample in samples.items()}
        for label, samples in found["noticing"].items()
    }
    for name, unit in units.items():
        numbers[name] = {label: sample.as_dict(unit) for label, sample in found[name].items()}
    numbers["budgets"] = [asdict(budget) for budget in budgets]
    return json.dumps(numbers, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
