"""Rules of the protocol that only a living Envoy shows: warming, atomicity, one stream, files."""

from __future__ import annotations

from pathlib import Path

from tests.xds_server.playbook import CLUSTER, ENDPOINT, LISTENER, ROUTE, a_cluster
from tests.xds_server.real_envoy import running_envoy, upstream
from tests.xds_server.resources import (
    answering,
    eds_cluster,
    endpoints,
    rds_listener,
    routed,
)
from tests.xds_server.test_real_envoy import both_variants, mesh, plane_and_envoy
from xds_server.events import Acked, Nacked, Sent, StreamOpened
from xds_server.protos import listener
from xds_server.resource import Resource
from xds_server.serving.wire import Encoder
from xds_server.sessions.messages import SotwResponse
from xds_server.snapshot import Snapshot


@both_variants
async def test_all_types_of_one_envoy_share_one_stream(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, _), upstream("a") as a:
        await plane.applied(*mesh(routed("a"), {"a": a}))
        assert [event.variant for event in plane.events.of(StreamOpened)] == [variant]
        asked = {event.type for event in plane.events.of(Acked)}
        assert asked == {CLUSTER, ENDPOINT, LISTENER, ROUTE}


@both_variants
async def test_a_changed_listener_reuses_its_routes_and_a_new_name_of_routes_is_asked_for(
    variant: str,
) -> None:
    async with plane_and_envoy(variant) as (plane, envoy):
        await plane.applied(rds_listener(), answering("one"))
        await envoy.until_listening()
        plane.events.all.clear()
        renamed = [rds_listener(), rds_listener("second"), answering("one")]
        await plane.applied(*renamed)
        assert [event.type for event in plane.events.of(Sent)] == [LISTENER]
        await plane.applied(rds_listener(routes="other"), answering("two", "other"))
        await envoy.until_served("two")
        assert ("other",) in [e.names for e in plane.events.of(Sent) if e.type is ROUTE]


@both_variants
async def test_envoy_stays_uninitialised_until_its_clusters_have_their_endpoints(
    variant: str,
) -> None:
    async with plane_and_envoy(variant) as (plane, envoy):
        plane.cache.set("node", Snapshot.of([eds_cluster("a")]))
        await plane.events.until(lambda: CLUSTER in [e.type for e in plane.events.of(Sent)])
        if variant == "SotW":  # nothing is said of a missing name, so Envoy waits for it
            assert "LIVE" not in await envoy.admin("/ready")
        await plane.applied(eds_cluster("a"), endpoints("a", 1), rds_listener(), answering("up"))
        await envoy.until_listening()
        assert "LIVE" in await envoy.admin("/ready")


@both_variants
async def test_a_snapshot_is_not_atomic_and_its_routes_count_though_its_listener_is_refused(
    variant: str,
) -> None:
    async with plane_and_envoy(variant) as (plane, envoy):
        await plane.applied(rds_listener(), answering("old"))
        await envoy.until_listening()
        nameless = Resource.of(listener.Listener(name="bare"))
        plane.serve(rds_listener(), nameless, answering("new"))
        await plane.events.until(lambda: bool(plane.events.of(Nacked)))
        await envoy.until_served("new")


async def test_a_response_in_a_file_is_configuration_too(tmp_path: Path) -> None:
    """A response is a file's content as it is; there is nobody to ACK it to."""
    made = a_cluster("from-a-file")
    path = tmp_path / "clusters.pb"
    path.write_bytes(Encoder().encode(SotwResponse(CLUSTER, "1", "", (made,))))
    source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
    more = {"dynamic_resources": {"cds_config": source}}
    async with running_envoy(1, "node", "SotW", more) as envoy:
        await envoy.until_admin()
        assert "from-a-file" in await envoy.admin("/clusters")
