"""Services that others run, as files tell of them: hosts, ports, and TLS that starts at callers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_yaml.node import Node
from mesh_yaml.place import Place

HTTPS = frozenset({"HTTPS", "TLS"})
PLAIN = {"HTTP": "http", "HTTP2": "http", "GRPC": "grpc", "GRPC-WEB": "http"}


@dataclass(frozen=True, slots=True)
class Port:
    """A port by which callers know it, and the one where it listens, at single hosts another."""

    number: int
    protocol: str = "HTTP"  # in capitals
    listens: int | None = None
    at: tuple[int | None, ...] = ()  # of each host

    def of(self, host: int) -> int:
        """Where it listens at a host, by its number."""
        own = self.at[host] if host < len(self.at) else None
        return own or self.listens or self.number


@dataclass(slots=True)
class Outside:
    """What is known of one. There is one port to a service here: ``port``."""

    hosts: Sequence[Node]  # addresses, or names to look up
    ports: Sequence[Port]
    port: Port
    place: Place
    tls: Node | None = None  # that callers' plaintext leaves as TLS, and how

    @property
    def protocol(self) -> str:
        """What its callers speak; where TLS starts at their Envoys, they do so in plaintext."""
        if self.port.protocol in PLAIN:
            return PLAIN[self.port.protocol]
        return "http" if self.tls is not None else "tls" if self.port.protocol in HTTPS else "tcp"

    def originate(self, tls: Node, number: int | None = None) -> None:
        """TLS starts at its callers: of one port, or of the one that there is."""
        self.tls = tls
        self.port = next((port for port in self.ports if port.number == number), self.port)

    def tree(self) -> Node:
        """``external:`` in our own language."""
        made: dict[str, Any] = {"addresses": list(self._addresses())}
        if self.tls is not None:
            made["tls"] = self.tls
        return Node.of(made, self.place)

    def _addresses(self) -> Iterator[Node]:
        for number, host in enumerate(self.hosts):
            text = host.text()
            shown = f"[{text}]" if ":" in text else text
            yield Node(f"{shown}:{self.port.of(number)}", host.place)


def main(ports: Sequence[Port]) -> Port:
    """The port that counts: the first whose requests can be seen."""
    return next((port for port in ports if port.protocol in PLAIN), ports[0])
