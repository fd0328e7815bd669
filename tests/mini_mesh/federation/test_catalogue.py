"""What another mesh says of a service is looked at before it is taken."""

from __future__ import annotations

from typing import Any

import pytest

from mini_mesh.federation.catalogue import (
    MAX_PARTS,
    MAX_TEXT,
    Endpoint,
    ServiceInstance,
    Unacceptable,
    check,
)
from tests.mini_mesh.federation.given import API, service


def test_a_service_that_is_one_is_taken() -> None:
    assert check(API) is API


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "a;rm -rf"}, "name"),
        ({"name": "A"}, "name"),
        ({"fqdn": ""}, "fqdn"),
        ({"fqdn": "$(id)"}, "fqdn"),
        ({"endpoints": ()}, "at least one endpoint"),
        ({"instances": ()}, "at least one endpoint and one instance"),
        ({"endpoints": (Endpoint("a b", 1),)}, "endpoint"),
        ({"endpoints": (Endpoint("a", 0),)}, "endpoint"),
        ({"endpoints": (Endpoint("a", 70000),)}, "endpoint"),
        ({"instances": (ServiceInstance("a", "SMTP"),)}, "protocol"),
        ({"tags": ("a",) * (MAX_PARTS + 1)}, "more than"),
        ({"description": "a" * (MAX_TEXT + 1)}, "a text of more than"),
    ],
)
def test_what_is_none_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Unacceptable, match=says):
        check(service(**{"name": "api", **fields}))


def test_an_instance_is_at_the_endpoint_that_it_selects() -> None:
    east, west = Endpoint("east", 1, ("e",)), Endpoint("west", 2, ("w",))
    both = service(endpoints=(east, west))
    assert both.endpoint_of(ServiceInstance("a", "HTTP", (), ("w",))) is west
    assert both.endpoint_of(ServiceInstance("a", "HTTP", (), ("x",))) is east
