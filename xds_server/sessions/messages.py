"""What goes over a discovery stream, as nouns: requests in, responses out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SotwRequest:
    """``names`` is the whole subscription. ``error`` is set in a NACK, and only there."""

    type_url: str
    names: tuple[str, ...] = ()
    version: str = ""
    nonce: str = ""
    error: str | None = None
    node: NodeInfo | None = None


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """``holds`` are the versions that a client kept from its last stream, by name."""

    type_url: str
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    holds: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    nonce: str = ""
    error: str | None = None
    node: NodeInfo | None = None


Request = SotwRequest | DeltaRequest


class Lifetimes(Enum):
    """What a response says of how long its resources live (xDS protocol, "TTL").

    ``RENEWED``: it is a heartbeat, which says that and nothing else.
    """

    UNTOLD = auto()
    TOLD = auto()
    RENEWED = auto()

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class SotwResponse:
    type: ResourceType
    version: str
    nonce: str
    resources: tuple[Resource, ...]
    lifetimes: Lifetimes = Lifetimes.UNTOLD


@dataclass(frozen=True, slots=True)
class DeltaResponse:
    """``aliases`` are those that resources in it were asked for by; nothing has a name of
    ``unknown``, and the client is to stop waiting for it.
    """

    type: ResourceType
    version: str
    nonce: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_ALIASES)
    unknown: tuple[str, ...] = ()
    lifetimes: Lifetimes = Lifetimes.UNTOLD


Response = SotwResponse | DeltaResponse
