"""The measured callables: an empty function, and a method with little work."""

from __future__ import annotations


def empty() -> None:
    """Return at once."""


class Events:
    """What the method uses and generates, told apart by its text."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __str__(self) -> str:
        return f"{self.count} events"


class Config:
    def __init__(self) -> None:
        self.threshold = 0.5


class Analysis:
    def __init__(self) -> None:
        self.config = Config()
        self.events = Events(0)
        self.selected = self.events

    def select(self) -> None:
        self.selected = Events(self.selected.count + 1)
