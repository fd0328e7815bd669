"""A limit of bytes, as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/bandwidth_limit_filter
"""

from __future__ import annotations

from mesh_patterns.limits import BandwidthLimit
from xds_server.protos import bandwidth_limit as messages

_MODES = {
    "request": messages.BandwidthLimitEnableMode.REQUEST,
    "response": messages.BandwidthLimitEnableMode.RESPONSE,
    "both": messages.BandwidthLimitEnableMode.REQUEST_AND_RESPONSE,
}


def message(meaning: BandwidthLimit) -> messages.BandwidthLimit:
    """The filter's configuration; its counters are ``meshloom.http_bandwidth_limit.…``."""
    return messages.BandwidthLimit(
        stat_prefix="meshloom",
        enable_mode=_MODES[meaning.directions],
        limit_kbps=meaning.kib,
        fill_interval=meaning.interval,
        enable_response_trailers=meaning.trailers,
    )
