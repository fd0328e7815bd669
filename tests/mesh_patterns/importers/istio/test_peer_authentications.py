"""PeerAuthentication in a real Envoy: who may come in plaintext, and who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from mesh_patterns.model import Instance
from mesh_patterns.placement import inbound
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def peer(name: str, spec: str, namespace: str = "default") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


def on(app: str) -> str:
    return f"selector: {{matchLabels: {{app: {app}}}}}"


MESH = "mesh: {dataplane: node}\n" + "".join(
    [
        *(service(name) for name in ("inherits", "eased", "off", "port")),
        *(service(name, "lax") for name in ("lenient", "unset")),
        peer("default", "{mtls: {mode: STRICT}}", "istio-system"),
        peer("lax", "{mtls: {mode: PERMISSIVE}}", "lax"),
        peer("eased", f"{{{on('eased')}, mtls: {{mode: PERMISSIVE}}}}"),
        peer("off", f"{{{on('off')}, mtls: {{mode: DISABLE}}}}"),
        peer("unset", f"{{{on('unset')}, mtls: {{mode: UNSET}}}}", "lax"),
        peer("port", f"{{{on('port')}, portLevelMtls: {{8080: {{mode: PERMISSIVE}}}}}}"),
    ]
)
MODES = {
    "inherits": "strict",
    "eased": "permissive",
    "off": "off",
    "port": "permissive",
    "lenient": "permissive",
    "unset": "permissive",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("peers")) as mesh:
        yield mesh


@pytest.mark.parametrize("name", MODES)
async def test_plaintext_is_taken_where_the_nearest_policy_takes_it(
    mesh: Running, name: str
) -> None:
    assert mesh.draft.mtls[name].value == MODES[name]
    assert (await mesh.get(name)).status == 200, "the mesh's own callers always may"
    plain = mesh.send(inbound(Instance(name, "v1")), "/", {}, "GET", name)
    if MODES[name] == "strict":
        with pytest.raises(aiohttp.ClientError):
            await plain
    else:
        assert (await plain).status == 200


async def test_without_a_policy_nobody_has_certificates(imported: Import) -> None:
    assert imported(service("a")).mtls == {}


async def test_a_policy_of_one_service_makes_the_others_take_both(imported: Import) -> None:
    draft = imported(
        service("a"), service("b"), peer("x", f"{{{on('a')}, mtls: {{mode: STRICT}}}}")
    )
    assert {name: mode.value for name, mode in draft.mtls.items()} == {
        "a": "strict",
        "b": "permissive",
    }


@pytest.mark.parametrize(
    ("peers", "tls", "mode", "warned"),
    [
        ("", "ISTIO_MUTUAL", "permissive", False),
        ("", "DISABLE", None, False),
        ("{mtls: {mode: PERMISSIVE}}", "DISABLE", "off", False),
        ("{mtls: {mode: STRICT}}", "DISABLE", "strict", True),
        ("{mtls: {mode: DISABLE}}", "ISTIO_MUTUAL", "off", True),
        ("{mtls: {mode: STRICT}}", "ISTIO_MUTUAL", "strict", False),
    ],
)
async def test_what_callers_send_follows_what_is_taken(
    imported: Import, told: Told, peers: str, tls: str, mode: str | None, warned: bool
) -> None:
    rule = f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: a}}
spec: {{host: a, trafficPolicy: {{tls: {{mode: {tls}}}}}}}
"""
    draft = imported(service("a"), rule + (peer("x", peers) if peers else ""))
    found = draft.mtls.get("a")
    assert (found.value if found else None) == mode
    assert any("in Istio they would be refused" in line for line in told(draft)) == warned


async def test_a_mode_is_of_a_whole_service_and_of_its_one_port(
    imported: Import, told: Told
) -> None:
    two = service("a") + service("a-2").replace("app: a-2, version: v1", "app: a, version: v2")
    only = "{selector: {matchLabels: {version: v1}}, mtls: {mode: STRICT},"
    draft = imported(two, peer("x", only + " portLevelMtls: {9: {mode: DISABLE}}}"))
    assert draft.mtls["a"].value == "strict"
    lines = "\n".join(told(draft))
    assert "mutual TLS is of a whole service: it holds for all versions of 'a'" in lines
    assert "portLevelMtls: 'a' has another port, so that of 9 is left out" in lines


async def test_an_unknown_mode_is_refused(refusal: Callable[..., str]) -> None:
    wrong = peer("x", "{mtls: {mode: MAYBE}}")
    assert "unknown mode 'MAYBE', expected 'STRICT', 'PERMISSIVE', 'DISABLE'" in refusal(
        service("a"), wrong
    )
