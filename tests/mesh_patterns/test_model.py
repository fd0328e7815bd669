from __future__ import annotations

from mesh_patterns.model import Instance
from tests.mesh_patterns.conftest import Read


def test_an_instance_is_called_after_its_service_and_version() -> None:
    assert (Instance("web", "v1").id, str(Instance("web", "v1"))) == ("web-v1", "web v1")
    assert (Instance("web", "").id, str(Instance("web", ""))) == ("web", "web")


def test_callers_are_services_that_call_the_ingress_if_there_is_one_and_the_client(
    read: Read,
) -> None:
    mesh = read("mesh: {services: {a: {calls: [b]}, b: {ingress: true}}}").mesh
    assert list(mesh.callers()) == ["a", "ingress", "client"]
    assert [mesh.callees(caller) for caller in mesh.callers()] == [("b",), ("b",), ("a", "b")]
    assert list(read("mesh: {services: {a: }}").mesh.callers()) == ["client"]


def test_a_version_is_found_by_its_name(read: Read) -> None:
    service = read("mesh: {services: {a: {versions: {v1: , v2: }}}}").mesh.services["a"]
    found = service.version("v2")
    assert found is not None
    assert found.name == "v2"
    assert service.version("v3") is None
