"""An Envoy that tells of its requests by OTLP, too: spans of either side, and an access log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.tap.conftest import Envoy

EXTENSIONS = "type.googleapis.com/envoy.extensions"
CAPTURES = {"envoy_grpc": {"cluster_name": "captures"}}
TRACER = {
    "name": "envoy.tracers.opentelemetry",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
        "grpc_service": CAPTURES,
        "service_name": "edge",
    },
}
SOON = {"min_flush_spans": 1, "flush_interval_ms": 50}  # by default 5 spans, or 5 s
# Envoy's default format, and the attributes that somebody may have chosen
LINE = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" '
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'
)
ATTRIBUTES = {
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "duration": "%DURATION%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    "route_name": "%ROUTE_NAME%",
}


def record(**shape: Any) -> dict[str, Any]:
    """An access log; ``shape`` is its body and its attributes."""
    common = {
        "log_name": "tests",
        "transport_api_version": "V3",
        "buffer_flush_interval": "0.02s",
        "grpc_service": CAPTURES,
    }
    kind = f"{EXTENSIONS}.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    config = {"@type": kind, "common_config": common, **shape}
    return {"name": "envoy.access_loggers.open_telemetry", "typed_config": config}


def attributes(**texts: str) -> dict[str, Any]:
    return {"values": [{"key": k, "value": {"string_value": v}} for k, v in texts.items()]}


LOGS = {
    "outbound": record(attributes=attributes(**ATTRIBUTES)),
    "inbound": record(body={"string_value": LINE}),
}


def trace(envoy: Envoy, *, spans: bool = True, records: bool = False) -> None:
    """Let an Envoy that has not started send them, beside its access log of captures."""
    file: Path = envoy.folder / "envoy.json"
    bootstrap = json.loads(file.read_text())
    for listener in bootstrap["static_resources"]["listeners"]:
        name = listener["name"]
        (chain,) = listener["filter_chains"]
        manager = chain["filters"][0]["typed_config"]
        listener["traffic_direction"] = name.upper()
        named = manager["access_log"][0]["typed_config"]
        named["additional_request_headers_to_log"] = ["traceparent"]
        if spans:
            # with a span of its own for each try on the one side, without on the other
            tries = name == "outbound"
            manager["tracing"] = {"provider": TRACER, "spawn_upstream_span": tries}
        if records:
            manager["access_log"] = [*manager["access_log"], LOGS[name]]
    runtime = {"tracing": {"opentelemetry": SOON}}
    bootstrap["layered_runtime"] = {"layers": [{"name": "tests", "static_layer": runtime}]}
    file.write_text(json.dumps(bootstrap))
