"""What is said of measured numbers: medians, paired ratios with their bootstrap interval, latencies by histogram."""

from collections.abc import Sequence
from math import ceil
from random import Random
from statistics import median

from hdrh.histogram import HdrHistogram

RESAMPLES_COUNT = 5_000
LONGEST_MICROSECONDS = 120_000_000


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The median of paired ratios, and the 95 % interval of that median over resampled pairs. Same pairs, same answer."""
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    dice = Random(1)
    medians = sorted(median(dice.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES_COUNT))
    return median(pairs), medians[int(RESAMPLES_COUNT * 0.025)], medians[int(RESAMPLES_COUNT * 0.975)]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least, greatest."""
    return median(values), min(values), max(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of them do not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


class Latencies:
    """One stage's latencies. Negative ones, by clocks of a millisecond, count as nothing."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, LONGEST_MICROSECONDS, 3)

    def add(self, seconds: float) -> None:
        self._histogram.record_value(max(int(seconds * 1e6), 1))

    def at(self, percent: float) -> float:
        """Milliseconds at a percentile."""
        return float(self._histogram.get_value_at_percentile(percent)) / 1000

    @property
    def count(self) -> int:
        return int(self._histogram.get_total_count())
