"""What a mesh publishes, and where."""

from __future__ import annotations

from typing import Any

import pytest

from mini_mesh.federation.catalogue import Endpoint, check
from mini_mesh.federation.published import catalogue
from mini_mesh.federation.published import check as check_names

STATE: dict[str, Any] = {
    "name": "shop",
    "services": {
        "web": {
            "url": "http://127.0.0.1:2",
            "ingress": "http://127.0.0.1:1",
            "versions": {"v1": {"id": "web-v1"}, "v2": {"id": "web-v2"}},
        },
        "api": {"url": "http://127.0.0.1:4", "ingress": None, "versions": {"": {"id": "api"}}},
    },
}


def test_what_has_an_ingress_is_published_at_its_own_port() -> None:
    (web,) = catalogue(STATE).values()
    assert (web.name, web.fqdn) == ("web", "web.shop.mesh")
    assert web.endpoints == (Endpoint("127.0.0.1", 2, ("gateway",)),)
    assert [each.id for each in web.instances] == ["web-v1", "web-v2"]
    assert check(web)


def test_what_is_named_is_published_at_the_gateway_s_port_for_it() -> None:
    found = catalogue({**STATE, "name": "My shop"}, ["api", "gone"])
    assert found["api"].endpoints[0].port == 4
    assert found["api"].fqdn == "api.mesh.mesh"
    assert list(found) == ["api"]


def test_a_name_that_nobody_has_is_said() -> None:
    with pytest.raises(ValueError, match="no service 'apo'; did you mean 'api'"):
        check_names(STATE, ["apo"])
