"""The HTTP connection manager of a listener: its virtual hosts as tables, its filters as patterns.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mesh_patterns.importers.envoy import filters
from mesh_patterns.importers.envoy.clusters import Clusters
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.routes import NAMES, Routes
from mesh_patterns.importers.tables import Table
from mesh_yaml.node import Node

# What is so here, too, or says nothing of requests.
_USUAL = (
    "@type", "stat_prefix", "codec_type", "generate_request_id", "use_remote_address",
    "normalize_path", "server_name", "upgrade_configs",
)  # fmt: skip
_TABLE = ("name", "validate_clusters", "internal_only_headers")
# Read by each route, which comes after those above it.
_EDITS = tuple(
    f"{way}_headers_to_{what}" for way in ("request", "response") for what in ("add", "remove")
)
_INHERITED = (*_EDITS, "typed_per_filter_config", "retry_policy", "cors")


@dataclass(frozen=True, slots=True)
class Manager:
    """What it does: with requests by host, and with all of them."""

    tables: Sequence[Table]
    filters: Sequence[Node]


def read(
    message: Message, names: tuple[str, ...], secure: bool, clusters: Clusters
) -> Manager | None:
    """``names`` are those by which clients ask in TLS, if it is ``secure``. ``None`` where the
    routes are not in the file.
    """
    table = message.part("route_config")
    if table is None:
        source = "a control plane" if message.get("rds") else "nowhere in the file"
        text = f"{message.owner} is left out: its routes come from {source}"
        message.notes.warn(message.place, text)
        return None
    made = filters.patterns(message.parts("http_filters"), clusters)
    tables = list(_tables(table, names, secure, clusters))
    whole = names or ("*",)
    if not tables or (made and not any(set(whole) <= {*each.names} for each in tables)):
        tables.append(Table(whole, (), message.node, message.owner))
    if made:  # they see requests that nobody wants, too, but in a route of ours only
        tables = [replace(each, rules=_closed(each)) for each in tables]
    tables = [replace(each, rules=each.rules or (_nothing(each),)) for each in tables]
    message.ignore(*_USUAL)
    message.rest()
    return Manager(tables, made)


def _tables(
    table: Message, names: tuple[str, ...], secure: bool, clusters: Clusters
) -> Iterator[Table]:
    for host in table.parts("virtual_hosts"):
        title = f"virtual host {host.text('name')!r}"
        yield _table(host.within(host.node, title), table, names, secure, clusters)
    table.ignore(*_TABLE, *_INHERITED)
    table.rest("route_config.")


def _table(
    host: Message, table: Message, names: tuple[str, ...], secure: bool, clusters: Clusters
) -> Table:
    reader = Routes(clusters, host, table)
    rules = []
    for number, node in enumerate(host.list("routes"), 1):
        name = node.get("name")
        which = repr(name.text()) if name is not None and name.value else str(number)
        rule = reader.rule(host.within(node, f"route {which} of {host.owner}"))
        if rule is not None:
            rules.append(rule)
    if host.word("require_tls", "NONE") != "NONE" and not secure:
        rules = [Node.of({"redirect": {"scheme": "https"}}, host.place)]
    domains = _domains(host.list("domains"))
    host.ignore(*NAMES, *_INHERITED, "include_request_attempt_count")
    host.rest()
    under = names if names and domains in ((), ("*",)) else domains or ("*",)
    return Table(under, tuple(rules), host.node, host.owner)


def _closed(table: Table) -> tuple[Node, ...]:
    """With a rule for all requests at the end."""
    if table.rules and table.rules[-1].get("match") is None:
        return table.rules
    return (*table.rules, _nothing(table))


def _nothing(table: Table) -> Node:
    return Node.of({"respond": {"status": 404}}, table.node.key or table.node.place)


def _domains(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Ours are for any port, too, so one with a port counts where there is none without."""
    texts = [node.text().lower() for node in nodes]
    bare = {text.removesuffix(":*") for text in texts}
    found = (
        text
        for text in (text.removesuffix(":*") for text in texts)
        if not (text.rpartition(":")[2].isdigit() and text.rpartition(":")[0] in bare)
    )
    return tuple(dict.fromkeys(found))
