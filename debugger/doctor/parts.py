"""The parts of a node's resources that checks look at, each with the place that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from debugger.configs.pushed import Pushed
from xds_server.resource import ResourceType

Json = Mapping[str, Any]

HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of one virtual host, at ``path`` in what was pushed."""

    pushed: Pushed
    path: str
    host: str
    routes: tuple[Json, ...]

    def place(self, index: int) -> str | None:
        return self.pushed.place_of(f"{self.path}.routes[{index}]")

    def has_place(self, index: int) -> bool:
        """Whether somebody wrote it: it has a place that is not just that of all the host.

        Where nothing has a place, everything was written somewhere.
        """
        place = self.place(index)
        return place is None or place != self.pushed.place_of(self.path)


@dataclass(frozen=True, slots=True)
class Manager:
    """An HTTP connection manager at ``path`` in a listener."""

    pushed: Pushed
    path: str
    content: Json

    @property
    def prefix(self) -> str:
        """Of its stats."""
        return str(self.content.get("stat_prefix", ""))

    def filters(self) -> Iterator[tuple[str, Json]]:
        for index, each in enumerate(self.content.get("http_filters", ())):
            yield f"{self.path}.http_filters[{index}]", each


def managers(pushed: Iterable[Pushed]) -> Iterator[Manager]:
    """Of every listener; that of an API listener as well."""
    for each in pushed:
        if each.type is ResourceType.LISTENER:
            yield from _managers(each)


def _managers(pushed: Pushed) -> Iterator[Manager]:
    content = pushed.content
    chains = [
        (f"filter_chains[{i}]", each) for i, each in enumerate(content.get("filter_chains", ()))
    ]
    if "default_filter_chain" in content:
        chains.append(("default_filter_chain", content["default_filter_chain"]))
    for path, chain in chains:
        for index, each in enumerate(chain.get("filters", ())):
            config = each.get("typed_config", {})
            if is_a(config, HCM):
                yield Manager(pushed, f"{path}.filters[{index}].typed_config", config)


def tables(pushed: Iterable[Pushed]) -> Iterator[RouteTable]:
    """Every virtual host's: of route configurations, and of those within listeners."""
    held = list(pushed)
    for each in held:
        if each.type is ResourceType.ROUTE:
            yield from _tables(each, "", each.content)
        elif each.type is ResourceType.VIRTUAL_HOST:
            yield _table(each, "", each.content)
    for manager in managers(held):
        config = manager.content.get("route_config")
        if config is not None:
            yield from _tables(manager.pushed, f"{manager.path}.route_config.", config)


def _tables(pushed: Pushed, under: str, config: Json) -> Iterator[RouteTable]:
    for index, host in enumerate(config.get("virtual_hosts", ())):
        yield _table(pushed, f"{under}virtual_hosts[{index}]", host)


def _table(pushed: Pushed, path: str, host: Json) -> RouteTable:
    return RouteTable(pushed, path, str(host.get("name", "")), tuple(host.get("routes", ())))


def is_a(config: Json, message: str) -> bool:
    """Whether it is of that type, as an ``Any`` says."""
    return str(config.get("@type", "")).rpartition("/")[2] == message
