"""One named piece of Envoy's configuration: serialised once, versioned by its content."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from xds_server import mirror, protos
from xds_server.deadly import check_not_deadly
from xds_server.errors import ResourceError
from xds_server.references import Reference, references_of

WILDCARD = "*"


class ResourceType(Enum):
    """What a discovery service serves; the order is that in which changes are pushed.

    Make before break (xDS protocol, "Eventual consistency considerations"): clusters and what they
    need come before the listeners and routes that send traffic to them. Each has the name of its
    message and of the field that holds a resource's name.
    """

    CLUSTER = "envoy.config.cluster.v3.Cluster", "name"
    ENDPOINT = "envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name"
    SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret", "name"
    EXTENSION_CONFIG = "envoy.config.core.v3.TypedExtensionConfig", "name"
    LISTENER = "envoy.config.listener.v3.Listener", "name"
    ROUTE = "envoy.config.route.v3.RouteConfiguration", "name"
    SCOPED_ROUTE = "envoy.config.route.v3.ScopedRouteConfiguration", "name"
    VIRTUAL_HOST = "envoy.config.route.v3.VirtualHost", "name"
    RUNTIME = "envoy.service.runtime.v3.Runtime", "name"

    __hash__ = object.__hash__  # there is one of each, and no table is asked more often

    def __init__(self, message: str, name_field: str) -> None:
        self.type_url = f"type.googleapis.com/{message}"
        self.message = message
        self.name_field = name_field

    @property
    def title(self) -> str:
        """The message's own name: ``RouteConfiguration``."""
        return self.message.rpartition(".")[2]

    @classmethod
    def of(cls, type_url: str) -> ResourceType | None:
        return _BY_TYPE_URL.get(type_url)


_BY_TYPE_URL: Mapping[str, ResourceType] = {each.type_url: each for each in ResourceType}

# In these two, a SotW response says all that there is: what it leaves out is deleted
# (xDS protocol, "Grouping resources into responses").
FULL_STATE: Collection[ResourceType] = (ResourceType.CLUSTER, ResourceType.LISTENER)

# Of these, a SotW client takes a response for all that there is. Scoped routes are not on the
# protocol's list, but Envoy removes those that a response leaves out.
SENT_WHOLE: Collection[ResourceType] = (*FULL_STATE, ResourceType.SCOPED_ROUTE)

MIN_TTL, MAX_TTL = 0.1, 365 * 86_400.0  # seconds

NO_ORIGINS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Resource:
    """A resource as it is sent: ``body`` is its message's bytes, ``version`` a hash of them.

    ``origins`` tell which place of a source file made what: a field path (``""`` is the whole
    resource, ``"virtual_hosts[0].routes[1]"`` a part of it) to ``"canary.yaml:14:22"``. They are no
    part of its content: a resource that merely moved in its file is equal to what it was.
    ``aliases`` are further names that a Delta client may ask for it by. A client that is not told
    of it any more for ``ttl`` seconds drops it (xDS protocol, "TTL"), if it knows of such things.
    """

    type: ResourceType
    name: str
    body: bytes = field(repr=False)
    version: str
    origins: Mapping[str, str] = field(
        default_factory=lambda: NO_ORIGINS, compare=False, repr=False
    )
    aliases: tuple[str, ...] = ()
    ttl: float | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name == WILDCARD:
            raise ResourceError(f"{self.type.title}: got the name {self.name!r}, wanted one")
        if self.ttl is not None and not MIN_TTL <= self.ttl <= MAX_TTL:
            raise ResourceError(
                f"{self.type.title} {self.name!r}: got a ttl of {self.ttl} s, "
                f"wanted {MIN_TTL} to {MAX_TTL:.0f} s"
            )

    @classmethod
    def of(
        cls,
        message: protos.Message,
        *,
        version: str = "",
        origins: Mapping[str, str] = NO_ORIGINS,
        ttl: float | None = None,
    ) -> Resource:
        """The resource that ``message`` is; type and name are read from it.

        Its ``version`` is a hash of its content, or what is given. A version of one's own has to
        change whenever the content or the ``ttl``, in seconds, does: what has the version that a
        client holds is not sent.

        Raises ``ResourceError`` for a message that no discovery service serves or that has no name,
        ``MessageError`` for one that can not be serialised.
        """
        kind = ResourceType.of(mirror.type_url_of(type(message)))
        if kind is None:
            raise ResourceError(f"{type(message).__name__}: no discovery service serves this type")
        name, body = getattr(message, kind.name_field), mirror.serialize(message)
        return cls.of_bytes(kind, name, body, version=version, origins=origins, ttl=ttl)

    @classmethod
    def of_any(
        cls,
        packed: protos.protobuf.Any,
        name: str,
        *,
        version: str = "",
        origins: Mapping[str, str] = NO_ORIGINS,
        ttl: float | None = None,
    ) -> Resource:
        """The resource in an ``Any``, whose bytes are served as they are; see :meth:`of`.

        Raises ``ResourceError`` for a type that no discovery service serves.
        """
        kind = ResourceType.of(packed.type_url)
        if kind is None:
            raise ResourceError(f"{packed.type_url!r}: no discovery service serves this type")
        return cls.of_bytes(kind, name, packed.value, version=version, origins=origins, ttl=ttl)

    @classmethod
    def of_bytes(
        cls,
        kind: ResourceType,
        name: str,
        body: bytes,
        *,
        version: str = "",
        origins: Mapping[str, str] = NO_ORIGINS,
        ttl: float | None = None,
    ) -> Resource:
        """A resource from bytes that are serialised already; see :meth:`of`.

        Raises ``ResourceError`` for a config that Envoy would not survive, with its field.
        """
        check_not_deadly(kind.type_url, name, body)
        content = body if ttl is None else body + f"\0{ttl}".encode()
        version = version or short_hash(content)
        return cls(kind, name, body, version, MappingProxyType(dict(origins)), ttl=ttl)

    @functools.cached_property
    def references(self) -> frozenset[Reference]:
        """The resources that this one names and needs, each with what it is needed for."""
        return references_of(self.type.message, self.name, self.body)

    @functools.cached_property
    def clusters(self) -> frozenset[str]:
        """The clusters that this resource sends traffic to."""
        wanted = ResourceType.CLUSTER.message
        return frozenset(each.name for each in self.references if each.message == wanted)

    @functools.cached_property
    def domains(self) -> tuple[str, ...]:
        """What a virtual host answers to, as a client asks for it on demand; else nothing."""
        if self.type is not ResourceType.VIRTUAL_HOST:
            return ()
        host = mirror.parse(protos.route.VirtualHost, self.body)
        config = self.name.rpartition("/")[0]
        return tuple(f"{config}/{domain.lower()}" for domain in host.domains)

    def known_as(self, *aliases: str) -> Resource:
        """The same resource, which a Delta client may ask for by these names too."""
        version = short_hash("\0".join([self.version, *aliases]).encode())
        return replace(self, aliases=aliases, version=version)

    def place_of(self, field_path: str) -> str | None:
        """Where the field came from: the origin of the longest part of its path that has one."""
        parts = re.findall(r"\[[^\]]*\]|\.?[^.\[]+", field_path)
        for length in range(len(parts), -1, -1):
            place = self.origins.get("".join(parts[:length]))
            if place is not None:
                return place
        return None


def short_hash(content: bytes) -> str:
    """Twelve hex digits: the chance that two versions of one resource clash is one in 10¹⁴."""
    return hashlib.blake2b(content, digest_size=6).hexdigest()
