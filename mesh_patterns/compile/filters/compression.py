"""Compression as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/compressor_filter
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mesh_patterns.kinds.compression import Compression
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import compressor, core

_LIBRARIES: Mapping[str, Callable[[], protos.Message]] = {
    "gzip": lambda: protos.gzip.Gzip(),
    "brotli": lambda: protos.brotli.Brotli(),
    "zstd": lambda: protos.zstd.Zstd(),
}


def message(meaning: Compression) -> compressor.Compressor:
    """The filter's configuration, for answers only."""
    common = compressor.CompressorCommonDirectionConfig(
        min_content_length=meaning.min_bytes, content_type=list(meaning.types)
    )
    return compressor.Compressor(
        response_direction_config=compressor.CompressorResponseDirectionConfig(
            common_config=common
        ),
        compressor_library=core.TypedExtensionConfig(
            name=meaning.codec, typed_config=any_of(_LIBRARIES[meaning.codec]())
        ),
    )
