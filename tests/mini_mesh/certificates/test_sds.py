"""An Envoy with a bootstrap of somebody's own gets its certificates from our authority."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mini_mesh.bootstrap import arguments
from mini_mesh.certificates import sds
from mini_mesh.certificates.authority import Authority
from mini_mesh.certificates.issuer import utc_now
from mini_mesh.certificates.secrets import Secrets, spiffe_id
from mini_mesh.envoy_binary import EnvoyNotFound, locate
from mini_mesh.ports import LOOPBACK, Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import wait_for_live
from mini_mesh.processes.supervisor import Supervisor

# Renewed after 3 s. Certificates count in whole seconds, so it may be over one sooner.
LIFE = timedelta(seconds=4.5)
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def secret(name: str) -> dict[str, Any]:
    to = {"envoy_grpc": {"cluster_name": "ca"}}
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [to]}
    config = {
        "api_config_source": source,
        "resource_api_version": "V3",
        "initial_fetch_timeout": "2s",
    }
    return {"name": name, "sds_config": config}


def context(kind: str, **more: Any) -> dict[str, Any]:
    common = {
        "tls_certificate_sds_secret_configs": [secret("default")],
        "validation_context_sds_secret_config": secret("ROOTCA"),
    }
    config = {"@type": f"{TLS}.{kind}", "common_tls_context": common, **more}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def cluster(name: str, where: dict[str, Any], **more: Any) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": where}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STATIC", "load_assignment": assignment, **more}


def listener(name: str, port: int, route: dict[str, Any], **more: Any) -> dict[str, Any]:
    host = {"name": "any", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route}]}
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}
    manager = {
        "@type": f"{MANAGER}.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [router],
    }
    http = {"name": "http", "typed_config": manager}
    return {"name": name, "address": address(port), "filter_chains": [{"filters": [http], **more}]}


def bootstrap(node: str, ca: Path, ports: tuple[int, int, int]) -> dict[str, Any]:
    """One that sends what comes in plaintext to itself by mutual TLS."""
    front, back, admin = ports
    http2 = {"@type": OPTIONS, "explicit_http_config": {"http2_protocol_options": {}}}
    speaks = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    # each request on a connection of its own, so each shows the certificate of that moment
    once = {
        "@type": OPTIONS,
        "common_http_protocol_options": {"max_requests_per_connection": 1},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "node": {"id": node, "cluster": "mine"},
        "admin": {"address": address(admin)},
        "static_resources": {
            "clusters": [
                cluster("ca", {"pipe": {"path": str(ca)}}, typed_extension_protocol_options=speaks),
                cluster(
                    "back",
                    address(back),
                    transport_socket=context("UpstreamTlsContext"),
                    typed_extension_protocol_options={next(iter(speaks)): once},
                ),
            ],
            "listeners": [
                listener("front", front, {"route": {"cluster": "back"}}),
                listener(
                    "back",
                    back,
                    {"direct_response": {"status": 200}},
                    transport_socket=context(
                        "DownstreamTlsContext", require_client_certificate=True
                    ),
                ),
            ],
        },
    }


@asynccontextmanager
async def running(node: str, folder: Path, life: timedelta) -> AsyncIterator[tuple[int, int]]:
    """The port in front, and that of the admin interface."""
    try:
        envoy, _ = locate(None, os.environ)
    except EnvoyNotFound as error:
        pytest.skip(str(error))
    path, stop = folder / "ca.sock", asyncio.Event()
    holders = {"web-1": spiffe_id("mine.test", "web")}
    authority = Authority.new("mine.test", utc_now)
    secrets = Secrets(authority, "mine.test", holders, life, utc_now)
    up = asyncio.Event()
    with Ports() as taken:
        ports = (taken.take(), taken.take(), taken.take())
        async with asyncio.TaskGroup() as group, Supervisor(grace=0.1) as supervisor:
            group.create_task(sds.serve(secrets, path, stop, up.set))
            await up.wait()
            spec = ProcessSpec("envoy", arguments(envoy, bootstrap(node, path, ports)))
            process = await supervisor.start(spec)
            try:
                await wait_for_live(process, ports[2])
                yield ports[0], ports[2]
            finally:
                stop.set()
    assert not path.exists()


async def serials(client: aiohttp.ClientSession, admin: int) -> set[str]:
    async with client.get(f"http://{LOOPBACK}:{admin}/certs") as answer:
        found = json.loads(await answer.text())["certificates"]
    return {each["cert_chain"][0]["serial_number"] for each in found if each.get("cert_chain")}


async def test_certificates_are_renewed_under_load_and_no_request_fails(tmp_path: Path) -> None:
    async with (
        running("web-1", tmp_path, LIFE) as (front, admin),
        aiohttp.ClientSession() as client,
    ):
        first, seen, end = await serials(client, admin), [], time.monotonic() + 3.5
        while time.monotonic() < end:
            async with client.get(f"http://{LOOPBACK}:{front}/") as answer:
                seen.append(answer.status)
        assert set(seen) == {200}
        assert len(seen) > 100
        assert len(first) == 1
        assert first.isdisjoint(await serials(client, admin)), "the old certificate is gone"


async def test_a_node_that_is_not_named_gets_nothing(tmp_path: Path) -> None:
    async with (
        running("evil", tmp_path, timedelta(hours=1)) as (front, admin),
        aiohttp.ClientSession() as client,
    ):
        assert await serials(client, admin) == set()
        async with client.get(f"http://{LOOPBACK}:{front}/") as answer:
            assert answer.status == 503
