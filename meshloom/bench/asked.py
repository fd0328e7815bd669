"""What is to be measured: of options, or of a config of SMP, and options win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_yaml import yaml
from mesh_yaml.place import DocumentError, Place
from mini_mesh.load.aim import Message, State, to_mesh, to_url
from mini_mesh.load.load import Arrivals, Edge, Load

if TYPE_CHECKING:
    from mini_mesh.smp.messages import Client, PerformanceTestConfig

RATE, CONNECTIONS, SECONDS = 100.0, 16, 10.0
WARM_UP = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """``to`` are edges and services in words, ``urls`` URLs; ``inside``: from inside of the mesh,
    not through its ingress. None where nobody has said: then it is the usual."""

    name: str = ""
    to: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    message: Message = Message()
    rate: float | None = None
    connections: int | None = None
    seconds: float | None = None
    warm_up: float | None = None
    arrivals: Arrivals = "constant"
    timeout: float = 10.0
    seed: int = 0
    inside: bool = False
    generator: str = ""

    def edges(self, state: State | None) -> tuple[Edge, ...]:
        """Raises ``LoadError``."""
        urls = [to_url(state, url, self.message, self.inside) for url in self.urls]
        if state is None or (urls and not self.to):
            return tuple(urls)
        return (*to_mesh(state, self.to, self.message), *urls)

    def load(self, state: State | None) -> Load:
        """Raises ``LoadError``."""
        return Load(
            self.edges(state),
            self.rate or RATE,
            self.seconds or SECONDS,
            self.connections or CONNECTIONS,
            WARM_UP if self.warm_up is None else self.warm_up,
            self.arrivals,
            self.timeout,
            self.seed,
        )


def sorted_files(files: Sequence[Path]) -> tuple[list[Path], list[PerformanceTestConfig]]:
    """Those that describe a mesh, and what configs of SMP among them say.

    Raises ``DocumentError``: a file of SMP that is no config.
    """
    from mini_mesh.smp.messages import PerformanceTestConfig
    from mini_mesh.smp.read import is_smp, told

    meshes: list[Path] = []
    configs: list[PerformanceTestConfig] = []
    for path in files:
        nodes = yaml.read(path)
        if not nodes or not all(is_smp(node) for node in nodes):
            meshes.append(path)
            continue
        found = [each for node in nodes for each in told(node)]
        of_tests = [each for each in found if isinstance(each, PerformanceTestConfig)]
        if not of_tests:
            raise DocumentError.at(Place(str(path)), "no config of a test: SMP's 'clients'")
        configs += of_tests
    return meshes, configs


def with_config(asked: Asked, config: PerformanceTestConfig) -> Asked:
    """What a config says, under what is asked for. Its clients are one load: their rates and
    connections add up, and the rest is the first one's.

    Raises ``DocumentError`` for what can't be sent, at its line.
    """
    if not config.clients:
        raise DocumentError.at(config.place(), "a config without clients")
    for number, client in enumerate(config.clients):
        _check(config, number, client)
    first = config.clients[0]
    own = asked.message
    message = replace(
        own,
        headers=(*_headers(first), *own.headers),
        body=own.body or first.body.encode(),
        method="POST" if first.body and own.method == "GET" else own.method,
    )
    urls = dict.fromkeys(url for client in config.clients for url in client.endpoint_urls)
    more: dict[str, Any] = {
        "rate": asked.rate or float(sum(each.rps for each in config.clients)) or None,
        "connections": asked.connections or sum(it.connections for it in config.clients) or None,
        "seconds": asked.seconds or _seconds(config),
    }
    return replace(
        asked,
        name=asked.name or config.name,
        urls=asked.urls or (() if asked.to else tuple(urls)),
        message=message,
        inside=first.internal,
        generator=asked.generator or first.load_generator,
        **more,
    )


def _check(config: PerformanceTestConfig, number: int, client: Client) -> None:
    if client.protocol not in ("PROTOCOL_INVALID", "PROTOCOL_HTTP"):
        what, field = client.protocol.removeprefix("PROTOCOL_").lower(), "protocol"
    elif client.ssl_certificate:
        what, field = "TLS", "ssl_certificate"
    else:
        return
    place = config.place("clients", number, field)
    raise DocumentError.at(place, f"{what} can't be sent: only plain http")


def _headers(client: Client) -> tuple[tuple[str, str], ...]:
    found = [*client.headers.items()]
    if client.cookies:
        pairs = (f"{name}={value}" for name, value in client.cookies.items())
        found.append(("cookie", "; ".join(pairs)))
    if client.content_type:
        found.append(("content-type", client.content_type))
    return tuple(found)


def _seconds(config: PerformanceTestConfig) -> float | None:
    from mesh_yaml.values import parse_duration

    if not config.duration:
        return None
    try:
        return parse_duration(config.duration).total_seconds()
    except ValueError as error:
        raise DocumentError.at(config.place("duration"), str(error)) from error
