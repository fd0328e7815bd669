"""The door for clients that poll: discovery as JSON over HTTP, one request after the other.

Rules (xDS protocol, "REST-JSON polling subscriptions"): a request names its type by its path and
all resources that it wants; there are no nonces, no aggregated requests and no Delta. A request
that names the version it would be sent again is answered by 304 without a body.

What is wanted is decided by a SotW session that lives for one request. A resource's JSON is made
once, when it is first asked for. What it says to come over ADS comes from here, too: its config
sources are changed into polls of the client's cluster ``Polling.cluster``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import web

from xds_server import mirror
from xds_server.cache import Cache
from xds_server.errors import RemoteXdsError, WireError
from xds_server.node import GroupOf, NodeInfo, by_node_id
from xds_server.resource import Resource, ResourceType, short_hash
from xds_server.sessions.messages import SotwRequest, SotwResponse
from xds_server.sessions.sotw import SotwSession

_NOUNS: Mapping[ResourceType, str] = {
    ResourceType.CLUSTER: "clusters",
    ResourceType.ENDPOINT: "endpoints",
    ResourceType.LISTENER: "listeners",
    ResourceType.ROUTE: "routes",
    ResourceType.SCOPED_ROUTE: "scoped-routes",
    ResourceType.SECRET: "secrets",
    ResourceType.RUNTIME: "runtime",
    ResourceType.EXTENSION_CONFIG: "extension_configs",
}


@dataclass(frozen=True, slots=True)
class Polling:
    """How clients come back for what their resources refer to.

    ``cluster``: what their bootstraps call the cluster that leads here. ``every``: how long they
    wait from an answer to the next request, in seconds.
    """

    cluster: str = "xds"
    every: float = 1.0

    def source(self) -> dict[str, Any]:
        """A ``ConfigSource`` in JSON."""
        api = {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [self.cluster],
            "refresh_delay": f"{self.every:g}s",
        }
        return {"api_config_source": api, "resource_api_version": "V3"}

    def instead_of_ads(self, value: Any) -> Any:
        """The same JSON; each config source that says ADS says to poll."""
        if isinstance(value, list):
            return [self.instead_of_ads(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get("ads") == {} and value.keys() <= _OF_A_SOURCE:
            return self.source()
        return {name: self.instead_of_ads(each) for name, each in value.items()}


_OF_A_SOURCE = {"ads", "resource_api_version", "initial_fetch_timeout", "authorities"}

OnPoll = Callable[[ResourceType, int], None]


def _ignore(kind: ResourceType, status: int) -> None:
    """Nobody asked to be told."""


def application(
    cache: Cache, group_of: GroupOf = by_node_id, polling: Polling = Polling()
) -> web.Application:
    """Serves the snapshots of ``cache``; it has to run on the loop that the cache belongs to."""
    app = web.Application()
    app.add_routes(routes(cache, group_of, polling=polling))
    return app


def routes(
    cache: Cache,
    group_of: GroupOf = by_node_id,
    on_poll: OnPoll = _ignore,
    polling: Polling = Polling(),
) -> Iterator[web.RouteDef]:
    """The same for an application of one's own; ``on_poll`` is told each answer's status."""
    shown = Shown(polling)
    for kind, noun in _NOUNS.items():
        poll = _Poll(kind, cache, group_of, shown, on_poll)
        yield web.post(f"/v3/discovery:{noun}", poll.answer)


class Shown:
    """Resources as JSON: each is written once, and forgotten when nobody serves it any more."""

    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._texts: WeakKeyDictionary[Resource, str] = WeakKeyDictionary()

    def text(self, resource: Resource) -> str:
        kept = self._texts.get(resource)
        if kept is None:
            url = resource.type.type_url
            rendered = mirror.render(url, resource.body, secrets=True)
            kept = json.dumps({"@type": url, **self._polling.instead_of_ads(rendered)})
            self._texts[resource] = kept
        return kept


class _Poll:
    """Answers the requests about one type."""

    def __init__(
        self,
        kind: ResourceType,
        cache: Cache,
        group_of: GroupOf,
        shown: Shown,
        on_poll: OnPoll,
    ) -> None:
        self._kind = kind
        self._cache = cache
        self._group_of = group_of
        self._shown = shown
        self._on_poll = on_poll

    async def answer(self, http: web.Request) -> web.Response:
        response = self._answered(await http.read())
        self._on_poll(self._kind, response.status)
        return response

    def _answered(self, data: bytes) -> web.Response:
        try:
            request = parse(data, self._kind)
            assert request.node
            group = self._group_of(request.node)
        except RemoteXdsError as error:
            return web.Response(status=400, text=str(error))
        snapshot = self._cache.get(group)
        if snapshot is None:
            return web.Response(status=503, text="there is no snapshot for this node")
        session = SotwSession(request.node, time.time)
        session.update(snapshot)
        outputs = session.receive(SotwRequest(request.type_url, request.names))
        sent = [each.resources for each in outputs if isinstance(each, SotwResponse)]
        return self._response(sent[0] if sent else (), request.version)

    def _response(self, resources: tuple[Resource, ...], held: str) -> web.Response:
        lines = (f"{each.name}\0{each.version}\n" for each in resources)
        version = short_hash("".join(lines).encode())
        if version == held:
            return web.Response(status=304)
        head = json.dumps({"version_info": version, "type_url": self._kind.type_url})
        parts = ",".join(map(self._shown.text, resources))
        text = f'{head[:-1]}, "resources": [{parts}]}}'
        return web.Response(text=text, content_type="application/json")


def parse(data: bytes, kind: ResourceType) -> SotwRequest:
    """A ``DiscoveryRequest`` in JSON, with Envoy's field names.

    Raises ``WireError`` for what is no such request, is about another type or names no node.
    """
    try:
        request = json.loads(data)
        node = _node(request["node"])
        names = tuple(map(str, request.get("resource_names", ())))
        version, given = str(request.get("version_info", "")), request.get("type_url", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"{len(data)} bytes are no DiscoveryRequest with a node") from error
    if given not in ("", kind.type_url):
        raise WireError(f"requests of {kind.title}: got one of {given!r}")
    return SotwRequest(kind.type_url, names, version, node=node)


def _node(node: Mapping[str, Any]) -> NodeInfo:
    place = node.get("locality", {})
    return NodeInfo(
        id=str(node["id"]),
        cluster=str(node.get("cluster", "")),
        region=str(place.get("region", "")),
        zone=str(place.get("zone", "")),
        sub_zone=str(place.get("sub_zone", "")),
        user_agent_name=str(node.get("user_agent_name", "")),
    )
