"""Which virtual host answers for a host: exact names first, then the longest wildcard.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-virtualhost-domains
"""

from __future__ import annotations

from typing import Any

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.arriving.manager import host_and_port
from debugger.routing.conditions.texts import ascii_lower
from debugger.routing.decision import HostChoice, HostKind

_SHOWN: dict[HostKind, str] = {
    "exact": "exact",
    "suffix": "by its suffix",
    "prefix": "by its prefix",
    "any": "no other virtual host has that name",
}
Place = tuple[int, int]  # of a virtual host, and of a domain in it


class Domains:
    """The domains of a ``RouteConfiguration``, ready to be asked."""

    def __init__(self, config: Any) -> None:
        self._header = config.vhost_header.lower()
        self._ignore_port = config.ignore_port_in_host_matching
        self._names = [host.name for host in config.virtual_hosts]
        self._domains = [list(host.domains) for host in config.virtual_hosts]
        self._exact: dict[str, Place] = {}
        self._suffixes: dict[int, dict[str, Place]] = {}
        self._prefixes: dict[int, dict[str, Place]] = {}
        self._any: Place | None = None
        for i, domains in enumerate(self._domains):
            for j, domain in enumerate(domains):
                self._add(ascii_lower(domain), (i, j))
        self._suffixes = dict(sorted(self._suffixes.items(), reverse=True))
        self._prefixes = dict(sorted(self._prefixes.items(), reverse=True))

    def _add(self, domain: str, place: Place) -> None:
        """Envoy refuses a table that has a domain twice; here the first stays."""
        if domain == "*":
            self._any = self._any or place
        elif domain.startswith("*"):
            self._suffixes.setdefault(len(domain) - 1, {}).setdefault(domain[1:], place)
        elif domain.endswith("*"):
            self._prefixes.setdefault(len(domain) - 1, {}).setdefault(domain[:-1], place)
        else:
            self._exact.setdefault(domain, place)

    def find(self, arrival: Arrival) -> tuple[HostChoice | None, str, str]:
        """The virtual host, what was looked for, and in words why it is this one or none."""
        host = self._host(arrival)
        if not (self._exact or self._suffixes or self._prefixes):
            if self._any is None:
                return None, host or "", "there is no virtual host"
            return self._choice("any", self._any, host or ""), host or "", self._why("any", host)
        if host is None:
            return None, "", f"header {self._header}, which names the virtual host, is absent"
        kind, place = self._look(host)
        if place is None:
            return None, host, f"no virtual host answers for {host!r}"
        return self._choice(kind, place, host), host, self._why(kind, host)

    def _host(self, arrival: Arrival) -> str | None:
        host = arrival.request.authority
        if self._header:
            given = arrival.values(self._header)
            if not given:
                return None
            host = given[0]
        return ascii_lower(host_and_port(host)[0] if self._ignore_port else host)

    def _look(self, host: str) -> tuple[HostKind, Place | None]:
        if host in self._exact:
            return "exact", self._exact[host]
        for length, known in self._suffixes.items():
            if length < len(host) and host[len(host) - length :] in known:
                return "suffix", known[host[len(host) - length :]]
        for length, known in self._prefixes.items():
            if length < len(host) and host[:length] in known:
                return "prefix", known[host[:length]]
        return "any", self._any

    def _choice(self, kind: HostKind, place: Place, host: str) -> HostChoice:
        i, j = place
        return HostChoice(
            index=i,
            name=self._names[i],
            domain=self._domains[i][j],
            kind=kind,
            path=f"virtual_hosts[{i}]",
            domain_path=f"virtual_hosts[{i}].domains[{j}]",
            why=self._why(kind, host),
        )

    def _why(self, kind: HostKind, host: str | None) -> str:
        return f"host {host or ''!r} ({_SHOWN[kind]})"
