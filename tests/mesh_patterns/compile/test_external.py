"""What Envoy does with services that others run: their addresses, and TLS that it puts around."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from mesh_patterns.compile import compile_mesh
from mesh_patterns.placement import Placement
from tests.mesh_patterns.running import drafted, running
from tests.wasm_filters.certificates import Authority
from xds_server.mirror import render
from xds_server.resource import ResourceType

MESH = """
mesh:
  dataplane: node
  services:
    web: {{calls: [pay]}}
    pay: {{external: {external}}}
"""


@asynccontextmanager
async def elsewhere(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Counter[str]]]:
    """Somebody who answers HTTP: the port, and how often each host was asked for."""
    asked: Counter[str] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                asked[next(each[6:] for each in lines if each.startswith("host: "))] += 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


async def test_several_addresses_take_turns(tmp_path: Path) -> None:
    async with elsewhere() as (one, first), elsewhere() as (two, second):
        text = MESH.format(external=f"['127.0.0.1:{one}', '127.0.0.1:{two}']")
        async with running(text, tmp_path) as mesh:
            answers = [await mesh.get("pay") for _ in range(10)]
    assert {each.status for each in answers} == {200}
    assert (first, second) == ({"pay": 5}, {"pay": 5})


async def test_a_name_is_looked_up_and_is_what_it_is_called_there(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        port, asked = await stack.enter_async_context(elsewhere())
        text = MESH.format(external=f"'localhost:{port}'")
        mesh = await stack.enter_async_context(running(text, tmp_path))
        answers = [await mesh.get("pay", host=host) for host in ("pay", "localhost")]
    assert [each.status for each in answers] == [200, 200]
    assert asked == {"localhost": 2}


@pytest.mark.parametrize(
    ("tls", "status"),
    [
        ("{sni: pay.example, ca: 'CA'}", 200),
        ("{sni: pay.example, names: [other.example, pay.example], ca: 'CA'}", 200),
        ("{sni: other.example, ca: 'CA'}", 503),  # the certificate is another's
        ("{sni: pay.example, ca: 'OTHER'}", 503),  # nobody vouches for it
        ("{sni: other.example, verify: false}", 200),
    ],
)
async def test_tls_is_put_around_what_comes_in_the_clear(
    tmp_path: Path, tls: str, status: int
) -> None:
    ours, others = (Authority(_folder(tmp_path, name)) for name in ("ours", "others"))
    ours.issue("pay", x509.DNSName("pay.example"))
    files = tls.replace("CA", str(ours.certificate("ca")))
    files = files.replace("OTHER", str(others.certificate("ca")))
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str]()
    context.load_cert_chain(ours.certificate("pay"), ours.key("pay"))
    context.sni_callback = lambda _, name, __: names.append(name)
    async with elsewhere(context) as (port, _):
        external = f"{{addresses: '127.0.0.1:{port}', tls: {files}}}"
        async with running(MESH.format(external=external), tmp_path) as mesh:
            assert (await mesh.get("pay")).status == status
    assert set(names) == {"other.example" if "sni: other" in tls else "pay.example"}


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def test_callers_send_to_the_gateway_and_it_alone_to_the_outside(tmp_path: Path) -> None:
    text = MESH.format(external="'api.example.com:443'").replace("dataplane: node", "egress: true")
    draft = drafted(text, tmp_path)
    placement = Placement.imagined(draft.mesh)
    snapshots = compile_mesh(draft, placement)
    hosts = {}
    for node in ("web", "ingress", "egress"):
        made = snapshots[node].resources(ResourceType.CLUSTER)["pay"]
        (local,) = render(made.type.type_url, made.body)["load_assignment"]["endpoints"]
        at = local["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        hosts[node] = f"{at['address']}:{at['port_value']}"
    gateway = placement.address("call:egress:pay")
    assert hosts == {"web": gateway, "ingress": gateway, "egress": "api.example.com:443"}
