from __future__ import annotations

import pytest

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio.principals import (
    by_account,
    by_namespace,
    by_principal,
    wildcard,
)
from mesh_patterns.importers.notes import Notes
from mesh_yaml.place import Place


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(Notes())
    for name, namespace, account in [
        ("web", "shop", "front"),
        ("api", "shop", "back"),
        ("db", "data", "back"),
    ]:
        entry = found.add(name, namespace, Place("x"))
        entry.variant("v1", Place("x")).accounts.add(account)
    found.add("bare", "data", Place("x"))
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cluster.local/ns/shop/sa/front", {"web"}),
        ("spiffe://cluster.local/ns/shop/sa/front", {"web"}),
        ("other.domain/ns/shop/sa/front", {"web"}),
        ("cluster.local/ns/shop/*", {"web", "api"}),
        ("*/sa/back", {"api", "db"}),
        ("*", {"*"}),
        ("cluster.local/ns/data/sa/bare", {"bare"}),
        ("cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account", {"ingress"}),
        ("cluster.local/ns/shop/sa/nobody", set()),
    ],
)
def test_a_principal_is_the_services_that_run_as_it(
    catalog: Catalog, text: str, names: set[str]
) -> None:
    assert by_principal([text], catalog) == names


def test_a_namespace_is_all_its_services(catalog: Catalog) -> None:
    assert by_namespace(["da*"], catalog) == {"db", "bare"}
    assert by_namespace(["*-system"], catalog) == {"ingress"}


def test_an_account_is_of_the_policys_namespace_unless_it_says_another(catalog: Catalog) -> None:
    assert by_account(["back"], catalog, "shop") == {"api"}
    assert by_account(["data/back"], catalog, "shop") == {"db"}


@pytest.mark.parametrize(
    ("text", "value", "held"),
    [
        *(("*", "a", True), ("*", "", False), ("a*", "ab", True), ("a*", "b", False)),
        *(("*b", "ab", True), ("*b", "ba", False), ("a", "a", True), ("a", "ab", False)),
    ],
)
def test_a_star_stands_at_one_end(text: str, value: str, held: bool) -> None:
    assert wildcard(text)(value) is held
