"""Samples, and the environment of every measured process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any


@dataclass(kw_only=True)
class Sample:
    """What was measured of one candidate, round by round: all candidates' rounds go in step."""

    values: list[float] = field(default_factory=list)
    bytes_per_call: list[float] = field(default_factory=list)

    @property
    def minimum(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def size(self) -> float:
        """Bytes written for one call."""
        return median(self.bytes_per_call) if self.bytes_per_call else 0.0

    def ratio_to(self, other: Sample) -> float:
        """The median of the ratios of rounds that followed each other."""
        return median(self._ratios(other))

    def spread_to(self, other: Sample) -> tuple[float, float]:
        """Between what the middle half of those ratios lies."""
        first, _, third = quantiles(self._ratios(other), n=4)
        return first, third

    def more_than(self, other: Sample) -> tuple[float, float]:
        """How much more this took: the difference of the minima, the median difference."""
        pairs = zip(self.values, other.values, strict=True)
        return self.minimum - other.minimum, median(one - two for one, two in pairs)

    def _ratios(self, other: Sample) -> list[float]:
        return [one / two for one, two in zip(self.values, other.values, strict=True)]

    def as_dict(self, unit: str) -> dict[str, Any]:
        found = {f"min_{unit}": self.minimum, f"median_{unit}": self.median}
        if self.bytes_per_call:
            found["bytes_per_call"] = self.size
        return {**found, "rounds": len(self.values)}


_DROPPED = ("PROVAGENT", "OTEL_", "PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME")


def clean_environ(**extra: str) -> dict[str, str]:
    """Our environment, but byte code is kept and nothing is recorded, unless ``extra`` says so."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    return {**kept, "PYTHONHASHSEED": "0", **extra}
