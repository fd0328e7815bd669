from __future__ import annotations

import pytest

from mesh_patterns.importers.outside import Outside, Port, main
from mesh_yaml.node import Node
from mesh_yaml.place import Place

HERE = Place("x.yaml", 1, 1)
PORTS = (Port(443, "HTTPS"), Port(80, "HTTP", 8080, (None, 81)))


def outside(port: Port) -> Outside:
    hosts = [Node("a.b", HERE), Node("::1", HERE)]
    return Outside(hosts, PORTS, port, HERE)


def test_the_port_whose_requests_are_seen_counts() -> None:
    assert main(PORTS).number == 80
    assert main(PORTS[:1]).number == 443


@pytest.mark.parametrize(
    ("protocol", "plain", "with_tls"),
    [
        ("HTTP", "http", "http"),
        ("GRPC", "grpc", "grpc"),
        ("HTTPS", "tls", "http"),
        ("MONGO", "tcp", "http"),
    ],
)
def test_who_starts_tls_is_spoken_to_in_plaintext(protocol: str, plain: str, with_tls: str) -> None:
    found = outside(Port(1, protocol))
    assert found.protocol == plain
    found.originate(Node(True, HERE))
    assert found.protocol == with_tls


def test_each_host_has_its_port() -> None:
    found = outside(PORTS[1])
    assert found.tree().plain() == {"addresses": ["a.b:8080", "[::1]:81"]}
    found.originate(Node(True, HERE), 443)
    assert found.tree().plain() == {"addresses": ["a.b:443", "[::1]:443"], "tls": True}
