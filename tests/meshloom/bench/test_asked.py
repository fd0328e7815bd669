"""A config of SMP, and what options change of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.place import DocumentError
from meshloom.bench.asked import Asked, sorted_files, with_config
from mini_mesh.load.aim import Message
from mini_mesh.smp.messages import PerformanceTestConfig
from tests.meshloom.command import write

SMP = """
name: soak
duration: 1m
clients:
- {rps: 10, connections: 2, endpoint_urls: http://127.0.0.1:1/a, cookies: {a: b, c: d}, body: x,
   content_type: text/plain, internal: true, load_generator: fortio}
- {rps: 30, connections: 4, endpoint_urls: [http://127.0.0.1:1/b]}
"""


def config(text: str = SMP) -> PerformanceTestConfig:
    return build(PerformanceTestConfig, yaml.parse(text, "smp.yaml")[0])


def test_clients_are_one_load() -> None:
    asked = with_config(Asked(), config())
    load = asked.load(None)
    assert (load.rate, load.connections, load.seconds) == (40.0, 6, 60.0)
    assert [each.name for each in load.edges] == ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]
    assert load.edges[0].request == (
        b"POST /a HTTP/1.1\r\nhost: 127.0.0.1:1\r\ncookie: a=b; c=d\r\n"
        b"content-type: text/plain\r\ncontent-length: 1\r\n\r\nx"
    )
    assert (asked.name, asked.inside, asked.generator) == ("soak", True, "fortio")


def test_options_win() -> None:
    own = Asked(rate=5.0, seconds=2.0, urls=("http://127.0.0.1:2/",), message=Message(body=b"y"))
    load = with_config(own, config()).load(None)
    assert (load.rate, load.connections, load.seconds) == (5.0, 6, 2.0)
    assert load.edges[0].request.endswith(b"\r\n\r\ny")
    assert load.edges[0].address == "127.0.0.1:2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clients: [{protocol: grpc}]", "smp.yaml:1:22: grpc can't be sent: only plain http"),
        ("clients: [{ssl_certificate: x}]", "TLS can't be sent"),
        ("clients: []", "without clients"),
        ("{clients: [{rps: 1}], duration: soon}", "expected a duration"),
    ],
)
def test_what_cannot_be_sent_has_its_line(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        with_config(Asked(), config(text))
    assert says in str(caught.value.problems[0])


def test_files_are_told_apart(tmp_path: Path) -> None:
    mesh, test = write(tmp_path, "mesh: {}"), write(tmp_path, SMP, "smp.yaml")
    meshes, configs = sorted_files([mesh, test])
    assert meshes == [mesh]
    assert [each.name for each in configs] == ["soak"]
