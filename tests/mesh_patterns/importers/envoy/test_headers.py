from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_routes

TO = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}


def option(key: str, value: str, **more: Any) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, **more}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (option("X-A", "1"), {"add": {"x-a": "1"}}),
        (option("x", "1", append=False), {"set": {"x": "1"}}),
        (option("x", "1", append=True), {"add": {"x": "1"}}),
        (option("x", "1", append_action="OVERWRITE_IF_EXISTS_OR_ADD"), {"set": {"x": "1"}}),
        (option("x", "50%%"), {"add": {"x": "50%"}}),
    ],
)
def test_an_option_sets_or_adds(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    (rule,) = of_routes({**TO, "request_headers_to_add": [theirs]}).rules
    assert rule["headers"] == {"request": ours}


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (option("x", "%DOWNSTREAM_REMOTE_ADDRESS%"), "a value with command operators"),
        (option("x", "1", append_action="ADD_IF_ABSENT"), "append_action ADD_IF_ABSENT"),
    ],
)
def test_what_envoy_would_fill_in_is_told(theirs: dict[str, Any], told: str) -> None:
    found = of_routes({**TO, "request_headers_to_add": [theirs]})
    assert "headers" not in found.rules[0]
    assert [each for each in found.notes if told in each]


def test_a_virtual_hosts_come_after_a_routes_own() -> None:
    route = {**TO, "response_headers_to_remove": ["server"]}
    found = of_routes(
        route, response_headers_to_remove=["x-b"], request_headers_to_add=[option("x", "1")]
    )
    assert found.rules[0]["headers"] == {
        "response": {"remove": ["server", "x-b"]},
        "request": {"add": {"x": "1"}},
    }
