from __future__ import annotations

import pytest

from mesh_patterns.claims.sending import parse_size
from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh: {services: {web: , db: {protocol: tcp}, rpc: {protocol: grpc}}}
expect:
"""


@pytest.mark.parametrize(
    ("text", "size"), [(500, 500), ("500", 500), ("1kB", 1000), ("64KiB", 65536), ("1 MiB", 2**20)]
)
def test_a_size_has_a_unit_or_is_in_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5MiB", "1GiB", True, None, "65MiB"])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected a size|at most 64 MiB"):
        parse_size(text)


def test_a_body_of_a_size_says_nothing(read: Read) -> None:
    (claim,) = read(f"{MESH}- {{to: web, status: 200, body_size: 4}}").mesh.claims
    assert claim.payload == b"xxxx"


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("{to: web, connections: 2, status: 200}", "3:13: 'connections' is not for http"),
        ("{to: db, websocket: true, status: 101}", "3:12: 'websocket' is not for tcp"),
        ("{to: rpc, session: true, status: 0}", "3:13: 'session' is not for grpc"),
        ("{to: web, response_trailers: {a: b}}", "3:13: 'response_trailers' is not for http"),
        ("{to: rpc, tls: {}, status: 0}", "3:13: 'tls' is not for grpc"),
        ("{to: web, tls: {certificate: wob}, status: 0}", "3:32: no service 'wob'"),
        ("{to: web, via: some, status: 0}", "3:18: via: input should be 'first' or 'all'"),
    ],
)
def test_a_way_to_send_fits_the_service(refusal: Refusal, claim: str, told: str) -> None:
    assert refusal(f"{MESH}- {claim}").startswith(told)
