from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

DB = service("db") + service("db-2").replace("app: db-2, version: v1", "app: db, version: v2")


def subsets() -> str:
    return """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db}
spec: {host: db, subsets: [{name: a, labels: {version: v1}}, {name: b, labels: {version: v2}}]}
"""


def route(spec: str, name: str = "x") -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec: {spec}
"""


def gateway(hosts: str, port: str, tls: str = "{}") -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: edge}}
spec: {{servers: [{{hosts: {hosts}, port: {port}, tls: {tls}}}]}}
"""


TO = (
    "route: [{destination: {host: db, subset: a}, weight: 1},"
    " {destination: {host: db, subset: b}, weight: 2}]"
)


def test_connections_are_shared_out_for_all_callers(imported: Import, told: Told) -> None:
    text = route(f"{{hosts: [db], tcp: [{{match: [{{port: 80, sourceLabels: {{a: b}}}}], {TO}}}]}}")
    draft = imported(DB, subsets(), text)
    assert draft.mesh.services["db"].protocol == "tcp"
    split = draft.edges["client", "db"].split
    assert split is not None
    assert [(str(each.target), each.weight) for each in split.value] == [
        ("db/v1", 33),
        ("db/v2", 67),
    ]
    lines = "\n".join(told(draft))
    assert "weights of connections in hundredths" in lines
    assert "not imported yet: tcp.match.sourceLabels" in lines


def test_a_tcp_port_of_a_gateway_is_one_of_the_ingress(imported: Import) -> None:
    text = route(f"{{hosts: ['*'], gateways: [edge], tcp: [{{match: [{{port: 31400}}], {TO}}}]}}")
    draft = imported(DB, subsets(), gateway("['*']", "{number: 31400, protocol: TCP}"), text)
    ingress = draft.mesh.services["db"].ingress
    assert ingress is not None
    assert (ingress.hosts, draft.mesh.services["db"].protocol) == (("*",), "tcp")
    assert draft.edges["ingress", "db"].split is not None
    assert draft.edges["client", "db"].split is None


def test_tls_that_passes_is_told_apart_by_name(imported: Import, told: Told) -> None:
    names = "match: [{port: 443, sniHosts: [a.com, b.org]}]"
    to = "route: [{destination: {host: db}}]"
    text = route(f"{{hosts: [a.com], gateways: [edge], tls: [{{{names}, {to}}}]}}")
    passed = gateway("['*.com', a.com]", "{protocol: TLS}", "{mode: PASSTHROUGH}")
    draft = imported(DB, passed, text)
    ingress = draft.mesh.services["db"].ingress
    assert ingress is not None
    assert (ingress.hosts, draft.mesh.services["db"].protocol) == (("a.com",), "tls")
    ended = gateway("['*.com']", "{protocol: HTTPS}", "{mode: SIMPLE}")
    draft = imported(DB, ended, text)
    assert draft.mesh.services["db"].ingress is None
    assert any("no gateway passes TLS for these sniHosts on" in line for line in told(draft))


def test_of_two_rules_for_a_service_the_first_counts(imported: Import, told: Told) -> None:
    rules = f"{{hosts: [db], tcp: [{{{TO}}}, {{route: [{{destination: {{host: db}}}}]}}]}}"
    draft = imported(DB, subsets(), route(rules))
    assert draft.edges["client", "db"].split is not None
    assert any("'db' has a rule for connections at 3.yaml" in line for line in told(draft))


def test_a_service_of_our_own_stays_what_it_is(imported: Import) -> None:
    mine = "mesh: {services: {db: {protocol: tcp, ingress: 1234}}}\n"
    text = route("{hosts: [db], tcp: [{route: [{destination: {host: db}}]}]}")
    draft = imported(mine, text)
    assert draft.mesh.services["db"].protocol == "tcp"
