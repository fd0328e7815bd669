"""A control plane and one real Envoy called ``e``, made ill on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf import json_format

from debugger.admin.interface import Interface, interfaces
from debugger.configs.difference import Compared, Difference, differences
from debugger.configs.pushed import Pushed, read
from debugger.doctor import collect
from debugger.doctor.checks import examine
from debugger.doctor.finding import Told
from debugger.doctor.picture import Node, Picture
from mini_mesh.control.answers import Answers
from mini_mesh.control.plane import ControlPlane
from tests.xds_server.playbook import snapshot
from tests.xds_server.real_envoy import NOTHING, Envoy, running_envoy
from xds_server import mirror
from xds_server.clients import dump
from xds_server.resource import Resource, ResourceType

HTTP = "type.googleapis.com/envoy.extensions.filters.http"
ROUTER = {"name": "router", "typed_config": {"@type": f"{HTTP}.router.v3.Router"}}
ADS = {"ads": {}, "resource_api_version": "V3"}


def made(
    kind: ResourceType, content: Mapping[str, Any], origins: Mapping[str, str] = NOTHING
) -> Resource:
    """A resource from JSON, as people write it."""
    content, renamed = _known(content)
    cls = mirror.class_of(kind.type_url)
    assert cls is not None
    message = mirror.mirror_class(cls)()
    json_format.ParseDict(dict(content), message, descriptor_pool=mirror._POOL)
    body = message.SerializeToString(deterministic=True)
    for here, there in renamed.items():  # of the same length: the case of a name differs
        body = body.replace(f"/{here}".encode(), f"/{there}".encode())
    return Resource.of_bytes(kind, content[kind.name_field], body, origins=origins)


def _known(content: Any) -> tuple[Any, dict[str, str]]:
    """The same with the names that types have in the mirror, and what they are called really."""
    renamed: dict[str, str] = {}
    if isinstance(content, Mapping):
        held = {key: _known(each) for key, each in content.items()}
        for _, more in held.values():
            renamed |= more
        content = {key: each for key, (each, _) in held.items()}
        url = str(content.get("@type", ""))
        if cls := mirror.class_of(url):
            name = mirror.mirror_class(cls).DESCRIPTOR.full_name
            renamed[name] = url.rpartition("/")[2]
            content["@type"] = f"type.googleapis.com/{name}"
    elif isinstance(content, list):
        found = [_known(each) for each in content]
        for _, more in found:
            renamed |= more
        content = [each for each, _ in found]
    return content, renamed


def cluster(name: str, *ports: int, **more: Any) -> Resource:
    hosts = [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        for port in ports
    ]
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}] if hosts else []}
    content = {"name": name, "type": "STATIC", "load_assignment": assignment, **more}
    return made(ResourceType.CLUSTER, content, {"": "mesh.yaml:2:1"})


def routes(*entries: Mapping[str, Any], name: str = "routes") -> Resource:
    hosts = [{"name": "all", "domains": ["*"], "routes": list(entries)}]
    origins = {
        f"virtual_hosts[0].routes[{at}]": f"mesh.yaml:{at + 5}:3" for at in range(len(entries))
    }
    content = {"name": name, "virtual_hosts": hosts}
    return made(ResourceType.ROUTE, content, {"": "mesh.yaml:3:1", **origins})


def to(cluster: str, **match: Any) -> dict[str, Any]:
    return {"match": match or {"prefix": "/"}, "route": {"cluster": cluster}}


def answer(body: str, **match: Any) -> dict[str, Any]:
    direct = {"status": 200, "body": {"inline_string": body}}
    return {"match": match or {"prefix": "/"}, "direct_response": direct}


def listener(
    *filters: Mapping[str, Any], port: int = 0, name: str = "front", **more: Any
) -> Resource:
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"config_source": ADS, "route_config_name": "routes"},
        "http_filters": [*filters, ROUTER],
    }
    chains = [{"filters": [{"name": "hcm", "typed_config": manager}]}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    content = {"name": name, "address": address, "filter_chains": chains, **more}
    return made(ResourceType.LISTENER, content, {"": "mesh.yaml:4:1"})


class Sick:
    """What the control plane and the Envoy say of it."""

    def __init__(self, control: ControlPlane) -> None:
        self.control = control
        self.envoy: Envoy
        self.interface: Interface

    async def serve(self, *resources: Resource) -> None:
        """Until it has accepted or refused all of it."""
        self.control.serve({"e": snapshot(*resources)})
        await self.control.in_effect()

    async def contents(self) -> dict[str, Any]:
        return await Answers(self.control, dict).contents({"node": "e"})

    async def pushed(self) -> tuple[Pushed, ...]:
        return tuple(read((await self.contents())["resources"]))

    async def differences(self) -> list[Difference]:
        held = dump.read(await self.interface.ask("config"))
        told = await self.contents()
        unserved = [(each["type"], each["name"]) for each in told["unserved"]]
        return list(differences(Compared(read(told["resources"]), held, unserved)))

    async def settled(self) -> list[Difference]:
        """Once nothing differs: an Envoy turns to what it has accepted a moment later."""
        async with asyncio.timeout(10):
            while found := await self.differences():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)
        return found

    async def picture(self, **workloads: str) -> Picture:
        told = await self.contents()
        node = Node("e", told["kind"], await self.pushed(), told["connected"])
        releases = (await Answers(self.control, dict).status({}))["releases"]
        admins = {"e": self.interface.address}
        return await collect.picture([node], admins, workloads, releases)

    async def found(self) -> list[Told]:
        return examine(await self.picture())

    async def checks(self) -> set[str]:
        return {each.check for each in await self.found()}


@asynccontextmanager
async def sick(*resources: Resource, more: Mapping[str, Any] = NOTHING) -> AsyncIterator[Sick]:
    """An Envoy that has answered for ``resources`` and is up; ``more`` is of its bootstrap."""
    control = ControlPlane(lambda event: None)
    port = await control.start(0)
    mesh = Sick(control)
    control.serve({"e": snapshot(*resources)})
    async with running_envoy(port, "e", "Delta", more) as mesh.envoy:
        await control.in_effect()
        await mesh.envoy.until_admin()
        async with interfaces({"e": mesh.envoy.admin_address}) as found:
            mesh.interface = found["e"]
            yield mesh
    await control.stop()
