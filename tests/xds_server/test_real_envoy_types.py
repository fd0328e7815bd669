"""Secrets, runtime, filter configs, scoped routes, virtual hosts and clusters on demand, each as a
living Envoy takes it over its one stream.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.xds_server.playbook import ROUTE
from tests.xds_server.real_envoy import DEADLINE, Envoy, running_envoy, upstream
from tests.xds_server.resources import (
    ADS,
    answering,
    eds_cluster,
    endpoints,
    http_listener,
    virtual_host,
)
from tests.xds_server.test_real_envoy import both_variants, control_plane, plane_and_envoy
from xds_server.events import Acked, Nacked, Sent
from xds_server.mirror import any_of
from xds_server.protos import core, envoy_type, fault, hcm, on_demand, protobuf, route, runtime, tls
from xds_server.resource import Resource, ResourceType

SECRET, HOST = ResourceType.SECRET, ResourceType.VIRTUAL_HOST
SCOPE, RUNTIME = ResourceType.SCOPED_ROUTE, ResourceType.RUNTIME


async def a_secret(folder: Path, common_name: str) -> Resource:
    """A certificate, signed by itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make certificates with")
    key, certificate = folder / f"{common_name}.key", folder / f"{common_name}.pem"
    process = await asyncio.create_subprocess_exec(
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "1", "-subj", f"/CN={common_name}"),
        *("-keyout", str(key), "-out", str(certificate)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    pair = tls.TlsCertificate(
        certificate_chain=core.DataSource(inline_string=certificate.read_text()),
        private_key=core.DataSource(inline_string=key.read_text()),
    )
    return Resource.of(tls.Secret(name="server", tls_certificate=pair))


async def served_certificate(envoy: Envoy) -> bytes | None:
    """What the listener shows; ``None`` where it closes the connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = await envoy.port("front")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return certificate


@both_variants
async def test_a_listener_takes_its_certificate_from_a_secret_and_the_next_one_without_a_drain(
    variant: str, tmp_path: Path
) -> None:
    context = tls.DownstreamTlsContext(
        common_tls_context=tls.CommonTlsContext(
            tls_certificate_sds_secret_configs=[tls.SdsSecretConfig(name="server", sds_config=ADS)]
        )
    )
    socket = core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=any_of(context))
    front = http_listener(
        transport_socket=socket, rds=hcm.Rds(config_source=ADS, route_config_name="routes")
    )
    async with plane_and_envoy(variant) as (plane, envoy):
        seen = []
        for name in ("one", "two"):
            secret = await a_secret(tmp_path, name)
            await plane.applied(secret, front, answering("up"))
            wanted = ssl.PEM_cert_to_DER_cert((tmp_path / f"{name}.pem").read_text())
            async with asyncio.timeout(DEADLINE):  # workers turn to it after the ACK
                while await served_certificate(envoy) != wanted:
                    pass
            seen.append(wanted)
        assert seen[0] != seen[1]
        assert await envoy.stat("listener_manager.listener_modified") == 0
        assert [event.type for event in plane.events.of(Sent)].count(SECRET) == 2


@both_variants
async def test_a_runtime_layer_is_taken_and_changed(variant: str) -> None:
    layer = {"name": "rtds", "rtds_layer": {"name": "flags", "rtds_config": ads_source()}}
    more = {"layered_runtime": {"layers": [layer]}}
    async with (
        control_plane() as plane,
        running_envoy(plane.port, "node", variant, more) as envoy,
    ):
        for value in (1.0, 2.0):
            fields = {"health_check.min_interval": protobuf.Value(number_value=value)}
            made = runtime.Runtime(name="flags", layer=protobuf.Struct(fields=fields))
            snapshot = plane.serve(Resource.of(made))
            version = snapshot.version(RUNTIME)
            await plane.events.until(
                lambda version=version: version in [e.version for e in plane.events.of(Acked)]
            )
            entries = json.loads(await envoy.admin("/runtime"))["entries"]
            assert float(entries["health_check.min_interval"]["final_value"]) == value


def ads_source() -> dict[str, Any]:
    return {"ads": {}, "resource_api_version": "V3"}


@both_variants
async def test_a_filters_config_is_swapped_and_its_listener_stays(variant: str) -> None:
    url = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    discovered = core.ExtensionConfigSource(config_source=ADS, type_urls=[url])
    front = http_listener(
        filters=[hcm.HttpFilter(name="fault", config_discovery=discovered)],
        rds=hcm.Rds(config_source=ADS, route_config_name="routes"),
    )

    def aborting(status: int) -> Resource:
        abort = fault.FaultAbort(http_status=status, percentage=percent(100))
        config = any_of(fault.HttpFault(abort=abort))
        return Resource.of(core.TypedExtensionConfig(name="fault", typed_config=config))

    async with plane_and_envoy(variant) as (plane, envoy):
        for status in (418, 503):
            await plane.applied(aborting(status), front, answering("up"))
            async with asyncio.timeout(DEADLINE):
                while (await envoy.get())[0] != status:
                    pass
        assert await envoy.stat("listener_manager.listener_added") == 1
        assert await envoy.stat("listener_manager.listener_modified") == 0


def percent(value: int) -> Any:
    return envoy_type.FractionalPercent(numerator=value)


def scoped_listener() -> Resource:
    builder = hcm.ScopedRoutesScopeKeyBuilder(
        fragments=[
            hcm.ScopedRoutesScopeKeyBuilderFragmentBuilder(
                header_value_extractor=hcm.ScopedRoutesScopeKeyBuilderFragmentBuilderHeaderValueExtractor(
                    name="scope", index=0
                )
            )
        ]
    )
    scopes = hcm.ScopedRoutes(
        name="scopes",
        scope_key_builder=builder,
        rds_config_source=ADS,
        scoped_rds=hcm.ScopedRds(scoped_rds_config_source=ADS),
    )
    return http_listener(scoped_routes=scopes)


def scope(key: str, routes: str) -> Resource:
    fragment = route.ScopedRouteConfigurationKeyFragment(string_key=key)
    return Resource.of(
        route.ScopedRouteConfiguration(
            name=f"scope-{key}",
            route_configuration_name=routes,
            key=route.ScopedRouteConfigurationKey(fragments=[fragment]),
        )
    )


@both_variants
async def test_a_scope_that_did_not_change_stays_when_another_one_does(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy):
        routes = [answering(body, name=body) for body in ("red", "blue", "green")]
        first = [scoped_listener(), scope("a", "red"), scope("b", "blue"), *routes]
        await plane.applied(*first[:-1])
        await envoy.until_listening()
        await envoy.until_served("red", headers={"scope": "a"})
        await envoy.until_served("blue", headers={"scope": "b"})
        await plane.applied(scoped_listener(), scope("a", "red"), scope("b", "green"), *routes)
        await envoy.until_served("green", headers={"scope": "b"})
        assert await envoy.get(headers={"scope": "a"}) == (200, "red")
        await plane.applied(scoped_listener(), scope("b", "green"), *routes)
        async with asyncio.timeout(DEADLINE):
            while (await envoy.get(headers={"scope": "a"}))[0] != 404:
                pass
        assert await envoy.get(headers={"scope": "b"}) == (200, "green")


def on_demand_routes(*hosts: Any, content: str = "") -> Resource:
    config = route.RouteConfiguration(
        name="routes", vhds=route.Vhds(config_source=ADS), virtual_hosts=list(hosts)
    )
    if content:
        config.response_headers_to_remove = [content]
    return Resource.of(config)


def on_demand_listener(**odcds: Any) -> Resource:
    config = any_of(on_demand.OnDemand(**odcds))
    return http_listener(
        filters=[hcm.HttpFilter(name="envoy.filters.http.on_demand", typed_config=config)],
        rds=hcm.Rds(config_source=ADS, route_config_name="routes"),
    )


async def test_a_virtual_host_is_fetched_for_the_request_that_wants_it() -> None:
    async with plane_and_envoy("Delta") as (plane, envoy):
        a = Resource.of(virtual_host("routes/a", "this is a", "a.test"))
        b = Resource.of(virtual_host("routes/b", "this is b", "*.b.test"))
        served = [on_demand_listener(), on_demand_routes(), a, b]
        await plane.applied(*served)
        await plane.events.until(lambda: HOST in [e.type for e in plane.events.of(Acked)])
        await envoy.until_listening()
        assert await envoy.get(headers={"host": "a.test"}) == (200, "this is a")
        assert await envoy.get(headers={"host": "x.b.test"}) == (200, "this is b")
        sent = [event.names for event in plane.events.of(Sent) if event.type is HOST]
        assert sent == [(), ("routes/a",), ("routes/b",)]
        changed = Resource.of(virtual_host("routes/a", "a changed", "a.test"))
        plane.serve(*served[:2], changed, b)
        await envoy.until_served("a changed", headers={"host": "a.test"})
        assert plane.events.of(Nacked) == []


async def test_a_host_that_nobody_knows_is_refused_at_once_and_served_once_it_is_there() -> None:
    async with plane_and_envoy("Delta") as (plane, envoy):
        served = [on_demand_listener(), on_demand_routes()]
        await plane.applied(*served)
        await plane.events.until(lambda: HOST in [e.type for e in plane.events.of(Acked)])
        await envoy.until_listening()
        async with asyncio.timeout(3.0):
            assert (await envoy.get(headers={"host": "late.test"}))[0] == 404
        late = Resource.of(virtual_host("routes/late", "here now", "late.test"))
        plane.serve(*served, late)
        await envoy.until_served("here now", headers={"host": "late.test"})
        assert plane.events.of(Nacked) == []


async def test_virtual_hosts_are_sent_again_after_their_route_configuration() -> None:
    async with plane_and_envoy("Delta") as (plane, envoy):
        a = Resource.of(virtual_host("routes/a", "this is a", "a.test"))
        await plane.applied(on_demand_listener(), on_demand_routes(), a)
        await plane.events.until(lambda: HOST in [e.type for e in plane.events.of(Acked)])
        await envoy.until_listening()
        assert await envoy.get(headers={"host": "a.test"}) == (200, "this is a")
        plane.events.all.clear()
        await plane.applied(on_demand_listener(), on_demand_routes(content="x-other"), a)
        await plane.events.until(lambda: HOST in [e.type for e in plane.events.of(Acked)])
        assert [e.type for e in plane.events.of(Sent)] == [ROUTE, HOST]
        assert await envoy.get(headers={"host": "a.test"}) == (200, "this is a")


async def test_a_cluster_is_fetched_for_the_request_that_names_it() -> None:
    async with plane_and_envoy("Delta") as (plane, envoy), upstream("from a") as port:
        match = route.RouteMatch(prefix="/")
        entry = route.Route(match=match, route=route.RouteAction(cluster_header="to"))
        host = route.VirtualHost(name="all", domains=["*"], routes=[entry])
        routes = Resource.of(route.RouteConfiguration(name="routes", virtual_hosts=[host]))
        odcds = on_demand.OnDemandCds(source=ADS)
        served = [on_demand_listener(odcds=odcds), routes]
        await plane.applied(*served)
        await envoy.until_listening()
        async with asyncio.timeout(3.0):
            assert (await envoy.get(headers={"to": "nobody"}))[0] == 503
        plane.serve(*served, eds_cluster("a"), endpoints("a", port))
        await envoy.until_served("from a", headers={"to": "a"})
        assert plane.events.of(Nacked) == []
