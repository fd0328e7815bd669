"""Discovery requests and responses as bytes.

Requests are parsed by protobuf's C core straight into the small nouns of ``messages.py``.
Responses are put together from bytes that exist already: two serialised parts of one protobuf
message, one after the other, are that message (protobuf encoding, "Last One Wins"), so a response
is its shared part, made once for all streams, and its nonce.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from xds_server import mirror, protos
from xds_server.errors import WireError
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.messages import (
    DeltaRequest,
    DeltaResponse,
    Lifetimes,
    Response,
    SotwRequest,
    SotwResponse,
)

MAX_SHARED_BYTES = 64 * 2**20  # of SotW responses that are kept for others; the oldest make room

MAX_SHARED = 1_024  # of their number
_FEW = 8  # resources: of so few it costs nothing to tell them apart one by one

_SharedKey = tuple[ResourceType, str, int | tuple[int, ...], tuple[str, ...] | None, Lifetimes]
_R = TypeVar("_R", SotwResponse, DeltaResponse)
_WRAPPER = mirror.type_url_of(protos.discovery.Resource)


def parse_sotw(data: bytes, kind: ResourceType | None = None) -> SotwRequest:
    """A request; ``kind`` is the type that its stream is about, ``None`` on an aggregated stream.

    Raises ``WireError`` for bytes that are no ``DiscoveryRequest``, for a request of another type
    than the stream's, and for one without a type_url where the stream has none.
    """
    request = mirror.parse(protos.discovery.DiscoveryRequest, data)
    return SotwRequest(
        type_url=_type_url(request, kind),
        names=_names(request.resource_names, request.resource_locators),
        version=request.version_info,
        nonce=request.response_nonce,
        error=_error(request),
        node=node_of(request),
    )


def parse_delta(data: bytes, kind: ResourceType | None = None) -> DeltaRequest:
    """As ``parse_sotw``, for a ``DeltaDiscoveryRequest``."""
    request = mirror.parse(protos.discovery.DeltaDiscoveryRequest, data)
    return DeltaRequest(
        type_url=_type_url(request, kind),
        subscribe=_names(request.resource_names_subscribe, request.resource_locators_subscribe),
        unsubscribe=_names(
            request.resource_names_unsubscribe, request.resource_locators_unsubscribe
        ),
        holds=MappingProxyType(dict(request.initial_resource_versions)),
        nonce=request.response_nonce,
        error=_error(request),
        node=node_of(request),
    )


def _names(names: Iterable[str], locators: Iterable[Any]) -> tuple[str, ...]:
    """A locator is a name with parameters that a server may choose by; ours does not."""
    return (*names, *(each.name for each in locators))


def _type_url(request: Any, kind: ResourceType | None) -> str:
    """On a stream of one type, the type goes without saying."""
    given: str = request.type_url
    if kind is None and not given:
        raise WireError("a request on an aggregated stream has no type_url")
    if kind is not None and given not in ("", kind.type_url):
        raise WireError(f"a stream of {kind.title}: got a request of {given!r}")
    return kind.type_url if kind else given


def _error(request: Any) -> str | None:
    """A NACK is told by the presence of ``error_detail`` alone."""
    return request.error_detail.message if request.HasField("error_detail") else None


def node_of(request: Any) -> NodeInfo | None:
    """Who a request says that it is from; the first one of each stream has to."""
    if not request.HasField("node"):
        return None
    node = request.node
    return NodeInfo(
        id=node.id,
        cluster=node.cluster,
        region=node.locality.region,
        zone=node.locality.zone,
        sub_zone=node.locality.sub_zone,
        user_agent_name=node.user_agent_name,
        client_features=tuple(node.client_features),
    )


class Encoder:
    """Builds responses; one for all streams of a server, so that they share what is the same."""

    def __init__(self) -> None:
        sotw, delta = protos.discovery.DiscoveryResponse, protos.discovery.DeltaDiscoveryResponse
        self._sotw: Any = mirror.mirror_class(sotw)
        self._delta: Any = mirror.mirror_class(delta)
        self._resource: Any = mirror.mirror_class(protos.discovery.Resource)
        self._shared: dict[_SharedKey, tuple[tuple[Resource, ...], bytes]] = {}
        self._shared_bytes = 0
        self._entries: WeakKeyDictionary[Resource, bytes] = WeakKeyDictionary()

    def encode(self, response: Response) -> bytes:
        return b"".join(self.parts(response))

    def parts(self, response: Response) -> tuple[bytes, bytes]:
        """A response in two: what other streams are sent as well, and what is its own.

        Put together only when it is written, it takes no room while it waits.
        """
        nonce = _nonce(response.nonce)
        if isinstance(response, SotwResponse):
            return self._shared_part(response, self._sotw_part), nonce
        if response.aliases or response.unknown:
            return self._delta_part(response), nonce
        return self._shared_part(response, self._delta_part), nonce

    def _shared_part(self, response: _R, build: Callable[[_R], bytes]) -> bytes:
        """All but the nonce, once for all streams that are sent the same resources.

        A parcel of many resources is the same object for all of them.
        """
        given = response.resources
        which = id(given) if len(given) > _FEW else tuple(map(id, given))
        removed = response.removed if isinstance(response, DeltaResponse) else None
        key = response.type, response.version, which, removed, response.lifetimes
        kept = self._shared.get(key)
        if kept is None:
            # the resources are kept beside the bytes: as long as they live, so do their ids
            kept = given, build(response)
            self._keep(key, kept)
        return kept[1]

    def _keep(self, key: _SharedKey, kept: tuple[tuple[Resource, ...], bytes]) -> None:
        self._shared[key] = kept
        self._shared_bytes += len(kept[1])
        while self._shared_bytes > MAX_SHARED_BYTES or len(self._shared) > MAX_SHARED:
            _, dropped = self._shared.pop(next(iter(self._shared)))
            self._shared_bytes -= len(dropped)

    def _sotw_part(self, response: SotwResponse) -> bytes:
        message = self._sotw(version_info=response.version, type_url=response.type.type_url)
        for each in response.resources:
            if response.lifetimes is Lifetimes.UNTOLD or each.ttl is None:
                message.resources.add(type_url=each.type.type_url, value=each.body)
            else:
                wrapped = self._resource()
                self._fill(wrapped, each, each.aliases, response.lifetimes)
                wrapped.version = response.version  # Envoy knows a heartbeat by it
                message.resources.add(type_url=_WRAPPER, value=wrapped.SerializeToString())
        return message.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped

    def _delta_part(self, response: DeltaResponse) -> bytes:
        head = self._delta(
            system_version_info=response.version,
            type_url=response.type.type_url,
            removed_resources=response.removed,
        ).SerializeToString()
        entries = (self._entry(each, response) for each in response.resources)
        return b"".join([head, *entries, *map(self._unknown, response.unknown)])

    def _entry(self, resource: Resource, response: DeltaResponse) -> bytes:
        """The part of a Delta response that one resource is."""
        asked_by, lifetimes = response.aliases.get(resource.name), response.lifetimes
        if asked_by or (resource.ttl is not None and lifetimes is not Lifetimes.UNTOLD):
            return self._new_entry(resource, asked_by or resource.aliases, lifetimes)
        entry = self._entries.get(resource)
        if entry is None:
            entry = self._new_entry(resource, resource.aliases, Lifetimes.UNTOLD)
            self._entries[resource] = entry
        return entry

    def _new_entry(
        self, resource: Resource, aliases: tuple[str, ...], lifetimes: Lifetimes
    ) -> bytes:
        message = self._delta()
        self._fill(message.resources.add(), resource, aliases, lifetimes)
        return message.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped

    def _fill(
        self, filled: Any, resource: Resource, aliases: tuple[str, ...], lifetimes: Lifetimes
    ) -> None:
        filled.name, filled.version = resource.name, resource.version
        filled.aliases.extend(aliases)
        if lifetimes is not Lifetimes.RENEWED:
            filled.resource.type_url = resource.type.type_url
            filled.resource.value = resource.body
        if lifetimes is not Lifetimes.UNTOLD and resource.ttl is not None:
            filled.ttl.FromNanoseconds(round(resource.ttl * 1e9))

    def _unknown(self, name: str) -> bytes:
        """Nothing has this name: a resource without a body, whose alias it is."""
        message = self._delta()
        message.resources.add(name=name, aliases=[name])
        return message.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped


@functools.lru_cache(maxsize=4096)
def _nonce(nonce: str) -> bytes:
    """The field in bytes; in both variants it is the same, and most streams' are small numbers."""
    sotw = mirror.mirror_class(protos.discovery.DiscoveryResponse)
    return sotw(nonce=nonce).SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped
