"""The defences of an HTTP connection manager.

https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.kinds.hardening import Hardening
from xds_server.protos import core, hcm

_SLASHES = hcm.HttpConnectionManagerPathWithEscapedSlashesAction
_ESCAPED = {
    "reject": _SLASHES.REJECT_REQUEST,
    "unescape": _SLASHES.UNESCAPE_AND_FORWARD,
    "redirect": _SLASHES.UNESCAPE_AND_REDIRECT,
    "keep": _SLASHES.KEEP_UNCHANGED,
}
_UNDERSCORES = core.HttpProtocolOptionsHeadersWithUnderscoresAction
_UNDERSCORED = {
    "reject": _UNDERSCORES.REJECT_REQUEST,
    "drop": _UNDERSCORES.DROP_HEADER,
    "allow": _UNDERSCORES.ALLOW,
}


def fields(meaning: Hardening) -> dict[str, Any]:
    """What the connection manager is told besides."""
    common = core.HttpProtocolOptions(
        idle_timeout=meaning.idle,
        max_headers_count=meaning.max_header_count,
        headers_with_underscores_action=_UNDERSCORED[meaning.underscores],
    )
    found: dict[str, Any] = {
        "path_with_escaped_slashes_action": _ESCAPED[meaning.escaped_slashes],
        "merge_slashes": meaning.merge_slashes,
        "max_request_headers_kb": meaning.max_headers_kib,
        "request_headers_timeout": meaning.headers_within,
        "common_http_protocol_options": common,
        "http2_protocol_options": core.Http2ProtocolOptions(
            max_concurrent_streams=meaning.max_streams
        ),
    }
    if meaning.trusted_hops is not None:
        found |= {"use_remote_address": True, "xff_num_trusted_hops": meaning.trusted_hops}
    return found
