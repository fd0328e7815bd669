"""Access logs and traces, as Envoy's HTTP connection manager has them.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.compile.values import fractional
from mesh_patterns.placement import CAPTURES
from mesh_patterns.telemetry import AccessLog, LogCondition, Tracing
from xds_server.mirror import any_of
from xds_server.protos import (
    accesslog,
    core,
    envoy_type,
    file_access_log,
    hcm,
    protobuf,
    trace,
    tracing,
)

_OPS = accesslog.ComparisonFilterOp


def access_log(meaning: AccessLog) -> accesslog.AccessLog:
    """A file that Envoy writes to."""
    if meaning.text:
        line = core.DataSource(inline_string=f"{meaning.text}\n")
        shape = core.SubstitutionFormatString(text_format_source=line)
    else:
        fields = {name: protobuf.Value(string_value=text) for name, text in meaning.fields}
        shape = core.SubstitutionFormatString(json_format=protobuf.Struct(fields=fields))
    told = file_access_log.FileAccessLog(path=str(meaning.file), log_format=shape)
    return accesslog.AccessLog(
        name="envoy.access_loggers.file",
        filter=_all(list(_conditions(meaning.condition))),
        typed_config=any_of(told),
    )


def _conditions(condition: LogCondition) -> Iterator[accesslog.AccessLogFilter]:
    if condition.status is not None:
        low, high = condition.status
        yield _status(_OPS.GE, low)
        yield _status(_OPS.LE, high)
    if condition.slower is not None:
        slower = accesslog.DurationFilter(comparison=_compared(_OPS.GE, condition.slower))
        yield accesslog.AccessLogFilter(duration_filter=slower)
    if condition.flags:
        flags = accesslog.ResponseFlagFilter(flags=list(condition.flags))
        yield accesslog.AccessLogFilter(response_flag_filter=flags)
    if condition.percent != 100:
        sample = accesslog.RuntimeFilter(
            runtime_key="meshloom.access_log",  # nobody sets it: the percentage holds
            percent_sampled=fractional(condition.percent),
            use_independent_randomness=True,
        )
        yield accesslog.AccessLogFilter(runtime_filter=sample)


def _status(op: accesslog.ComparisonFilterOp, value: int) -> accesslog.AccessLogFilter:
    compared = accesslog.StatusCodeFilter(comparison=_compared(op, value))
    return accesslog.AccessLogFilter(status_code_filter=compared)


def _compared(op: accesslog.ComparisonFilterOp, value: int) -> accesslog.ComparisonFilter:
    runtime = core.RuntimeUInt32(default_value=value, runtime_key="meshloom.access_log")
    return accesslog.ComparisonFilter(op=op, value=runtime)


def _all(found: list[accesslog.AccessLogFilter]) -> accesslog.AccessLogFilter | None:
    if len(found) < 2:
        return found[0] if found else None
    return accesslog.AccessLogFilter(and_filter=accesslog.AndFilter(filters=found))


def tracer(meaning: Tracing, name: str, captured: bool) -> hcm.HttpConnectionManagerTracing | None:
    """The spans of ``name``, a service or one of the mesh's edges; ``None`` if nobody wants them.

    A server's span and a client's are two, as OpenTelemetry has them.
    """
    if meaning.collector is None and not captured:
        return None
    cluster = str(meaning.collector) if meaning.collector else CAPTURES
    config = trace.OpenTelemetryConfig(
        grpc_service=core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=cluster)),
        service_name=name,
    )
    return hcm.HttpConnectionManagerTracing(
        random_sampling=envoy_type.Percent(value=meaning.percent),
        spawn_upstream_span=True,
        custom_tags=list(_tags(meaning.tags)),
        provider=trace.TracingHttp(name="envoy.tracers.opentelemetry", typed_config=any_of(config)),
    )


def _tags(tags: Iterable[tuple[str, str, str]]) -> Iterator[tracing.CustomTag]:
    for name, kind, value in tags:
        if kind == "literal":
            yield tracing.CustomTag(tag=name, literal=tracing.CustomTagLiteral(value=value))
        elif kind == "header":
            header = tracing.CustomTagHeader(name=value)
            yield tracing.CustomTag(tag=name, request_header=header)
        else:
            env = tracing.CustomTagEnvironment(name=value)
            yield tracing.CustomTag(tag=name, environment=env)
