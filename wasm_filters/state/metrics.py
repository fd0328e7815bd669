"""Counters, gauges and histograms that a filter defines, with the ids that Envoy gives them.

Source: envoy, source/extensions/common/wasm/context.cc (defineMetric and its neighbours); values
measured on Envoy 1.40.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wasm_filters.abi import MetricType, Status

MAX_METRICS = 10_000  # per plugin; a filter that defines one per request gets INTERNAL_FAILURE
MAX_NAME = 16 * 1024  # bytes of one name


@dataclass(slots=True)
class Metric:
    """One metric: a counter's or gauge's ``value``, a histogram's ``samples`` (the last 1,000)."""

    type: MetricType
    name: str
    value: int = 0
    samples: list[int] = field(default_factory=list)


_MAX_SAMPLES = 1000
_STEP = 4  # the low two bits of an id are the metric's type


class Metrics:
    """All metrics of one plugin, by id and by name."""

    def __init__(self) -> None:
        self._by_id: dict[int, Metric] = {}
        self._by_name: dict[str, Metric] = {}
        self._next = [_STEP, _STEP, _STEP]

    def values(self) -> dict[str, Metric]:
        return dict(self._by_name)

    def get(self, metric_id: int) -> Metric | None:
        return self._by_id.get(metric_id)

    def define(self, kind: MetricType, name: str) -> int | None:
        """A new id, also for a name that exists: both ids then mean the same metric.

        Counters get 4, 8, …, gauges 5, 9, …, histograms 6, 10, …; None when there are too many.
        """
        if len(self._by_id) >= MAX_METRICS:
            return None
        metric_id = self._next[kind] | kind
        self._next[kind] += _STEP
        self._by_id[metric_id] = self._by_name.setdefault(name, Metric(kind, name))
        return metric_id

    def increment(self, metric_id: int, delta: int) -> Status:
        """BAD_ARGUMENT for a histogram and for a counter that would not grow."""
        metric = self._by_id.get(metric_id)
        if metric is None:
            return Status.NOT_FOUND
        grows = delta > 0 if metric.type is MetricType.COUNTER else True
        if metric.type is MetricType.HISTOGRAM or not grows:
            return Status.BAD_ARGUMENT
        metric.value += delta
        return Status.OK

    def record(self, metric_id: int, value: int) -> Status:
        """Set a gauge, add a sample to a histogram, and, as Envoy does, add to a counter."""
        metric = self._by_id.get(metric_id)
        if metric is None:
            return Status.NOT_FOUND
        if metric.type is MetricType.HISTOGRAM:
            metric.samples = [*metric.samples[1 - _MAX_SAMPLES :], value]
        elif metric.type is MetricType.GAUGE:
            metric.value = value
        else:
            metric.value += value
        return Status.OK
