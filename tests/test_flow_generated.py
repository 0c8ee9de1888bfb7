"""Generated programs, run with values that know their origin, and compared with the analysis.

Each value contains the executions from which it came. The analysis must find every true flow. A
certain flow must be true. A value that is not carried over must come from the last execution.
"""

from __future__ import annotations

import os
import sys

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from provagent.reading.flow import Code, Site, flows

FILE = "generated.py"


class Value:
    """A number that knows the executions it was computed from, with parts that are made when read."""

    def __init__(self, tags=()):
        self.tags = set(tags)
        self.parts = {}

    def __add__(self, other):
        return Value(tags_of([self, other]))

    def scaled(self, other):
        return Value(tags_of([self, other]))

    def __getitem__(self, key):
        part = self.parts.setdefault(key, Value())
        part.tags |= self.tags
        return part

    @property
    def part(self):
        return self["part"]

    def update(self, other):
        self.tags |= tags_of(other)


class Sink:
    """A file opened for writing."""

    def __init__(self, site):
        self.site = site
        self.written = set()

    def write(self, value):
        self.written |= tags_of(value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


class Failure(Exception):
    pass


def tags_of(value, seen=None):
    """Return the executions behind a value and all that it holds."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return set()
    seen.add(id(value))
    if isinstance(value, Value):
        return value.tags.union(*(tags_of(part, seen) for part in value.parts.values()))
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return set().union(*(tags_of(item, seen) for item in value))
    if hasattr(value, "__dict__"):
        return set().union(*(tags_of(item, seen) for item in vars(value).values()))
    return set()


class Truth:
    """The library of a generated program: what it does, and what truly flowed."""

    def __init__(self, decisions):
        self.decisions = list(decisions)
        self.pairs = set()  # (later site, earlier site)
        self.not_last = set()  # pairs in which the earlier site was executed again before
        self.executions = {}
        self.sites = {}
        self.sinks = []
        self.steps = 0

    def site(self, name, **more):
        chain, frame = [], sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_filename == FILE:
                positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
                chain.append((FILE, positions[1], positions[3]))
            frame = frame.f_back
        site = Site(tuple(chain[:8]), name, **more)
        self.sites[site] = None
        self.executions[site] = self.executions.get(site, 0) + 1
        return site

    def use(self, site, tags):
        for earlier, number in tags:
            self.pairs.add((site, earlier))
            if number != self.executions[earlier]:
                self.not_last.add((site, earlier))

    def read(self):
        self.steps += 1
        assume(self.steps < 2000)
        site = self.site("read", is_target=False)
        return Value({(site, self.executions[site])})

    def begin(self, site, values):
        """Note what went into an execution; return the tag of what it makes."""
        self.executions[site] -= 1
        self.use(site, tags_of(values))
        self.executions[site] += 1
        return site, self.executions[site]

    def work(self, *values):
        return Value({self.begin(self.site("work"), values)})

    def recorded(self, function):
        """Record the calls of a function of the program, which changes nothing that it is given."""

        def call(*values):
            made = self.begin(self.site(function.__name__), values)
            result = function(*values)
            return [Value({made}) for _ in result] if isinstance(result, list) else Value({made})

        return call

    def save(self, value):
        self.use(self.site("save"), tags_of(value))

    def sink(self):
        sink = Sink(self.site("sink", is_file=True))
        self.sinks.append(sink)
        return sink

    def mix(self, *values):
        return Value(tags_of(values))

    def zero(self):
        return Value()

    def cond(self):
        if not self.decisions:
            return False
        self.decisions.append(self.decisions.pop(0))
        return self.decisions[0]

    def fail(self):
        if self.cond():
            raise Failure

    def run(self, source):
        names = ("read", "work", "recorded", "save", "sink", "mix", "zero", "cond", "fail")
        scope = {name: getattr(self, name) for name in names}
        scope |= {"Failure": Failure, "__name__": "__main__"}
        exec(compile(source, FILE, "exec"), scope)
        for sink in self.sinks:
            for earlier, _ in sink.written:
                self.pairs.add((sink.site, earlier))


SCALARS = [f"s{number}" for number in range(4)]
LISTS = ["l0", "l1"]
HEAD = """\
class Box:
    def __init__(self, v):
        self.v = v
    def get(self):
        return self.v
    def set(self, v):
        self.v = v
    @property
    def twice(self):
        return self.v + self.v
def flat(x):
    if isinstance(x, Box):
        x = x.v
    if isinstance(x, dict):
        x = x["a"]
    if isinstance(x, list):
        x = x[0]
    return x
"""
START = [
    *(f"{name} = read()" for name in SCALARS),
    "l0 = [zero()]",
    "l1 = [read(), read()]",
    "d0 = {'a': read(), 'b': zero()}",
    "b0 = Box(read())",
]
ENDING = [f"save({name})" for name in ("s0", "s1", "s2", "s3", "l0", "l1", "d0['a']", "b0")]
scalar = st.sampled_from(SCALARS)
a_list = st.sampled_from(LISTS)
key = st.sampled_from(["'a'", "'b'"])
a_part = st.sampled_from([".part", "['part']", "['k']", ".part.part", "[0]"])
anything = st.sampled_from([*SCALARS, *LISTS, "d0", "b0"])
SIMPLE = st.one_of(
    st.builds("{} = read()".format, scalar),
    st.builds("{} = work({}, {})".format, scalar, scalar, scalar),
    st.builds("{} = {} + {}".format, scalar, scalar, scalar),
    st.builds("{} = mix({}, {})".format, scalar, scalar, scalar),
    st.builds("{} = {}".format, scalar, scalar),
    st.builds("{} += {}".format, scalar, scalar),
    st.builds("{}, {} = {}, {}".format, scalar, scalar, scalar, scalar),
    st.builds("save({})".format, scalar),
    st.builds("save({})".format, st.sampled_from(["l0", "l1", "d0", "b0.v"])),
    st.builds("{}.append({})".format, a_list, scalar),
    st.builds("{} = [{}, {}]".format, a_list, scalar, scalar),
    st.builds("{} = [mix(x, {}) for x in {}]".format, a_list, scalar, a_list),
    st.builds("{} = ({} + {})[:6]".format, a_list, a_list, a_list),
    st.builds("{} = {}[0]".format, scalar, a_list),
    st.builds("{} = {}[-1]".format, scalar, a_list),
    st.builds("{}[0] = {}".format, a_list, scalar),
    st.builds("d0[{}] = {}".format, key, scalar),
    st.builds("d0['c'] = {}".format, scalar),
    st.builds("b0.w = {}".format, scalar),
    st.builds("{} = d0[{}]".format, scalar, key),
    st.builds("d0[{}] = mix(d0[{}], {})".format, key, key, scalar),
    st.builds("{}.update({})".format, scalar, scalar),
    st.builds("b0.v = {}".format, scalar),
    st.builds("b0.set({})".format, scalar),
    st.builds("{} = b0.{}".format, scalar, st.sampled_from(["v", "get()", "twice"])),
    st.builds("b0 = Box({})".format, scalar),
    st.builds("{} = {} if cond() else {}".format, scalar, scalar, scalar),
    st.builds("{} = (lambda p: p + {})({})".format, scalar, scalar, scalar),
    st.builds("{} = list(map(lambda p: mix(p, {}), {}))".format, a_list, scalar, a_list),
    st.builds("{}, *{} = {}".format, scalar, st.just("_"), a_list),
    st.builds("{} = mix(*{})".format, scalar, a_list),
    st.builds("{} = {}.scaled({})".format, scalar, scalar, scalar),
    st.builds("{} = {}{}".format, scalar, scalar, a_part),
    st.builds("{}{}.update({})".format, scalar, a_part, scalar),
    st.builds("save({}{})".format, scalar, a_part),
    st.builds("{} = flat({})".format, scalar, anything),
    st.builds("fail()".format),
    st.builds("{} = {}".format, st.just("l0"), st.just("l1")),
)
CALLS = st.one_of(
    st.builds("{} = f0({}, {})".format, scalar, scalar, scalar),
    st.builds("{} = f1({}, q={})".format, scalar, scalar, scalar),
    st.builds("{} = f1({})".format, scalar, scalar),
    st.builds("{} = list(f2({}))".format, a_list, scalar),
    st.builds("{} = [f1(x) for x in {}]".format, a_list, a_list),
    st.builds("{} = g0({}, {})".format, scalar, anything, anything),
    st.builds("{} = g1({}, {})".format, a_list, anything, anything),
    st.builds("{} = [g0(x, {}) for x in {}]".format, a_list, anything, a_list),
)
# What a function does that merely reads what it is given.
READING = st.one_of(
    st.builds("{} = flat({})".format, scalar, st.sampled_from("pq")),
    st.builds("{} = {}{}".format, scalar, scalar, a_part),
    st.builds("{} = flat({}){}".format, scalar, st.sampled_from("pq"), a_part),
    st.builds("{} = mix({}, {})".format, scalar, scalar, scalar),
    st.builds("for x in many({}): {} = mix(x, x{})".format, st.sampled_from("pq"), scalar, a_part),
    st.builds("{} = mix(*[x{} for x in many({})])".format, scalar, a_part, st.sampled_from("pq")),
    st.builds("save({})".format, scalar),
    st.builds("{} = work({})".format, scalar, scalar),
)
WAYS_OUT = st.sampled_from(["if cond(): break", "if cond(): continue"])


@st.composite
def blocks(draw, depth, simple, *, in_loop=False):
    """Return the lines of a block."""
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        kinds = ["simple"] * 5 + (["if", "for", "try", "with", "iterate"] if depth else [])
        kind = draw(st.sampled_from(kinds + (["out"] if in_loop else [])))
        if kind == "simple":
            lines.append(draw(simple))
            continue
        if kind == "out":
            lines.append(draw(WAYS_OUT))
            continue
        is_loop = kind in {"for", "iterate"}
        inner = draw(blocks(depth - 1, simple, in_loop=is_loop or in_loop))
        head = {
            "if": "if cond():",
            "for": "for i in range(3):",
            "iterate": f"for {draw(scalar)} in list({draw(a_list)})[:4]:",
            "try": "try:",
            "with": "with sink() as h:",
        }[kind]
        if kind == "with":
            inner.append(f"h.write({draw(scalar)})")
        lines += [head, *indented(inner)]
        if kind == "if" and draw(st.booleans()):
            lines += ["else:", *indented(draw(blocks(depth - 1, simple, in_loop=in_loop)))]
        if kind == "try":
            lines += ["except Failure:", *indented(draw(blocks(0, simple)))]
    return lines


def indented(lines):
    return ["    " + line for line in lines]


@st.composite
def programs(draw):
    """Return the source of a program."""
    lines = HEAD.splitlines()
    names = (
        "global l0, l1, d0, b0"
        if draw(st.booleans())
        else "l0, l1, d0, b0 = [p], [p, q], {'a': p, 'b': q}, Box(q)"
    )
    for number, head in enumerate(["def f0(p, q):", "def f1(p, q=None):"]):
        body = [
            "s0, s1, s2, s3 = p, p, q or p, zero()",
            names,
            *draw(blocks(1, SIMPLE)),
            f"return {draw(scalar)}",
        ]
        if number:
            body[0] = "q = p if q is None else q; " + body[0]
        lines += [head, *indented(body)]
    lines += ["def many(x):", "    return x if isinstance(x, list) else [flat(x)]"]
    for name, result in (("g0", draw(scalar)), ("g1", f"[{draw(scalar)}, {draw(scalar)}]")):
        lines += [
            "@recorded",
            f"def {name}(p, q):",
            "    s0, s1, s2, s3 = zero(), zero(), zero(), zero()",
        ]
        lines += indented([*draw(blocks(1, READING)), f"return {result}"])
    lines += ["def f2(p):", "    yield p", "    yield read()", "    yield mix(p, read())"]
    lines += START
    simple = st.one_of(SIMPLE, SIMPLE, SIMPLE, CALLS)
    body = draw(blocks(2, simple))
    lines += ["try:", *indented([*body, *ENDING]), "except Failure: pass"]
    return "\n".join(lines) + "\n"


def compare(source, decisions):
    """Return what is wrong with the analysis of a program, beside its run."""
    truth = Truth(decisions)
    truth.run(source)
    sites = list(truth.sites)
    found = flows(Code({FILE: source}), sites, entry=FILE, budget=20.0)
    by_pair = {(flow.later, flow.earlier): flow for flow in found.flows}
    wrong = [f"unknown: {one}" for one in found.unknown]
    wrong += [f"missing: {pair}" for pair in truth.pairs if pair not in by_pair]
    wrong += [
        f"untrue: {pair}"
        for pair, flow in by_pair.items()
        if flow.is_certain and pair not in truth.pairs
    ]
    wrong += [
        f"not the last: {pair}"
        for pair in truth.not_last
        if pair in by_pair and not by_pair[pair].is_carried
    ]
    return wrong


# The same programs each time: GENERATED_PROGRAMS asks for so many others.
@settings(
    max_examples=int(os.environ.get("GENERATED_PROGRAMS", "60")),
    derandomize="GENERATED_PROGRAMS" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs(), st.lists(st.booleans(), min_size=1, max_size=7))
def test_nothing_that_flowed_is_missing_and_what_is_certain_is_true(source, decisions):
    assert compare(source, decisions) == [], source
