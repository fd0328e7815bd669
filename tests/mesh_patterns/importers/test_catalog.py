from __future__ import annotations

import pytest

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.notes import Notes
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

HERE = Place("a.yaml", 2, 3)


def catalog() -> Catalog:
    return Catalog(Notes())


def test_a_service_is_found_by_all_names_that_kubernetes_has_for_it() -> None:
    made = catalog()
    entry = made.add("reviews", "shop", HERE)
    assert entry.hosts == ["reviews.shop", "reviews.shop.svc", "reviews.shop.svc.cluster.local"]
    for host in ("reviews", *entry.hosts):
        assert made.lookup(host, "shop") is entry
    assert made.lookup("reviews.other", "shop") is None


def test_a_short_name_means_the_nearest_service() -> None:
    made = catalog()
    first, second = made.add("api", "a", HERE), made.add("api", "b", HERE)
    assert made.lookup("api", "a") is first
    assert made.lookup("api", "b") is second
    assert (first.name, second.name) == ("api", "api.b")


def test_a_name_of_another_namespace_is_taken_with_a_warning() -> None:
    made = catalog()
    entry = made.add("reviews", "shop", HERE)
    assert made.find(Node("reviews", HERE), "default") is entry
    assert [problem.message for problem in made.notes.finish()] == [
        "no 'reviews' in namespace 'default': taken for 'reviews.shop'"
    ]


def test_a_name_that_means_something_in_our_language_gets_its_namespace() -> None:
    made = catalog()
    entry = made.add("client", "shop", HERE)
    assert entry.name == "client.shop"
    assert "client" in entry.hosts
    assert made.lookup("client", "shop") is entry


def test_a_name_that_no_file_has_is_made_up_and_told_of() -> None:
    made = catalog()
    inside = made.find(Node("ratings.shop.svc.cluster.local", HERE), "default")
    outside = made.find(Node("www.example.com", HERE), "default")
    assert (inside.name, inside.namespace, outside.name) == ("ratings", "shop", "www.example.com")
    made.tell_echoes()
    assert [problem.message for problem in made.notes.finish()] == [
        "no file has the service 'ratings': the echo stands in",
        "no file has the service 'www.example.com': the echo stands in",
    ]


def test_a_name_that_no_host_can_have_is_an_error() -> None:
    with pytest.raises(DocumentError) as caught:
        catalog().find(Node("a/b", HERE), "default")
    assert str(caught.value) == "a.yaml:2:3: 'a/b' is no name of a host"


def test_an_unnamed_version_gets_a_name_when_another_joins_it() -> None:
    entry = catalog().add("web", "default", HERE)
    entry.variant("", HERE).workloads.append("web-main")
    entry.variant("v2", HERE)
    assert list(entry.variants) == ["web-main", "v2"]
