"""The limit of recorded calls by the bytes that are written."""

from __future__ import annotations

import pytest

from provagent.recording.capture.byte_limit import ByteLimit


class Gate:
    """A target, as far as a limit knows it."""

    def __init__(self):
        self.free, self.shut, self.resets = 9, "open", 0

    def reset(self):
        self.resets += 1


class Limited:
    """A limit with so many targets, and what was complained of."""

    def __init__(self, limit, targets=1, written=0):
        self.written, self.told = written, []
        self.fill = ByteLimit(limit, lambda: self.written, self.told.append)
        self.samplers = [Gate() for _ in range(targets)]
        for gate in self.samplers:
            self.fill.samplers.add(gate)


def test_without_a_limit_twice_as_many_each_time():
    """Up to 250, and nobody asks how much is written."""
    fill = ByteLimit(0, lambda: 1 / 0, print)
    numbers = [0]
    for _ in range(10):
        numbers.append(fill.ahead(numbers[-1]))
    assert numbers == [0, 1, 3, 7, 15, 31, 63, 127, 250, 250, 250]
    assert not fill.look()


@pytest.mark.parametrize(("targets", "calls"), [(0, 250), (1, 250), (4, 62), (10, 25), (500, 1)])
def test_what_is_left_is_shared_by_all_targets(targets, calls):
    """A call takes a thousand bytes, and four times as much at most: 250 calls of a million."""
    assert Limited(1_000_000, targets).fill.ahead(249) == calls


def test_calls_are_as_large_as_they_were():
    limited = Limited(10_000_000)
    assert limited.fill.ahead(9) == 19
    limited.written = 2_000_000  # 100 000 for each of 20
    assert limited.fill.ahead(249) == 8_000_000 // 400_000
    limited.written = 9_999_999
    assert limited.fill.ahead(249) == 1


def test_what_was_granted_before_counts():
    """The same bytes after more calls: each was smaller, and more may follow."""
    few, many = Limited(10_000_000), Limited(10_000_000)
    few.fill.ahead(0)
    for _ in range(3):
        many.fill.ahead(100)
    few.written = many.written = 6_000_000
    assert few.fill.ahead(249) == 1
    assert many.fill.ahead(249) == 4_000_000 // (4 * (6_000_000 // 604)) == 100


@pytest.mark.parametrize(("limit", "written", "is_full"), [
    (100, 99, False), (100, 100, True), (100, 101, True), (0, 0, False), (0, 10**9, False),
])  # fmt: skip
def test_at_the_limit_all_targets_are_shut(limit, written, is_full):
    limited = Limited(limit, 2, written)
    assert [limited.fill.look() for _ in range(2)] == [is_full, is_full]
    assert len(limited.told) == is_full
    state = (0, None) if is_full else (9, "open")
    assert [(gate.free, gate.shut) for gate in limited.samplers] == [state, state]


def test_a_forked_process_begins_again():
    limited = Limited(100, 1, 100)
    assert limited.fill.look()
    limited.written = 0
    limited.fill.restart()
    assert (limited.samplers[0].resets, limited.fill.look()) == (1, False)
