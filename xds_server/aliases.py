"""What a client means by a name: a resource itself, one of its aliases, or a host of it.

A virtual host is asked for on demand by ``<route configuration>/<host>``, the host as a request
names it; which one that is, is decided as Envoy does among the domains of one configuration (its
``VirtualHost.domains``): the whole host, then the longest suffix (``*.example.com``), the longest
prefix (``example.*``), and ``*``. (Envoy's documentation, "Virtual Host Discovery Service".)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xds_server.resource import Resource, ResourceType


class Aliases:
    """The aliases of all resources of one type."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._names: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        for each in resources:
            if each.aliases:
                self._names.update(dict.fromkeys(each.aliases, each.name))
            if each.type is ResourceType.VIRTUAL_HOST:
                self._domains.update(dict.fromkeys(each.domains, each.name))

    def __bool__(self) -> bool:
        return bool(self._names or self._domains)

    def resolve(self, asked: str) -> str | None:
        """The name of the resource that ``asked`` stands for."""
        found = self._names.get(asked)
        if found is None and self._domains:
            config, _, host = asked.rpartition("/")
            keys = (f"{config}/{domain}" for domain in _matching(host.lower()))
            found = next((self._domains[key] for key in keys if key in self._domains), None)
        return found


def _matching(host: str) -> Iterator[str]:
    """All domains that match the host, the one that Envoy prefers first."""
    yield host
    yield from (f"*{host[start:]}" for start in range(1, len(host)))
    yield from (f"{host[:end]}*" for end in range(len(host) - 1, 0, -1))
    yield "*"
