from __future__ import annotations

from typing import Any

from tests.mesh_patterns.importers.envoy.bootstraps import FILTERS, of_routes

TO: dict[str, Any] = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
CORS = {"@type": f"{FILTERS}cors.v3.CorsPolicy"}
FAULT = {"@type": f"{FILTERS}fault.v3.HTTPFault"}


def said(**configs: Any) -> dict[str, Any]:
    return {"typed_per_filter_config": {f"envoy.filters.http.{k}": v for k, v in configs.items()}}


def test_the_nearest_decides() -> None:
    near = {**CORS, "allow_origin_string_match": [{"exact": "https://a"}]}
    far = {**CORS, "allow_origin_string_match": [{"exact": "*"}], "allow_credentials": True}
    off = {**CORS, "filter_enabled": {"default_value": {"numerator": 0}}}
    routes = [{**TO, **said(cors=near)}, {**TO, **said(cors=off)}, TO]
    rules = of_routes(*routes, **said(cors=far)).rules
    assert [rule.get("cors") for rule in rules] == [
        {"origins": [{"exact": "https://a"}]},
        None,
        {"origins": ["*"], "credentials": True},
    ]


def test_a_route_has_faults_of_its_own() -> None:
    fault = {**FAULT, "abort": {"http_status": 503, "percentage": {"numerator": 50}}}
    (rule,) = of_routes({**TO, **said(fault=fault)}).rules
    assert rule["fault"] == {"abort": {"status": 503, "percent": 50.0}}


def test_what_routes_say_to_other_filters_is_told() -> None:
    other = {"@type": f"{FILTERS}rbac.v3.RBACPerRoute"}
    found = of_routes({**TO, **said(rbac=other)})
    told = "typed_per_filter_config of envoy.filters.http.rbac (route 1 of virtual host 'all')"
    assert told in found.notes
