"""Spec section "Metrics".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#metrics
"""

from __future__ import annotations

from wasm_filters.abi import MetricType, Status
from wasm_filters.dialect import Difference
from wasm_filters.state.host import Host
from wasm_filters.state.metrics import MAX_NAME


def define_metric(host: Host, kind: int, name: int, name_size: int, id_at: int) -> Status:
    """Define a metric and write its id; the same name again gives another id for it.

    BAD_ARGUMENT: unknown type. INTERNAL_FAILURE: too many metrics, or too long a name (limits of
    this host). INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_define_metric
    """
    if kind > MetricType.HISTOGRAM:
        return Status.BAD_ARGUMENT
    text = host.memory.head(name, name_size, MAX_NAME).decode("utf-8", "replace")
    metric_id = host.metrics.define(MetricType(kind), text) if name_size <= MAX_NAME else None
    if metric_id is None:
        host.warn("more metrics were defined, or a longer name, than this host keeps")
        return Status.INTERNAL_FAILURE
    host.memory.write_u32(id_at, metric_id)
    return Status.OK


def increment_metric(host: Host, metric_id: int, delta: int) -> Status:
    """Change a counter or gauge by ``delta``.

    NOT_FOUND: no such metric. BAD_ARGUMENT: a histogram, or a counter that would not grow.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_increment_metric
    """
    return host.metrics.increment(metric_id, delta)


def record_metric(host: Host, metric_id: int, value: int) -> Status:
    """Set a gauge, add a sample to a histogram; a counter grows by ``value`` (Envoy).

    NOT_FOUND: no such metric.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_record_metric
    """
    metric = host.metrics.get(metric_id)
    number = value & 0xFFFF_FFFF_FFFF_FFFF
    is_counter = metric is not None and metric.type is MetricType.COUNTER
    if metric is not None and is_counter and not host.differs(Difference.COUNTER_RECORD):
        metric.value = number
        return Status.OK
    return host.metrics.record(metric_id, number)


def get_metric(host: Host, metric_id: int, value_at: int) -> Status:
    """Write a counter's or gauge's value.

    NOT_FOUND: no such metric. BAD_ARGUMENT: a histogram. INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_metric
    """
    metric = host.metrics.get(metric_id)
    if metric is None:
        return Status.NOT_FOUND
    if metric.type is MetricType.HISTOGRAM:
        return Status.BAD_ARGUMENT
    host.memory.write_u64(value_at, metric.value)
    return Status.OK
