"""``meshloom serve`` as people run it, with real Envoys that it did not start."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from mesh_patterns.load import load
from meshloom.serve import Door, fixed
from tests.meshloom.command import MESHLOOM, PATIENCE, Up, meshloom, write
from tests.xds_server.certificates import Authority
from tests.xds_server.real_envoy import running_envoy
from tests.xds_server.serving.test_server import request
from xds_server import mirror
from xds_server.protos import core, discovery
from xds_server.resource import ResourceType
from xds_server.serving.server import ADS

INGRESS = request(node=core.Node(id="ingress"))
ANYWHERE = ("--listen", "127.0.0.1:0")
MESH = """
mesh: {services: {web: {ingress: {port: %d}}}}
patterns:
  - {pattern: route, on: web, rules: [{respond: {status: 200, body: %s}}]}
"""


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Up]:
    command = [*MESHLOOM, "serve", "--json", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        plane = Up(process)
        try:
            yield plane
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=PATIENCE)
            plane._reader.join()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def port_of(plane: Up) -> int:
    return int(plane.until("serving")["listen"].rpartition(":")[2])


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_an_envoy_of_ones_own_is_served_and_follows_the_file(
    tmp_path: Path, variant: str
) -> None:
    ingress = free_port()
    file = write(tmp_path, MESH % (ingress, "one"))
    with serving(file, *ANYWHERE) as plane:
        port = port_of(plane)
        async with running_envoy(port, "ingress", variant) as envoy:
            plane.until("applied", node="ingress")
            names = await envoy.admin("/listeners")
            listener = next(n.split("::")[0] for n in names.splitlines() if f":{ingress}" in n)
            assert await envoy.get(listener=listener) == (200, "one")
            write(tmp_path, MESH % (ingress, "two"))
            plane.until("applied", node="ingress")
            assert await envoy.get(listener=listener) == (200, "two")
        assert plane.stop().code == 0


def test_a_wrong_change_is_told_with_its_line_and_makes_the_end_a_failure(tmp_path: Path) -> None:
    file = write(tmp_path, MESH % (free_port(), "one"))
    with serving(file, *ANYWHERE) as plane:
        port_of(plane)
        file.write_text("mesh: {services: {web: {ingres: true}}}\n")
        (problem,) = plane.until("rejected")["problems"]
        assert (problem["file"], problem["line"]) == (str(file), 1)
        assert plane.stop(signal.SIGTERM).code == 1


def answer(
    channel: grpc.Channel, metadata: tuple[tuple[str, str], ...] = ()
) -> discovery.DiscoveryResponse:
    call = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")
    stream = call(iter([INGRESS]), metadata=metadata, timeout=10)
    return mirror.parse(discovery.DiscoveryResponse, next(stream))  # type: ignore[no-any-return] # protobuf is untyped


def test_a_token_is_wanted_where_one_is_set(tmp_path: Path) -> None:
    file = write(tmp_path, MESH % (free_port(), "one"))
    with (
        serving(file, *ANYWHERE, "--token", "s3cret") as plane,
        grpc.insecure_channel(f"127.0.0.1:{port_of(plane)}") as channel,
    ):
        assert answer(channel, (("authorization", "Bearer s3cret"),)).nonce == "1"
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            answer(channel)


def test_a_client_needs_a_certificate_where_its_authority_is_set(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (cert, key), (mine, my_key) = authority.sign("server"), authority.sign("client")
    options = ("--tls-cert", cert, "--tls-key", key, "--client-ca", authority.ca)
    root = authority.ca.read_bytes()
    known = grpc.ssl_channel_credentials(root, my_key.read_bytes(), mine.read_bytes())
    with serving(write(tmp_path, MESH % (free_port(), "one")), *ANYWHERE, *options) as plane:
        address = f"127.0.0.1:{port_of(plane)}"
        with grpc.secure_channel(address, known) as channel:
            assert answer(channel).nonce == "1"
        with (
            grpc.secure_channel(address, grpc.ssl_channel_credentials(root)) as channel,
            pytest.raises(grpc.RpcError, match="UNAVAILABLE"),
        ):
            answer(channel)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--listen", "0.0.0.0:0"], "0.0.0.0 is open to others: wanted --client-ca"),
        (["--listen", "[::]:0"], "[::] is open to others"),
        (["--listen", "mesh.example:0"], "mesh.example is open to others"),
        (["--listen", "127.0.0.1"], "got '127.0.0.1', wanted HOST:PORT"),
        (["--listen", "127.0.0.1:70000"], "wanted HOST:PORT"),
        (["--tls-cert", "a"], "each needs the other"),
        (["--client-ca", "a"], "needs --tls-cert and --tls-key"),
        (["--token", ""], "--token: is empty"),
        ([*ANYWHERE, "--tls-cert", "no", "--tls-key", "no"], "no, no: no certificate and its key"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, options: list[str], told: str
) -> None:
    done = meshloom("serve", write(tmp_path, MESH % (1, "one")), *options)
    assert done.code == 2
    assert told in " ".join(done.err.split())


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = meshloom("serve", write(tmp_path, MESH % (1, "one")), "--listen", address)
    assert done.code == 2
    assert f"\nmeshloom serve: {address}: can not listen there" in f"\n{done.err}"


def test_an_open_address_needs_mutual_tls_or_a_token() -> None:
    pem = Path("a.pem")
    assert Door.of("0.0.0.0:1", pem, pem, pem, None).warning is None
    assert Door.of("0.0.0.0:1", pem, pem, None, "t").warning is None
    assert Door.of("0.0.0.0:1", None, None, None, "t").warning == (
        "without --tls-cert the token crosses the network readable"
    )
    for loopback in ("127.0.0.1:1", "127.3.4.5:1", "[::1]:1", "localhost:1"):
        assert Door.of(loopback, None, None, None, None).warning is None


SECURE = "mesh: {services: {web: {ingress: true}}}\npatterns: [{pattern: mtls, on: web}]"


def test_private_keys_are_not_served_where_others_can_read_them(tmp_path: Path) -> None:
    file = write(tmp_path, SECURE)
    done = meshloom("serve", file, "--listen", "0.0.0.0:0", "--token", "t")
    assert done.code == 2
    assert done.err.splitlines()[0] == (
        f"{file}:2:12: mutual TLS: private keys would cross the network readable; "
        "serve with --tls-cert"
    )


def trusted(file: Path, *options: str | Path) -> str:
    """Whom an Envoy is told to trust."""
    wanted = mirror.serialize(
        discovery.DiscoveryRequest(
            node=core.Node(id="ingress"),
            type_url=ResourceType.SECRET.type_url,
            resource_names=["bundle:mesh"],
        )
    )
    with (
        serving(file, *ANYWHERE, *options) as plane,
        grpc.insecure_channel(f"127.0.0.1:{port_of(plane)}") as channel,
    ):
        call = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")
        answer = mirror.parse(discovery.DiscoveryResponse, next(call(iter([wanted]), timeout=10)))
        secret = mirror.render(answer.resources[0].type_url, answer.resources[0].value)
        return str(secret["validation_context"]["trusted_ca"]["inline_string"])


def test_an_authority_that_is_kept_is_the_same_after_a_restart(tmp_path: Path) -> None:
    file = write(tmp_path, SECURE)
    kept = ("--authority", tmp_path / "authority")
    first, second, other = trusted(file, *kept), trusted(file, *kept), trusted(file)
    assert first == second == (tmp_path / "authority" / "ca.pem").read_text()
    assert other != first


def test_ports_are_counted_around_those_that_the_file_names(tmp_path: Path) -> None:
    mesh = load([write(tmp_path, MESH % (20001, "one"))]).mesh
    ports = fixed(mesh, 20000).ports
    assert ports["ingress:20001"] == 20001
    assert len(set(ports.values())) == len(ports)
    assert min(ports.values()) == 20000
    assert fixed(mesh, 20000) == fixed(mesh, 20000)


def test_a_grpc_process_is_served_its_own_config_and_an_envoy_of_its_name_is_not(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, "mesh: {services: {web: {dataplane: grpc, calls: [api]}, "
                           "api: {dataplane: grpc}}}")  # fmt: skip
    listener = ResourceType.LISTENER.type_url
    with (
        serving(file, *ANYWHERE) as plane,
        grpc.insecure_channel(f"127.0.0.1:{port_of(plane)}") as channel,
    ):
        call = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")

        def asked(agent: str) -> Any:
            node = core.Node(id="web", user_agent_name=agent)
            wanted = discovery.DiscoveryRequest(
                node=node, type_url=listener, resource_names=["api"]
            )
            answers = call(iter([mirror.serialize(wanted)]), timeout=10)
            return mirror.parse(discovery.DiscoveryResponse, next(answers))

        (resource,) = asked("gRPC Go").resources
        shown = mirror.render(resource.type_url, resource.value)
        assert (shown["name"], "api_listener" in shown) == ("api", True)
        with pytest.raises(grpc.RpcError, match="web: is an Envoy"):
            asked("envoy")
