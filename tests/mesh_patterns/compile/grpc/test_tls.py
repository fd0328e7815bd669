"""Mutual TLS between real grpcio clients and servers, with and without an Envoy at one end."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.grpc_limits import warnings
from mesh_patterns.identity import Identity
from mesh_patterns.model import Instance
from mesh_patterns.placement import HOST, Caller, Placement, call, needs, workload
from mini_mesh.certificates.authority import Authority
from mini_mesh.certificates.files import CertificateFiles, provider
from mini_mesh.certificates.issuer import Issuer, utc_now
from mini_mesh.grpc_bootstrap import GrpcNode, environment
from mini_mesh.ports import Ports
from tests.mesh_patterns.running import DEADLINE, Oracle, drafted, until_open
from xds_server.cache import Cache
from xds_server.serving.server import XdsServer

MESH = """\
name: shop
mesh:
  services:
    web: {dataplane: grpc, calls: [api, side]}
    api: {dataplane: grpc}
    side: {protocol: grpc}
patterns: [{pattern: mtls, on: '*'}]
"""
SERVER = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor

def say(request, context):
    return b"".join(context.auth_context().get("peer_uri", [b"anybody"]))

credentials = grpc.insecure_server_credentials()
server = grpc.server(ThreadPoolExecutor(4), xds=sys.argv[2] == "xds")
methods = {"Ask": grpc.unary_unary_rpc_method_handler(say)}
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Who", methods)])
if sys.argv[2] == "xds":
    credentials = grpc.xds_server_credentials(credentials)
server.add_secure_port(sys.argv[1], credentials)
server.start()
sys.stdin.read()
"""
CLIENT = """
import sys, grpc, grpc.experimental
credentials = grpc.experimental.insecure_channel_credentials()
if sys.argv[1].startswith("xds:"):
    credentials = grpc.xds_channel_credentials(credentials)
channel = grpc.secure_channel(sys.argv[1], credentials)
for line in sys.stdin:
    try:
        print(channel.unary_unary("/test.Who/Ask")(b"", timeout=5).decode(), flush=True)
    except grpc.RpcError as error:
        print(error.code().name, error.details().replace(chr(10), " "), flush=True)
"""
HOUR = timedelta(hours=1)


class Asking:
    """A client in a process of its own: each question gives whom the server takes it for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(DEADLINE):
            return (await self._process.stdout.readline()).decode().strip()


class Shop:
    """The mesh's gRPC processes, its certificates, and an Envoy if asked for."""

    def __init__(self, stack: AsyncExitStack, ports: Ports, draft: Draft, folder: Path) -> None:
        self.ports, self.draft = ports, draft
        self.placement = Placement({n.key: ports.take(n.port) for n in needs(draft.mesh)})
        self._folder = folder / "certificates"
        self.files = CertificateFiles(self._folder)
        self._stack, self._xds_port = stack, 0

    async def serve(self, identities: Mapping[str, Identity]) -> None:
        self.files.write(identities)
        self.snapshots = compile_mesh(self.draft, self.placement, identities)
        cache = Cache()
        for node, snapshot in self.snapshots.items():
            cache.set(node, snapshot)
        server = XdsServer(cache)
        self._xds_port = await server.start()
        self._stack.push_async_callback(server.stop)

    def address(self, service: str) -> str:
        return self.placement.address(workload(Instance(service, "")))

    async def server(self, service: str, speaks: str = "xds") -> None:
        """Until its port is open, which of gRPC's own xDS servers is when it has its listener."""
        port = self.placement.port(workload(Instance(service, "")))
        self.ports.release(port)
        await self._run(service, SERVER, self.address(service), speaks)
        await until_open(port)

    async def client(self, target: str, holder: str = "web") -> Asking:
        return Asking(await self._run("web", CLIENT, target, holder=holder))

    async def _run(
        self, node: str, script: str, *arguments: str, holder: str = ""
    ) -> asyncio.subprocess.Process:
        files = provider(self._folder, holder or node)
        env = environment(GrpcNode(node, "shop", self._xds_port, files))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **env, "GRPC_VERBOSITY": "NONE"},
        )
        self._stack.push_async_callback(process.wait)
        self._stack.callback(process.kill)
        return process


@asynccontextmanager
async def shop(
    folder: Path, issue: Callable[[Draft], Mapping[str, Identity]] | None = None
) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        draft = drafted(MESH, folder)
        made = Shop(stack, stack.enter_context(Ports()), draft, folder)
        await made.serve((issue or Issuer().identities)(draft))
        yield made


async def test_a_client_and_a_server_know_each_other_and_nobody_else_gets_in(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path, _and_a_stranger) as mesh:
        await mesh.server("api")
        known, plain, stranger = await asyncio.gather(
            mesh.client("xds:///api"),
            mesh.client(mesh.address("api")),
            mesh.client("xds:///api", holder="stranger"),
        )
        assert await known.ask() == "spiffe://shop/web"
        assert (await plain.ask()).startswith("UNAVAILABLE ")
        assert (await stranger.ask()).startswith("UNAVAILABLE ")
        assert await known.ask() == "spiffe://shop/web"


def _and_a_stranger(draft: Draft) -> Mapping[str, Identity]:
    """Who trusts the mesh, and has its certificate from somebody else."""
    found = dict(Issuer().identities(draft))
    other = Authority.new("other", utc_now).issue("spiffe://shop/web", HOUR).identity
    stranger = Identity(other.uri, other.chain, other.key, found["web"].bundle)
    return {**found, "stranger": stranger}


async def test_a_server_that_is_somebody_else_is_not_spoken_to(tmp_path: Path) -> None:
    async with shop(tmp_path, _with_another_api) as mesh:
        await mesh.server("api")
        told = await (await mesh.client("xds:///api")).ask()
        assert told.startswith("UNAVAILABLE ")
        assert "SANs from certificate did not match SANs from xDS control plane" in told


def _with_another_api(draft: Draft) -> Mapping[str, Identity]:
    found = Issuer().identities(draft)
    authority = Authority.new("shop", utc_now)
    uris = {name: each.uri for name, each in found.items()} | {"api": "spiffe://shop/mallory"}
    return {name: authority.issue(uri, HOUR).identity for name, uri in uris.items()}


async def test_new_files_are_taken_without_a_failed_call(tmp_path: Path) -> None:
    issuer = Issuer()
    async with shop(tmp_path, issuer.identities) as mesh:
        await mesh.server("api")
        client = await mesh.client("xds:///api")
        before = await shown(mesh.address("api"))
        issuer.forget()
        mesh.files.write(issuer.identities(mesh.draft))
        answers = {await client.ask()}
        async with asyncio.timeout(DEADLINE):
            while await shown(mesh.address("api")) == before:
                answers.add(await client.ask())
        answers.add(await (await mesh.client("xds:///api")).ask())
        assert answers == {"spiffe://shop/web"}


async def shown(address: str) -> int:
    """The number of the certificate that a server shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection(HOST, int(address.rpartition(":")[2]), ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(certificate).serial_number


async def test_an_envoy_and_a_process_without_one_know_each_other(tmp_path: Path) -> None:
    async with shop(tmp_path) as mesh:
        await mesh.server("api")
        async with Oracle().running(mesh.ports) as envoy:
            assert await envoy.judge(mesh.snapshots["ingress"]) == []
            port = mesh.placement.address(call(Caller("client", "client"), "api"))
            assert await (await mesh.client(port)).ask() == "spiffe://shop/client"


async def test_a_process_without_an_envoy_gets_in_where_there_is_one(tmp_path: Path) -> None:
    async with shop(tmp_path) as mesh:
        await mesh.server("side", speaks="plaintext")
        async with Oracle().running(mesh.ports) as envoy:
            assert await envoy.judge(mesh.snapshots["side"]) == []
            assert await (await mesh.client("xds:///side")).ask() == "anybody"  # behind its Envoy
            told = await (await mesh.client(mesh.placement.address("inbound:side"))).ask()
            assert told.startswith("UNAVAILABLE ")


def test_who_has_no_envoy_can_not_take_both_and_the_pattern_is_told(tmp_path: Path) -> None:
    permissive = drafted(MESH.replace("'*'", "'*', mode: permissive"), tmp_path)
    told = [str(each) for each in warnings(permissive)]
    what = "warning: a gRPC server takes no plaintext beside TLS: 'permissive' is 'strict'"
    assert told == [
        f"{tmp_path}/mesh.yaml:7:12: {what} (service {name}, dataplane grpc)"
        for name in ("web", "api")
    ]
    assert list(warnings(drafted(MESH, tmp_path))) == []
