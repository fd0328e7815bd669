"""Mutual TLS switched on and off under load: nobody notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.placement import Placement
from mini_mesh.certificates.changeover import steps, turned
from mini_mesh.certificates.issuer import Issuer
from tests.mesh_patterns.running import drafted
from tests.mini_mesh.live import started, traffic
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

MESH = "name: shop\nmesh: {services: {web: {calls: [api], ingress: true}, api: }}\n"


def text(mode: str, mesh: str = MESH) -> str:
    return f"{mesh}patterns: [{{pattern: mtls, on: api, mode: {mode}}}]" if mode else mesh


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "strict", {"api"}),
        ("off", "permissive", {"api"}),
        ("strict", "", {"api"}),
        ("strict", "permissive", set()),
        ("permissive", "strict", set()),
        ("", "off", set()),
    ],
)
def test_only_a_turn_between_plaintext_and_certificates_takes_steps(
    tmp_path: Path, old: str, new: str, expected: set[str]
) -> None:
    before, after = drafted(text(old), tmp_path), drafted(text(new), tmp_path)
    assert turned(before, after) == expected


def test_what_is_new_or_has_no_envoy_takes_none(tmp_path: Path) -> None:
    strict = drafted(text("strict"), tmp_path)
    proxyless = MESH.replace("api: }", "api: {dataplane: grpc}}").replace("calls: [api], ", "")
    assert turned(drafted(text("", proxyless), tmp_path), strict) == set()
    assert turned(drafted("mesh: {services: {web: }}", tmp_path), strict) == set()


def test_workloads_take_both_before_callers_turn(tmp_path: Path) -> None:
    old, new = drafted(text(""), tmp_path), drafted(text("strict"), tmp_path)
    was, now = Placement.imagined(old.mesh), Placement.imagined(new.mesh)
    first, second = steps(old, was, new, now, Issuer().identities(new))
    for each in (first, second):
        (listener,) = each["api"].resources(ResourceType.LISTENER).values()
        assert b"raw_buffer" in listener.body
        assert b"DownstreamTlsContext" in listener.body
    assert clusters(first["web"]) == ["api", "local:web"]
    assert clusters(second["web"]) == ["local:web", "web->api"]


def clusters(snapshot: Snapshot) -> list[str]:
    return list(snapshot.resources(ResourceType.CLUSTER))


async def test_mutual_tls_is_switched_on_and_off_without_a_failed_request(tmp_path: Path) -> None:
    async with started(tmp_path, text("")) as live, traffic(live, "api") as requests:
        for mode in ("strict", "", "permissive", "strict", "off"):
            await live.change(text(mode))
            await requests.more(50)
            secured = "client->api" in clusters(live.mesh.control.snapshot("ingress") or Snapshot())
            assert secured is (mode in ("strict", "permissive"))
        assert requests.failed == []
