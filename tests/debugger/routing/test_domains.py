from __future__ import annotations

import pytest

from debugger.routing.table import RouteTable
from tests.debugger.routing.made import answers, decide, request
from xds_server.mirror import serialize
from xds_server.protos import route

DOMAINS = (
    "*",
    "a.com",
    "*.com",
    "*.b.com",
    "*-x.b.com",
    "shop.*",
    "shop.eu.*",
    "a.com:80",
    "[::1]",
)


def hosts(*domains: str, **config: str | bool) -> RouteTable:
    each = [
        route.VirtualHost(name=domain, domains=[domain], routes=[answers()]) for domain in domains
    ]
    return RouteTable.of(serialize(route.RouteConfiguration(virtual_hosts=each, **config)))


@pytest.mark.parametrize(
    ("host", "domain", "kind"),
    [
        ("a.com", "a.com", "exact"),
        ("A.COM", "a.com", "exact"),
        ("a.com:80", "a.com:80", "exact"),
        ("a.com:81", "*", "any"),
        ("z.com", "*.com", "suffix"),
        ("z.b.com", "*.b.com", "suffix"),
        ("y-x.b.com", "*-x.b.com", "suffix"),
        (".b.com", "*.com", "suffix"),
        ("shop.de", "shop.*", "prefix"),
        ("shop.eu.de", "shop.eu.*", "prefix"),
        ("shop.com", "*.com", "suffix"),
        ("shop.", "*", "any"),
        ("[::1]", "[::1]", "exact"),
    ],
)
def test_exact_names_come_first_then_the_longest_wildcard(
    host: str, domain: str, kind: str
) -> None:
    choice = decide(hosts(*DOMAINS), request(host=host)).host
    assert choice is not None
    assert (choice.domain, choice.kind) == (domain, kind)
    assert choice.domain_path == f"virtual_hosts[{DOMAINS.index(domain)}].domains[0]"


def test_a_port_is_left_out_where_the_table_says_so() -> None:
    routes = hosts("a.com", "[::1]", ignore_port_in_host_matching=True)
    for host in ("a.com:80", "a.com:", "a.com", "[::1]:80"):
        assert decide(routes, request(host=host)).host is not None


def test_another_header_can_name_the_virtual_host() -> None:
    routes = hosts("a", "b", vhost_header="x-tenant")
    named = decide(routes, request(host="a", x_tenant="b"))
    assert named.host is not None
    assert named.host.name == "b"
    absent = decide(routes, request(host="a"))
    assert absent.host is None
    assert absent.host_why == "header x-tenant, which names the virtual host, is absent"


def test_who_finds_no_virtual_host_is_told_what_was_looked_for() -> None:
    decision = decide(hosts("a"), request(host="B:80"))
    assert decision.host_why == "no virtual host answers for 'b:80'"
