"""Large values, whose digests may read only a part, for tests of samples."""

from __future__ import annotations

import array
import collections
import dataclasses
import random

import numpy as np
import pandas as pd


@dataclasses.dataclass
class Node:
    x: object
    then: object = None


class Bag(list):
    pass


N = 20_000


def chain(count):
    node = None
    for at in range(count):
        node = Node(at, node)
    return node


def values(order=0, change=0):
    """Each made anew; what has no order is filled in another one, and the last item changed."""

    def mixed(items):
        items = list(items)
        random.Random(order).shuffle(items)
        return items

    last = N - 1 + change
    ints = [*range(N - 1), last]
    texts = [f"i{at}" for at in ints]
    pairs = mixed(zip(texts, ints))
    return {
        "list": ints,
        "tuple": tuple(ints),
        "bag": Bag(ints),
        "deque": collections.deque(ints),
        "array": array.array("d", ints),
        "nested": [[at, [{"a": at}]] for at in ints],
        "numbers": set(mixed(-at for at in ints)),
        "texts": set(mixed(at[::-1] for at in texts)),
        "floats": set(mixed(-at / 7 for at in ints)),
        "tuples": frozenset(mixed((-at, str(at)) for at in ints)),
        "pairs of floats": set(mixed((-at / 7, at) for at in ints)),
        "bytes": set(mixed(b"%06d" % (10**6 - at) for at in ints)),
        "mixed keys": dict(mixed([(None, 1), *((at, at) for at in ints)])),
        "sets of sets": set(mixed(frozenset([at]) for at in ints)),
        "dict": {key[::-1]: item for key, item in pairs},
        "counter": collections.Counter({key[::-1]: item for key, item in pairs}),
        "text": "x" * 10**7 + str(last),
        "wide": "\u00e9" * 10**7 + str(last),
        "octets": b"x" * 10**7 + b"%d" % last,
        "number": (1 << 10**8) + (last << (10**8 - 100)),
        "objects": np.array(ints, object),
        "turned": np.array(ints, object).reshape(2, -1).T,
        "frame": pd.DataFrame({"a": pd.Series(texts, dtype=object), "b": ints}),
        "strings": pd.Series(texts, dtype="string[python]"),
        "categories": pd.Categorical(texts),
        "ordered": pd.Categorical(texts, ordered=True),
        "index": pd.MultiIndex.from_arrays([texts, ints]),
        "dataclass": Node(ints, set(ints)),
        "chain": chain(3000 + change),
    }
