"""JSON to gRPC as Envoy's transcoder has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_json_transcoder_filter
"""

from __future__ import annotations

from mesh_patterns.kinds.transcoding import Transcoding
from xds_server.protos import transcoder


def message(meaning: Transcoding) -> transcoder.GrpcJsonTranscoder:
    """The filter's configuration, with the descriptors in it. A gRPC error becomes a status."""
    return transcoder.GrpcJsonTranscoder(
        proto_descriptor_bin=meaning.descriptors,
        services=list(meaning.services),
        auto_mapping=meaning.auto,
        convert_grpc_status=True,
        ignore_unknown_query_parameters=meaning.ignore_unknown,
        print_options=transcoder.GrpcJsonTranscoderPrintOptions(
            always_print_primitive_fields=meaning.whole
        ),
    )
