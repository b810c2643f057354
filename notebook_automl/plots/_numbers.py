"""Numbers and texts as plots show them; known without matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from notebook_automl.plots._summary import printable

# What is larger overflows as soon as an axis gets a margin.
_MOST = 1e100
_LOG_RATIO = 100


class Limits(NamedTuple):
    """What an axis shows.

    Args:
        low: Its lower end.
        high: Its upper end.
        log: Whether the scale is logarithmic.
        cut: Whether some values lie outside.
    """

    low: float
    high: float
    log: bool
    cut: bool

    def place(self, value: float) -> float:
        """Where a value stands, as a fraction of the axis; outside, at its end.

        Args:
            value: One that is drawable.
        """
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return min(1.0, max(0.0, (value - low) / (high - low)))


def drawable(value: float | None) -> bool:
    """Whether a number has a place on an axis."""
    return value is not None and abs(value) < _MOST  # NaN is not


def limits(values: Iterable[float]) -> Limits:
    """Choose an axis on which most values can be told apart.

    A loss that begins high gets a logarithmic scale; where that cannot be, values far
    away from all others are cut off.

    Args:
        values: Of any kind; only those that are drawable count.
    """
    known = sorted(value for value in values if drawable(value))
    if not known:
        return Limits(0.0, 1.0, False, False)
    low, high = known[0], known[-1]
    if low > 0 and high > 1 and high / low >= _LOG_RATIO:
        return Limits(low / 1.2, high * 1.2, True, False)
    first, last = known[len(known) // 20], known[-1 - len(known) // 20]
    far = 3 * (last - first)
    if far > 0:
        low, high = max(low, first - far), min(high, last + far)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    cut = low > known[0] or high < known[-1]
    return Limits(low - margin, high + margin, False, cut)


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit in which so long a time is read best.

    Args:
        seconds: The longest of the axis.

    Returns:
        Its seconds, and its name.
    """
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")


def short(text: object, most: int = 40) -> str:
    """One printable line, without its middle if it is long.

    Args:
        text: Anything.
        most: How many characters it may have.
    """
    line = printable(" ".join(str(text).split()))
    tail = most // 2
    return line if len(line) <= most else f"{line[: most - tail - 1]}…{line[-tail:]}"


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Move labels as little as keeps them from covering one another.

    Args:
        places: Where they should stand, in any order.
        apart: The least distance between two of them.

    Returns:
        Where they stand, in the same order.
    """
    moved = list(places)
    rising = sorted(range(len(places)), key=lambda i: places[i])
    for _ in range(20):
        for below, above in pairwise(rising):
            overlap = apart - (moved[above] - moved[below])
            if overlap > 0:
                moved[below] -= overlap / 2
                moved[above] += overlap / 2
    return moved


def is_number(value: object) -> bool:
    """Whether a value of a parameter lies on a scale."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
