"""The filter by which somebody sees what crosses an Envoy: its tap, or ext_proc in its place.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/tap_filter
"""

from __future__ import annotations

import functools

from xds_server.mirror import any_of
from xds_server.protos import common_tap, hcm, tap

TAP = "envoy.filters.http.tap"
TAP_CONFIG_ID = "meshloom"  # what `meshloom tap` asks for on Envoy's admin interface


def http_filter(processed: bool) -> hcm.HttpFilter:
    """Who captures by ext_proc (``processed``) needs no tap."""
    if not processed:
        return _tap()
    from mesh_patterns.compile import ext_proc  # with packages that few meshes need

    return ext_proc.http_filter()


@functools.cache
def _tap() -> hcm.HttpFilter:
    return hcm.HttpFilter(
        name=TAP,
        typed_config=any_of(
            tap.Tap(
                common_config=common_tap.CommonExtensionConfig(
                    admin_config=common_tap.AdminConfig(config_id=TAP_CONFIG_ID)
                ),
                record_headers_received_time=True,
                record_downstream_connection=True,
                record_upstream_connection=True,
            )
        ),
    )
