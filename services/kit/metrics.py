"""Metrics of one process, from the declared catalogue: a name that is not declared can't be emitted.

Each process has its own registry, so that several rooms in one operating-system process stay apart.
"""

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.metrics import KIT, Metric

T = TypeVar("T")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The declared metrics of one process, by name. Raises KeyError for a name nobody declared."""

    def __init__(self, declared: Iterable[Metric] = (), *, kit: bool = True) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._by_name: dict[str, Counter | Gauge | Histogram] = {}
        for metric in (*(KIT if kit else ()), *declared):
            if metric.name not in self._by_name:
                self._by_name[metric.name] = self._make(metric)

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind == "counter":
            return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)
        if metric.kind == "gauge":
            return Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self.registry)

    def counter(self, name: str) -> Counter:
        """A declared counter. Raises TypeError for another kind."""
        return self._of(name, Counter)

    def gauge(self, name: str) -> Gauge:
        """A declared gauge. Raises TypeError for another kind."""
        return self._of(name, Gauge)

    def histogram(self, name: str) -> Histogram:
        """A declared histogram. Raises TypeError for another kind."""
        return self._of(name, Histogram)

    def _of(self, name: str, kind: type[T]) -> T:
        found = self._by_name[name]
        if not isinstance(found, kind):
            raise TypeError(f"metric {name}: declared as {type(found).__name__}, used as {kind.__name__}")
        return found

    def render(self) -> bytes:
        """The text Prometheus scrapes."""
        return generate_latest(self.registry)
