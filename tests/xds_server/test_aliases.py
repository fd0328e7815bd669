"""What a client means by a name."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import an_assignment
from tests.xds_server.sessions.test_delta import a_host
from xds_server.aliases import Aliases

HOSTS = Aliases(
    [
        a_host("r/exact", "a.b.test"),
        a_host("r/suffix", "*.b.test"),
        a_host("r/longer", "*-x.b.test"),
        a_host("r/prefix", "a.*"),
        a_host("with/slash/all", "*"),
    ]
)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("r/a.b.test", "r/exact"),
        ("r/A.B.Test", "r/exact"),
        ("r/c.b.test", "r/suffix"),
        ("r/c-x.b.test", "r/longer"),
        ("r/a.other", "r/prefix"),
        ("r/.b.test", None),
        ("r/other", None),
        ("other/a.b.test", None),
        ("with/slash/any", "with/slash/all"),
    ],
)
def test_a_host_is_found_among_the_domains_as_envoy_does(asked: str, name: str | None) -> None:
    assert HOSTS.resolve(asked) == name


def test_an_alias_stands_for_its_resource_and_most_resources_have_none() -> None:
    aliases = Aliases([an_assignment("a").known_as("b", "c")])
    assert (aliases.resolve("b"), aliases.resolve("c"), aliases.resolve("a")) == ("a", "a", None)
    assert not Aliases([an_assignment("a")])
    assert aliases


def test_an_alias_is_a_part_of_a_resources_version() -> None:
    assert an_assignment("a").known_as("b").version != an_assignment("a").version
