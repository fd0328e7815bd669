"""How hosts are asked whether they are well."""

from __future__ import annotations

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {calls: [api, greeter]}, api: , greeter: {protocol: grpc}}}\n"
PATTERN = "patterns:\n- {pattern: health_check, on: "


def test_a_service_is_asked_in_what_it_speaks(read: Read, refusal: Refusal) -> None:
    for callee, protocol in (("api", "http"), ("greeter", "grpc")):
        draft = read(f"{MESH}{PATTERN}{callee}}}")
        assert draft.edges["web", callee].settings["health_check"].value.protocol == protocol
    told = refusal(f"{MESH}{PATTERN}'*'}}")
    wanted = "say one 'protocol' for all, or write a check for each"
    assert told == f"3:31: these are asked by grpc and http; {wanted}"
    assert read(f"{MESH}{PATTERN}'*', protocol: tcp}}")


def test_grpc_is_asked_of_those_that_speak_it(read: Read, refusal: Refusal) -> None:
    assert read(f"{MESH}{PATTERN}greeter, protocol: grpc}}")
    assert read(f"{MESH}{PATTERN}api, protocol: tcp}}")
    told = refusal(f"{MESH}{PATTERN}'*', protocol: grpc}}")
    assert told == "3:46: 'api' speaks http, and can't be asked by gRPC"


def test_what_is_of_another_protocol_is_refused(refusal: Refusal) -> None:
    told = refusal(f"{MESH}{PATTERN}greeter, path: /x}}")
    assert told == "3:40: is of http, and this check speaks grpc"
