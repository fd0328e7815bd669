"""What came by discovery stands where it is used."""

from __future__ import annotations

from pathlib import Path

from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.exporters.envoy_static.exported import bootstrap, export, named

MESH = """
mesh:
  services:
    web: {calls: [api]}
    api: {versions: {v1: , v2: }}
patterns:
- {pattern: mtls, on: api}
- pattern: lua
  on: api/v1
  deliver: ecds
  code: function envoy_on_request(h) end
"""
DISCOVERY = (
    "rds", "eds_cluster_config", "config_discovery", "ads", "tls_certificate_sds_secret_configs",
    "validation_context_sds_secret_config", "combined_validation_context",
)  # fmt: skip


def test_nothing_is_left_to_discover(read: Read) -> None:
    static = export(read(MESH))
    for file in static.files:
        made = bootstrap(static, file.removesuffix(".yaml"))
        assert {key: list(named(made, key)) for key in DISCOVERY} == dict.fromkeys(DISCOVERY, [])


def test_endpoints_routes_and_filters_are_those_of_the_mesh(read: Read) -> None:
    static = export(read(MESH))
    web, api = bootstrap(static, "web"), bootstrap(static, "api-v1")
    clusters = {each["name"]: each for each in web["static_resources"]["clusters"]}
    hosts = list(named(clusters["web->api"]["load_assignment"], "port_value"))
    assert len(hosts) == 2
    assert list(named(web, "cluster")).count("web->api") == 1  # of a route
    (filters,) = named(api, "http_filters")
    assert [each["name"] for each in filters] == ["lua", "envoy.filters.http.router"]
    assert filters[0]["typed_config"]["default_source_code"] == {
        "inline_string": "function envoy_on_request(h) end"
    }


def test_whom_a_caller_trusts_and_by_which_name_come_together(read: Read) -> None:
    (context,) = named(bootstrap(export(read(MESH), Path("out")), "web"), "validation_context")
    (name,) = context["match_typed_subject_alt_names"]
    assert name["matcher"] == {"exact": "spiffe://mesh/api"}
    bundle = Path("out/certificates/mesh/bundle.pem").resolve()
    assert context["trusted_ca"] == {"filename": str(bundle)}


def test_what_somebody_wrote_that_asks_a_control_plane_is_told(read: Read) -> None:
    static = export(
        read(
            """
            mesh: {services: {a: }}
            patterns:
            - pattern: envoy_filter
              on: a
              config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.oauth2.v3.OAuth2
                config: {credentials: {token_secret: {name: t, sds_config: {ads: {}}}}}
            """
        )
    )
    told = [str(each) for each in static.warnings if "control plane" in each.message]
    assert told == [
        "mesh.yaml:2:19: warning: Listener 'inbound-a' asks a control plane for something; "
        "a static Envoy has none"
    ]
