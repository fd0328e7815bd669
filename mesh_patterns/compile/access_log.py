"""The access log that an Envoy sends to who captures: a summary of each request, batched, by gRPC.

Source: Envoy, ``envoy.access_loggers.http_grpc`` and "Access logging".
"""

from __future__ import annotations

from datetime import timedelta

from mesh_patterns.placement import CAPTURES
from xds_server.mirror import any_of
from xds_server.protos import accesslog, core, grpc_access_log

LOG_NAME = "meshloom"
# A summary may be that late; Envoy's default of a second is too long for somebody who watches
FLUSH_INTERVAL = timedelta(milliseconds=20)
# The trace context of a request (W3C Trace Context; B3 Propagation), which no summary has
CONTEXT = ("traceparent", "b3", "x-b3-traceid", "x-b3-spanid")


def access_log() -> accesslog.AccessLog:
    """Every request, without conditions."""
    common = grpc_access_log.CommonGrpcAccessLogConfig(
        log_name=LOG_NAME,
        transport_api_version=core.ApiVersion.V3,
        buffer_flush_interval=FLUSH_INTERVAL,
        grpc_service=core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=CAPTURES)),
    )
    return accesslog.AccessLog(
        name="envoy.access_loggers.http_grpc",
        typed_config=any_of(
            grpc_access_log.HttpGrpcAccessLogConfig(
                common_config=common, additional_request_headers_to_log=list(CONTEXT)
            )
        ),
    )
