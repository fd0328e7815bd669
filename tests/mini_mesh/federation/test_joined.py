"""What others publish becomes services of ours, if it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_patterns.external import Address
from mesh_patterns.load import load
from mesh_yaml.yaml import dump
from mini_mesh.federation.catalogue import Endpoint, ServiceInstance
from mini_mesh.federation.joined import Joined
from tests.mini_mesh.federation.given import API, service

OWNER = "127.0.0.1:1"


def test_services_of_others_are_a_pattern_file(tmp_path: Path) -> None:
    joined = Joined()
    assert joined.take(OWNER, "api", API, {"web"}) == ""
    grpc = (ServiceInstance("b", "GRPC"),)
    assert joined.take(OWNER, "b", service("b", instances=grpc), ()) == ""
    file = tmp_path / "federated.yaml"
    file.write_text(dump(joined.document()))
    draft = load([file])
    (route, _) = joined.document()["patterns"]
    assert route == {"pattern": "route", "on": "api", "rules": [{"rewrite": {"host": "api"}}]}
    services = draft.mesh.services
    assert services["api"].hosts == ("api.shop.mesh",)
    assert services["b"].protocol == "grpc"
    there = services["api"].external
    assert there is not None
    assert there.addresses == (Address("127.0.0.1", 8080),)
    assert joined.take(OWNER, "api", None, ()) == ""
    assert list(joined.services) == ["b"]


def test_a_name_is_one_service_s() -> None:
    joined = Joined()
    assert joined.take(OWNER, "api", API, {"api"}) == "'api' is a service of this mesh"
    joined.take(OWNER, "api", API, ())
    assert "is a service of 127.0.0.1:1" in joined.take("127.0.0.1:2", "api", API, ())
    assert "is a service of 127.0.0.1:1" in joined.take("127.0.0.1:2", "api", None, ())
    assert joined.take(OWNER, "api", service(description="new"), ()) == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"endpoints": (Endpoint("169.254.169.254", 80),)}, "wanted 127.0.0.1, where its owner is"),
        ({"endpoints": (Endpoint("db.internal", 80),)}, "where its owner is"),
        ({"instances": (ServiceInstance("a", "MTLS"),)}, "protocol MTLS"),
        ({"instances": (ServiceInstance("a", "HTTP", (("HOSTNAME", "a\nb"),)),)}, "HOSTNAME"),
    ],
)
def test_nobody_sends_us_anywhere(fields: dict[str, Any], says: str) -> None:
    assert says in Joined().take(OWNER, "api", service(**fields), ())


def test_an_owner_elsewhere_may_name_itself() -> None:
    there = service(endpoints=(Endpoint("shop.test", 80),))
    assert Joined().take("shop.test:18001", "api", there, ()) == ""
