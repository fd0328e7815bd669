"""Somebody's own processor, as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_proc_filter
"""

from __future__ import annotations

from mesh_patterns.kinds.ext_proc import ExtProc, Processing
from xds_server.protos import core, ext_proc

_SEND = ext_proc.ProcessingModeHeaderSendMode
_BODIES = {
    "none": ext_proc.ProcessingModeBodySendMode.NONE,
    "streamed": ext_proc.ProcessingModeBodySendMode.STREAMED,
    "buffered": ext_proc.ProcessingModeBodySendMode.BUFFERED,
    "buffered_partial": ext_proc.ProcessingModeBodySendMode.BUFFERED_PARTIAL,
    "full_duplex_streamed": ext_proc.ProcessingModeBodySendMode.FULL_DUPLEX_STREAMED,
}


def message(meaning: ExtProc) -> ext_proc.ExternalProcessor:
    """The filter's configuration; its cluster is called as its processor is."""
    cluster = core.GrpcServiceEnvoyGrpc(cluster_name=str(meaning.processor))
    return ext_proc.ExternalProcessor(
        grpc_service=core.GrpcService(envoy_grpc=cluster),
        failure_mode_allow=meaning.optional,
        observability_mode=meaning.observe,
        message_timeout=meaning.timeout,
        processing_mode=ext_proc.ProcessingMode(
            request_header_mode=_sent(meaning.request.headers),
            request_body_mode=_body(meaning.request),
            request_trailer_mode=_sent(meaning.request.trailers),
            response_header_mode=_sent(meaning.response.headers),
            response_body_mode=_body(meaning.response),
            response_trailer_mode=_sent(meaning.response.trailers),
        ),
    )


def _sent(wanted: bool) -> ext_proc.ProcessingModeHeaderSendMode:
    return _SEND.SEND if wanted else _SEND.SKIP


def _body(part: Processing) -> ext_proc.ProcessingModeBodySendMode:
    return _BODIES[part.body]
