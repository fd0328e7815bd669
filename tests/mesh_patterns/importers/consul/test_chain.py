"""Routers, splitters and resolvers, asked of a real Envoy: who gets which requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.consul.samples import RESOLVER, SHOP, entry
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined
from tests.mesh_patterns.running import running

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def router(*routes: str, name: str = "books") -> str:
    return entry("service-router", "Routes:\n" + "\n".join(f"- {each}" for each in routes), name)


def splitter(splits: str, name: str = "books") -> str:
    return entry("service-splitter", f"Splits: {splits}", name)


@pytest.mark.asyncio
async def test_the_first_route_that_matches_has_a_request_and_others_the_splitter(
    tmp_path: Path,
) -> None:
    texts = (
        router(
            "{Match: {HTTP: {PathExact: /a, Methods: [GET, PUT]}}, Destination: "
            "{ServiceSubset: new, ResponseHeaders: {Set: {x-way: a}}}}",
            "{match: {http: {path_prefix: /a/, query_param: [{name: q, present: true}]}},"
            " destination: {service: authors, prefix_rewrite: /}}",
            "{Match: {HTTP: {Header: [{Name: x-old, Invert: true, Present: true}]}}, Destination: "
            "{NumRetries: 3, RetryOnStatusCodes: [503]}}",
        ),
        splitter("[{Weight: 100, ServiceSubset: v1}, {Weight: 0, ServiceSubset: new}]"),
        RESOLVER,
    )
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        first = await mesh.get("books", "/a", method="PUT")
        assert (first.instance, first.headers["x-way"]) == ("books-books-2", "a")
        second = await mesh.get("books", "/a/b?q=1")
        assert (second.instance, second.path) == ("authors", "/b?q=1")
        for fields, status in (({}, 200), ({"x-old": "1"}, 503)):
            answers = {"x-answer": "503,503,200", "x-id": str(fields), **fields}
            third = await mesh.get("books", "/z", answers)
            assert (third.status, third.instance) == (status, "books-books-1")


@pytest.mark.asyncio
async def test_splits_of_splits_are_multiplied(tmp_path: Path) -> None:
    """Of 400, within four standard deviations."""
    texts = (
        splitter("[{Weight: 50, Service: authors}, {Weight: 50, ServiceSubset: v1}]"),
        splitter("[{Weight: 50}, {Weight: 50, Service: books, ServiceSubset: new}]", "authors"),
        RESOLVER,
    )
    async with running(joined(NODE, SHOP, *texts), tmp_path) as mesh:
        seen = Counter([(await mesh.get("books")).instance for _ in range(400)])
        assert abs(seen["books-books-1"] - 200) <= 40
        assert abs(seen["authors"] - 100) <= 35
        assert abs(seen["books-books-2"] - 100) <= 35


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("resolver", "instances"),
    [
        ("DefaultSubset: v1\nSubsets: {v1: {Filter: Service.Meta.version == v1}}",
         {"books-books-1"}),
        ("DefaultSubset: x\nSubsets: {x: {Filter: '\"eu\" in Service.Tags and "
         "Service.Meta.version != v2'}}", {"books-books-1"}),
        ("DefaultSubset: x\nSubsets: {x: {Filter: Service.Tags not contains old}}",
         {"books-books-2"}),
        ("Redirect: {Service: authors}", {"authors"}),
        ("Subsets: {v1: {Filter: Service.Meta.version == v1}}", {"books-books-1", "books-books-2"}),
    ],
)  # fmt: skip
async def test_a_resolver_chooses_instances(
    tmp_path: Path, resolver: str, instances: set[str]
) -> None:
    text = entry("service-resolver", resolver)
    async with running(joined(NODE, SHOP, text), tmp_path) as mesh:
        assert {(await mesh.get("books")).instance for _ in range(8)} == instances


def test_weights_are_as_small_as_they_come(imported: Import) -> None:
    for splits, weights in (("90, 10", [90, 10]), ("99.5, 0.5", [199, 1])):
        first, second = splits.split(", ")
        text = splitter(f"[{{Weight: {first}, ServiceSubset: v1}},"
                        f" {{Weight: {second}, ServiceSubset: new}}]")  # fmt: skip
        split = imported(SHOP, RESOLVER, text).edges["web", "books"].rules[-1].split
        assert [each.weight for each in split] == weights


def test_a_name_may_be_virtual(imported: Import) -> None:
    text = entry("service-resolver", "Redirect: {Service: books}", "library")
    draft = imported(text)
    assert set(draft.mesh.services) == {"library", "books"}


def test_failover_is_an_order_of_versions_and_then_of_others(imported: Import) -> None:
    text = RESOLVER + (
        "DefaultSubset: v1\n"
        'Failover: {"*": {Targets: [{ServiceSubset: new}, {Service: authors}]}}\n'
    )
    edge = imported(SHOP, text).edges["web", "books"]
    assert edge.settings["failover"].value.order == ("books-1", "books-2")
    assert [str(each) for each in edge.settings["takeover"].value] == ["authors"]


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([splitter("[{Weight: 50}, {Weight: 40}]")], "weights add up to 90, expected 100"),
        ([splitter("[{Weight: 50}, {Weight: lots}]")], "a weight is a percentage up to 100"),
        ([splitter("[{Weight: 100, ServiceSubset: v3}]"), RESOLVER],
         "the resolver of 'books' has no subset 'v3'"),
        ([entry("service-resolver", "Redirect: {Service: authors}"),
          entry("service-resolver", "Redirect: {Service: books}", "authors")],
         "resolvers redirect in a circle: books → authors → books"),
        ([splitter("[{Weight: 100, Service: authors}]"),
          splitter("[{Weight: 100, Service: books}]", "authors")],
         "splitters split in a circle: books → authors → books"),
        ([splitter("[" + ", ".join(["{Weight: 1, Service: authors}"] * 100) + "]"),
          splitter("[" + ", ".join(["{Weight: 1, Service: books, ServiceSubset: v1}"] * 100) + "]",
                   "authors"), RESOLVER], "the chain of 'books' comes to more than 200"),
        ([entry("service-resolver", f"Redirect: {{Service: s{i + 1}}}", f"s{i}")
          for i in range(60)], "comes to more than 50"),
        ([router("{}"), entry("service-defaults", "Protocol: tcp")],
         "ServiceRouter 'books' is for requests, and 'books' speaks tcp"),
        ([router("{Match: {HTTP: {PathExct: /}}}")], "unknown match 'PathExct'"),
        ([router("{Match: {HTTP: {PathExact: /a, PathRegex: /b}}}")], "at most one of pathExact"),
        ([router("{Destination: {PrefixRewrite: /}, Match: {HTTP: {PathRegex: /a}}}")],
         "prefixRewrite goes with"),
        ([RESOLVER.replace('\'Service.Tags contains "new"\'', "Node.Datacenter == dc1"),
          splitter("[{Weight: 100, ServiceSubset: new}]")], "a filter that is not known"),
        ([entry("service-resolver", "LoadBalancer: {Policy: ring}")], "unknown policy 'ring'"),
        ([entry("service-rooter", "")], "unknown kind 'service-rooter'; did you mean"),
        (["Kind: service-router\nRoutes: []"], "a service-router has no 'Name'"),
    ],
)  # fmt: skip
def test_what_consul_would_not_take_is_refused(
    refusal: Callable[..., str], texts: list[str], line: str
) -> None:
    found = refusal(SHOP, *texts)
    assert line in found
    if "circle" not in line and "more than 50" not in line:  # those are found from each end
        assert found.count("\n") == 0


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ([splitter("[{Weight: 100, ServiceSubset: v3}]"),
          entry("service-resolver", "Subsets: {v3: {Filter: Service.Meta.version == v3}}")],
         "no workload of 'books' is in subset 'v3': answered with 503"),
        ([entry("service-resolver", "Redirect: {Datacenter: dc2}")], "redirect.datacenter"),
        ([router("{Destination: {IdleTimeout: 1s, ServiceSubset: v1}}"), RESOLVER],
         "destination.idleTimeout"),
        ([router("{}", name="gone")], "a request may take as long as it takes"),
        ([entry("http-route", "")], "ignored: 1 http-route"),
    ],
)  # fmt: skip
def test_what_is_something_else_here_is_told(
    imported: Import, told: Told, texts: list[str], line: str
) -> None:
    assert any(line in each for each in told(imported(SHOP, *texts)))


@pytest.mark.parametrize("name", ["books.hcl", "books.yaml"])
def test_hcl_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    from mesh_patterns.load import load
    from mesh_yaml.place import DocumentError

    path = tmp_path / name
    path.write_text('Kind = "service-resolver"\nName = "books"\n')
    with pytest.raises(DocumentError, match="is HCL, which is not read: give") as caught:
        load([path])
    assert "\n" not in str(caught.value)
