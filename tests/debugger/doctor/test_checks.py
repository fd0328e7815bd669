"""Each check finds the illness in a real Envoy that has it, and none where there is none."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debugger.doctor.checks import CHECKS, OF_CONFIG, examine
from debugger.doctor.finding import Told
from debugger.doctor.ills.delivery import PATIENCE
from debugger.doctor.picture import Picture
from tests.debugger.sick import ADS, HTTP, Sick, answer, cluster, listener, made, routes, sick, to
from tests.xds_server.real_envoy import upstream
from xds_server.resource import Resource, ResourceType

FULL = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def limit(**more: Any) -> dict[str, Any]:
    bucket = {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"}
    config = {"@type": f"{HTTP}.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "limit"}
    return {"name": "limit", "typed_config": {**config, "token_bucket": bucket, **more}}


def rbac() -> dict[str, Any]:
    rules = {"policies": {"all": {"permissions": [{"any": True}], "principals": [{"any": True}]}}}
    config = {"@type": f"{HTTP}.rbac.v3.RBAC", "rules": rules}
    return {"name": "rbac", "typed_config": config}


def by_name(found: list[Told]) -> dict[str, Told]:
    return {each.check: each for each in found}


def later(picture: Picture, seconds: float = PATIENCE + 1) -> Picture:
    return replace(picture, now=picture.now + seconds)


async def ask(mesh: Sick, times: int = 1) -> list[int]:
    await mesh.envoy.until_listening()
    return [(await mesh.envoy.get())[0] for _ in range(times)]


async def test_a_mesh_that_is_well_has_no_ills() -> None:
    async with upstream("x") as port:
        enabled = limit(filter_enabled=FULL, filter_enforced=FULL)
        table = routes(to("a", prefix="/a"), to("a"))
        well = listener(rbac(), enabled), table, cluster("a", port)
        async with sick(*well) as mesh:
            assert await ask(mesh, 2) == [200, 429]
            picture = await mesh.picture()
            assert examine(later(picture)) == []
            assert set(OF_CONFIG) < set(CHECKS)


async def test_a_push_that_was_refused() -> None:
    async with sick(listener(), routes(answer("x"))) as mesh:
        await mesh.serve(listener(), routes(answer("x", safe_regex={"regex": "(?!x)"})))
        found = by_name(await mesh.found())
        assert set(found) == {"refused"}
        assert found["refused"].finding.place is not None
        assert "perl operator" in found["refused"].finding.evidence[0]


async def test_a_listener_that_is_stuck_warming() -> None:
    source = {"config_source": ADS, "type_urls": [f"{HTTP}.fault.v3.HTTPFault"]}
    waiting = listener({"name": "fault", "config_discovery": source})
    async with sick(listener(), routes(answer("x"))) as mesh:
        await ask(mesh)
        await mesh.serve(waiting, routes(answer("x")))
        picture = await mesh.picture()
        assert examine(picture) == []  # it has only just begun
        (found,) = examine(later(picture))
        assert (found.check, found.finding.place) == ("warming", "mesh.yaml:4:1")
        assert found.finding.what == "Listener 'front' is stuck warming"
        assert "it waits for TypedExtensionConfig 'fault'" in found.finding.evidence


async def test_a_cluster_whose_endpoints_nobody_has_is_without_any() -> None:
    eds = {"name": "b", "type": "EDS", "eds_cluster_config": {"eds_config": ADS}}
    async with sick(listener(), routes(answer("x")), made(ResourceType.CLUSTER, eds)) as mesh:
        assert await mesh.checks() == {"no-healthy-endpoint"}


async def test_a_listener_whose_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with sick(listener(port=port), routes(answer("x"))) as mesh:
            found = by_name(await mesh.found())
            assert {"refused", "not-bound"} <= set(found)
            assert f"127.0.0.1:{port}" in found["not-bound"].finding.evidence[0]
            assert found["not-bound"].finding.place == "mesh.yaml:4:1"


async def test_clusters_without_a_healthy_endpoint() -> None:
    async with sick(listener(), routes(to("a")), cluster("a")) as mesh:
        found = by_name(await mesh.found())
        assert set(found) == {"no-healthy-endpoint"}
        assert found["no-healthy-endpoint"].finding.place == "mesh.yaml:2:1"


async def test_a_cluster_whose_checks_fail_is_in_panic_when_it_is_used() -> None:
    check = {"timeout": "1s", "interval": "60s", "unhealthy_threshold": 1, "healthy_threshold": 1,
             "tcp_health_check": {}}  # fmt: skip
    dead = free_port()
    async with upstream("x") as port:
        sickly = cluster("a", dead, free_port(), port, health_checks=[check])
        async with sick(listener(), routes(to("a")), sickly) as mesh:
            assert "panic" not in await mesh.checks()
            await ask(mesh, 3)
            (found,) = await mesh.found()
            assert found.check == "panic"
            assert f"127.0.0.1:{dead}: active health check" in found.finding.evidence


async def test_a_host_that_was_ejected_and_one_that_was_not_allowed_to_be() -> None:
    detection = {"consecutive_5xx": 1, "enforcing_consecutive_5xx": 100, "interval": "3600s"}
    async with upstream("x") as port:

        def detecting(**more: Any) -> Resource:
            return cluster("a", port, free_port(), outlier_detection={**detection, **more})

        async with sick(listener(), routes(to("a")), detecting(max_ejection_percent=100)) as mesh:
            await ask(mesh, 4)
            (found,) = await mesh.found()
            assert found.check == "outlier"
            assert "1 of its hosts ejected" in found.finding.what
            assert found.finding.evidence[0].endswith(": outlier check")
        async with sick(listener(), routes(to("a")), detecting()) as mesh:
            assert await mesh.checks() == {"ejects-nobody"}
            await ask(mesh, 4)
            assert await mesh.checks() == {"outlier", "ejects-nobody"}


async def test_a_circuit_breaker_that_has_tripped() -> None:
    limits = {"thresholds": [{"max_requests": 0}]}
    async with upstream("x") as port:
        tight = cluster("a", port, circuit_breakers=limits)
        async with sick(listener(), routes(to("a")), tight) as mesh:
            assert await mesh.checks() == set()
            assert await ask(mesh) == [503]
            (found,) = await mesh.found()
            assert found.check == "circuit-breaker"
            assert found.finding.evidence[0].endswith("_overflow is 1: requests")


async def test_a_filter_that_a_route_turns_off_never_ran() -> None:
    off = {"rbac": {"@type": f"{HTTP}.rbac.v3.RBACPerRoute"}}
    async with upstream("x") as port:
        table = routes({**to("a"), "typed_per_filter_config": off})
        async with sick(listener(rbac()), table, cluster("a", port)) as mesh:
            assert await mesh.checks() == set()
            assert await ask(mesh, 2) == [200, 200]
            (found,) = await mesh.found()
            assert found.check == "filter-never-ran"
            assert found.finding.evidence[0] == "2 requests passed it"


async def test_a_limit_that_is_not_enabled_limits_nothing() -> None:
    async with upstream("x") as port:
        well = routes(to("a")), cluster("a", port)
        async with sick(listener(limit()), *well) as mesh:
            assert await mesh.checks() == {"limit-not-enabled"}
            assert await ask(mesh, 3) == [200, 200, 200]
            assert await mesh.checks() == {"limit-not-enabled", "filter-never-ran"}


async def test_a_control_plane_that_has_gone() -> None:
    async with sick(listener(), routes(answer("x"))) as mesh:
        assert await mesh.checks() == set()
        await mesh.control.stop()
        async with asyncio.timeout(10):
            while "disconnected" not in await mesh.checks():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)


async def test_a_workload_that_is_down_and_an_envoy_that_does_not_answer() -> None:
    async with sick(listener(), routes(answer("x"))) as mesh:
        async with upstream("x") as port:
            picture = await mesh.picture(here=f"127.0.0.1:{port}", gone=f"127.0.0.1:{free_port()}")
            (found,) = examine(picture)
            assert (found.check, found.finding.what) == (
                "workload-down",
                "the workload of gone is down",
            )
        mesh.interface.address = f"127.0.0.1:{free_port()}"
        assert "not-live" in await mesh.checks()


def certificate(begins: float, ends: float, now: datetime) -> dict[str, Any]:
    def text(seconds: float) -> str:
        return (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    return {
        "subject_alt_names": [{"uri": "spiffe://mesh/web"}],
        "valid_from": text(begins),
        "expiration_time": text(ends),
    }


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [(-50, 50, None), (-95, 5, "ends in 5 s"), (-90, -30, "ended 30 s ago"),
     (7_200, 9_000, "is not valid for another 2 hours")],
)  # fmt: skip
async def test_a_certificate_tells_of_its_end_in_time(
    begins: float, ends: float, said: str | None
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    async with sick(listener(), routes(answer("x"))) as mesh:
        (node,) = (await mesh.picture()).nodes
    assert node.seen is not None
    held = {"cert_chain": [certificate(begins, ends, now)], "ca_cert": []}
    ill = replace(node, seen=replace(node.seen, certificates=(held,)))
    found = examine(Picture((ill,), now.timestamp()))
    assert [each.finding.what for each in found] == (
        [f"the certificate of spiffe://mesh/web {said}"] if said else []
    )


async def test_nodes_that_lag_behind_and_envoys_of_other_versions() -> None:
    async with sick(listener(), routes(answer("x"))) as mesh:
        await ask(mesh)
        picture = await mesh.picture()
    (node,) = picture.nodes
    assert node.seen is not None
    old = tuple(replace(each, accepted="") for each in node.pushed)
    server = {**node.seen.server, "version": "1.2.3"}
    other = replace(node, name="f", pushed=old, seen=replace(node.seen, server=server))
    found = examine(later(replace(picture, nodes=(node, other))))
    assert {(each.check, each.finding.what) for each in found} == {
        ("version-skew", "the Envoys are not of one version"),
        ("version-skew", "f goes by an older config than e"),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
