"""Transport-socket taps: the bytes of connections, inside their TLS, for ``meshloom tap``.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tap/v3/tap.proto
"""

from __future__ import annotations

from mesh_patterns.compile.filters.capture import TAP_CONFIG_ID
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import common_tap, core

TAP = "envoy.transport_sockets.tap"
RAW = "envoy.transport_sockets.raw_buffer"  # Envoy's default: no TLS


def tapped(socket: core.TransportSocket | None) -> core.TransportSocket:
    """``socket`` with a tap that does nothing until somebody asks for it; None: plaintext.

    Only its events have the address that Envoy itself has towards an upstream.
    """
    around = protos.socket_tap.Tap(
        common_config=common_tap.CommonExtensionConfig(
            admin_config=common_tap.AdminConfig(config_id=TAP_CONFIG_ID)
        ),
        transport_socket=socket or _plain(),
        socket_tap_config=protos.socket_tap.SocketTapConfig(
            set_connection_per_event=True, stats_prefix=TAP_CONFIG_ID
        ),
    )
    return core.TransportSocket(name=TAP, typed_config=any_of(around))


def _plain() -> core.TransportSocket:
    return core.TransportSocket(name=RAW, typed_config=any_of(protos.raw_buffer.RawBuffer()))
