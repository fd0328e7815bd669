from __future__ import annotations

import pytest

from mesh_patterns.importers.meshery.references import Scope, reference, used
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.yaml import parse

HERE = Place("b.yaml", 7, 9)


def scope() -> Scope:
    root = parse(
        "vars: {ns: shop, port: 80, loop: $(#ref.vars.loop), next: $(#ref.vars.ns)}\n"
        "services: {a.b: {settings: {name: n, list: [1]}}}\n",
        "a.yaml",
    )[0]
    return Scope(dict(root.find("vars").items()), dict(root.find("services").items()))


def filled(text: str) -> object:
    return scope().fill(Node(text, HERE)).plain()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(#ref.vars.ns)", "shop"),
        ("$(#ref.vars.port)", "80"),
        ("$(#ref.vars.next)", "shop"),
        ("$(#ref.services.a.b.id)", "a.b"),
        ("$(#ref.services.a.b.settings.name)", "n"),
        ("before $(#ref.vars.ns) after", "shop"),  # a reference replaces the whole value
        ("no reference", "no reference"),
    ],
)
def test_a_reference_is_replaced_by_what_it_leads_to(text: str, expected: str) -> None:
    assert filled(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(#ref.vars.pot)", "$(#ref.vars.pot) leads nowhere; did you mean 'port'?"),
        ("$(#ref.services.c.id)", "$(#ref.services.c.id) leads nowhere; there is 'a.b'"),
        ("$(#ref.services.a.b.x)", "$(#ref.services.a.b.x) leads nowhere: no 'x' there"),
        ("$(#ref.services.a.b.settings.list)", "expected text, got a list"),
        ("$(#ref.files.x)", "a reference begins with vars or services: $(#ref.files.x)"),
        ("$(#ref.vars.loop)", "references lead in a circle: $(#ref.vars.loop)"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        filled(text)
    assert caught.value.problems[0].message == message


def test_what_a_reference_led_to_stands_where_the_reference_stood() -> None:
    tree = Node.of({"a": [Node("$(#ref.vars.ns)", HERE)]}, HERE)
    assert scope().fill(tree).find("a", 0) == Node("shop", HERE)


def test_references_and_uses_are_told_apart() -> None:
    assert reference("$(#ref.vars.a)") == ("vars", "a")
    assert reference("$(#use https://a/b.yaml)") is None
    assert used("$(#use https://a/b.yaml)") == "https://a/b.yaml"
    assert used("Service.K8s") is None
