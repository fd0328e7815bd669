"""The subscription book."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import CLUSTER, ENDPOINT, an_assignment
from xds_server.aliases import Aliases
from xds_server.errors import RemoteXdsError
from xds_server.sessions.subscription import MAX_NAMES, Subscription


def test_a_sotw_list_replaces_the_one_before_and_tells_what_is_new() -> None:
    book = Subscription(ENDPOINT)
    assert book.replace(["a", "b"]) == {"a", "b"}
    assert book.replace(["b", "c"]) == {"c"}
    assert (book.wants("a"), book.wants("b"), book.wildcard) == (False, True, False)


def test_a_name_ends_the_legacy_wildcard_of_a_sotw_stream_for_good() -> None:
    book = Subscription(CLUSTER)
    book.replace([])
    assert book.wildcard
    book.replace(["a"])
    assert not book.wildcard
    book.replace([])
    assert not book.wants("a")
    assert not book.wildcard


def test_only_the_types_that_have_a_legacy_wildcard_get_one() -> None:
    book = Subscription(ENDPOINT)
    book.replace([])
    assert not book.wildcard
    book.replace(["*"])
    assert book.wildcard


def test_a_delta_name_beside_the_legacy_wildcard_leaves_it_standing() -> None:
    book = Subscription(CLUSTER)
    book.change((), (), first=True)
    book.change(("a",), (), first=False)
    assert book.wildcard
    book.change((), ("*",), first=False)
    assert (book.wildcard, book.names) == (False, {"a"})
    book.change((), ("a",), first=False)
    assert not book.wants("a")


def test_the_names_of_many_delta_requests_are_bounded_together() -> None:
    book = Subscription(ENDPOINT)
    book.change([f"a{i}" for i in range(MAX_NAMES)], (), first=True)
    with pytest.raises(RemoteXdsError, match="got 65537 names"):
        book.change(("one more",), (), first=False)


def test_an_alias_is_looked_for_once_in_each_snapshot() -> None:
    book, looked = Subscription(ENDPOINT), list[str]()

    class Counting(Aliases):
        def resolve(self, asked: str) -> str | None:
            looked.append(asked)
            return super().resolve(asked)

    first, second = (Counting([an_assignment("a").known_as("x", "y")]) for _ in range(2))
    book.change(("x",), (), first=True)
    book.translate(first, {"a"})
    book.change(("y",), (), first=False)
    book.translate(first, {"a"})
    book.translate(first, {"a"})
    assert (looked, book.asked_by) == (["x", "y"], {"a": ("x", "y")})
    assert book.wants("a")
    book.translate(second, {"a"})
    assert sorted(looked) == ["x", "x", "y", "y"]


def test_a_collection_is_all_names_that_differ_in_their_last_part() -> None:
    book = Subscription(ENDPOINT)
    everything = "xdstp://mesh.test/type/folder/*"
    book.replace([everything, "plain/*"])
    assert book.collections == {everything}
    assert book.wants("xdstp://mesh.test/type/folder/a")
    for other in ("xdstp://mesh.test/type/a", "xdstp://mesh.test/type/folder/deeper/a", "plain/a"):
        assert not book.wants(other)
    served = dict.fromkeys(["a", "xdstp://mesh.test/type/folder/b"])
    assert list(book.among(served)) == ["xdstp://mesh.test/type/folder/b"]


def test_the_context_of_a_collection_has_to_be_that_of_its_resources() -> None:
    book = Subscription(ENDPOINT)
    book.replace(["xdstp://mesh.test/type/folder/*?zone=1"])
    assert book.wants("xdstp://mesh.test/type/folder/a?zone=1")
    assert not book.wants("xdstp://mesh.test/type/folder/a")
    assert not book.wants("xdstp://mesh.test/type/folder/a?zone=2")


def test_streams_with_the_same_many_names_keep_them_once() -> None:
    names = [f"n{i}" for i in range(100)]
    one, two = Subscription(ENDPOINT), Subscription(ENDPOINT)
    one.replace(names)
    two.change(reversed(names), (), first=True)
    assert one.names is two.names
