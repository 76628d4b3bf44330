"""The one-sided Wilson bound: how sure a share of a small sample is. Called by criteria/values.py."""

from functools import lru_cache
from math import erf, floor, sqrt


@lru_cache(maxsize=64)
def quantile(confidence_ratio: float) -> float:
    """The standard normal quantile of a probability in 0.5..1, to six decimals, alike on every machine."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 + erf(middle / sqrt(2))) / 2 < confidence_ratio:
            low = middle
        else:
            high = middle
    return round(high, 6)


def wilson_bound(numerator: int, population: int, confidence_ratio: float, *, lower: bool) -> float:
    """The end of the one-sided Wilson interval, rounded to six decimals toward worse.

    Raises ValueError unless 0 <= numerator <= population and the population is positive.
    """
    if not 0 <= numerator <= population or population == 0:
        raise ValueError(f"share: expected 0..population of a positive population, seen {numerator}/{population}")
    if not lower:  # the upper end of a share is the lower end of the others' share, from the other side
        others = wilson_bound(population - numerator, population, confidence_ratio, lower=True)
        return round(1 - others, 6)
    z, share = quantile(confidence_ratio), numerator / population
    centre = share + z * z / (2 * population)
    spread = z * sqrt(share * (1 - share) / population + z * z / (4 * population * population))
    return max(0.0, floor((centre - spread) / (1 + z * z / population) * 1e6) / 1e6)
