from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import http_filter, of_filters

ALL = {"numerator": 100}
ONE_OF_A_MILLION = {"numerator": 1, "denominator": "MILLION"}
REFUSED = {"status": 500, "percent": 100.0}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {
                "delay": {
                    "fixed_delay": "3s",
                    "percentage": ONE_OF_A_MILLION,
                }
            },
            {"delay": {"fixed": "3s", "percent": 0.0001}},
        ),
        (
            {"abort": {"grpc_status": 14, "percentage": ALL}, "max_active_faults": 5},
            {"abort": {"grpc_status": 14, "percent": 100.0}, "max_active": 5},
        ),
        ({"abort": {"header_abort": {}, "percentage": ALL}}, {"by_header": True}),
        (
            {
                "abort": {"http_status": 500, "percentage": ALL},
                "headers": [{"name": "x", "exact_match": "1"}],
            },
            {
                "abort": {"status": 500, "percent": 100.0},
                "when": {"headers": {"x": {"exact": "1"}}},
            },
        ),
    ],
)
def test_a_fault_is_ours(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    found = of_filters(http_filter("fault.v3.HTTPFault", **theirs))
    assert found.patterns("fault") == [{"on": "ingress -> backend", **ours}]


def test_one_that_hits_nobody_is_told() -> None:
    idle = http_filter("fault.v3.HTTPFault", abort={"http_status": 503, "percentage": {}})
    found = of_filters(idle)
    assert found.patterns("fault") == []
    assert [each for each in found.notes if "which does nothing" in each]


def test_one_that_hits_whom_we_can_not_name_is_taken_as_it_is() -> None:
    headers = [{"name": ":path", "exact_match": "/"}]
    found = of_filters(http_filter("fault.v3.HTTPFault", headers=headers))
    assert len(found.patterns("envoy_filter")) == 1
