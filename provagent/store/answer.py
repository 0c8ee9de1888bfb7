"""Answers to "how was this made?" and "what came of it?"."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from provagent.file_names import name_to_text
from provagent.store.index import Index
from provagent.store.resolve import NEWEST, Found, find_entities
from provagent.store.told import ActivityTold, EntityTold, Told
from provagent.store.walk import Walk, ancestors, descendants

ORIGIN, UNKNOWN = "nothing recorded made it", "its content is not known"


@dataclass(slots=True)
class Step:
    """An entity or an activity, what was met from it, and where the record ends.

    ``same_as`` is the entity of another run that has its content. ``is_cut``: more was met,
    and not told.
    """

    thing: EntityTold | ActivityTold
    steps: list[Step] = field(default_factory=list)
    same_as: EntityTold | None = None
    end: str | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was asked for, and all that was met; ``runs`` are the identifiers, oldest first."""

    what: str
    found: Found
    root: Step
    entities: int
    activities: int
    runs: list[str]


def why(index: Index, what: str, *, limit: int | None = None) -> Answer:
    """Tell how something was made, across runs, back to the sources.

    ``limit`` bounds the steps that are told with their details. Raises StoreError for what
    no record knows.
    """
    with index.one_state():
        found = find_entities(index, what, most=NEWEST)
        walk = ancestors(index, found.entities[:1])
        return _answer(index, what, found, walk, limit, is_back=True)


def impact(index: Index, what: str, *, limit: int | None = None) -> Answer:
    """Tell what came of something, across runs; as ``why``, the other way."""
    with index.one_state():
        found = find_entities(index, what)
        walk = descendants(index, found.entities)
        return _answer(index, what, found, walk, limit, is_back=False)


def _answer(
    index: Index, what: str, found: Found, walk: Walk, limit: int | None, *, is_back: bool
) -> Answer:
    told = Told(index)
    first = found.entities[0]
    runs = {told.run_of(number >> 32).id for number in (*walk.entities, *walk.activities)}
    return Answer(
        what=name_to_text(what), found=found,
        root=_Tree(told, walk, limit, is_back=is_back).step(first),
        entities=len(walk.entities), activities=len(walk.activities), runs=sorted(runs - {"?"}),
    )  # fmt: skip


class _Tree:
    """The walk as a tree: each thing stands below what it was met from."""

    def __init__(self, told: Told, walk: Walk, limit: int | None, *, is_back: bool) -> None:
        self.told = told
        self.walk = walk
        self.left = limit
        self.is_back = is_back
        self.below: dict[int | None, list[int]] = {}
        for met in (walk.entities, walk.activities):
            for number, origin in met.items():
                self.below.setdefault(origin, []).append(number)

    def step(self, first: int) -> Step:
        root = self._told(first)
        waiting = deque([(root, first)])
        while waiting:
            step, number = waiting.popleft()
            for below in self.below.get(number, ()):
                if self.left is not None and self.left <= 0:
                    step.is_cut = True
                    break
                if self.left is not None:
                    self.left -= 1
                one = self._told(below)
                step.steps.append(one)
                waiting.append((one, below))
        return root

    def _told(self, number: int) -> Step:
        if number in self.walk.activities:
            return Step(self.told.activity(number))
        step = Step(self.told.entity(number))
        other = self.walk.same.get(number)
        if other is not None:
            step.same_as = self.told.entity(other)
        elif self.is_back and number not in self.below:
            is_known = isinstance(step.thing, EntityTold) and step.thing.digest is not None
            step.end = ORIGIN if is_known else UNKNOWN
        return step


def steps_of(root: Step) -> Iterator[Step]:
    """Yield a step and all below it."""
    waiting = [root]
    while waiting:
        step = waiting.pop()
        yield step
        waiting += reversed(step.steps)


def answer_data(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data: ``steps`` are things once each, in the order of the tree.

    Each says what it was ``met_from``. They are not nested: a chain may be longer than what
    writes and reads JSON can nest.
    """
    return {
        "what": answer.what,
        "path": answer.found.path,
        "is_unchanged": answer.found.is_unchanged,
        "entities": answer.entities,
        "activities": answer.activities,
        "runs": answer.runs,
        "steps": list(_steps_data(answer.root)),
    }


def _steps_data(root: Step) -> Iterator[dict[str, Any]]:
    from dataclasses import asdict

    waiting: list[tuple[Step, str | None]] = [(root, None)]
    while waiting:
        step, origin = waiting.pop()
        data: dict[str, Any] = {
            "kind": "activity" if isinstance(step.thing, ActivityTold) else "entity"
        }
        if origin is not None:
            data["met_from"] = origin
        facts = asdict(step.thing).items()
        data |= {key: value for key, value in facts if value not in (None, {}, [])}
        if step.same_as is not None:
            data["same_as"] = step.same_as.id
        if step.end is not None:
            data["end"] = step.end
        if step.is_cut:
            data["is_cut"] = True
        yield data
        waiting += [(below, step.thing.id) for below in reversed(step.steps)]
