"""Which workloads of a namespace are so: whole services, or the versions of them that are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mesh_patterns.importers.catalog import Catalog, Variant
from mesh_patterns.importers.fields import elements, needed
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Holds = Callable[[Variant], bool]
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def with_holds(catalog: Catalog, namespace: str, holds: Holds) -> Iterator[str]:
    """Services whose versions are so, and versions of services whose others are not."""
    for entry in list(catalog.entries.values()):
        if entry.namespace != namespace or entry.own:
            continue
        mine = [variant for variant in entry.variants.values() if holds(variant)]
        if mine and len(mine) == len(entry.variants):
            yield entry.name
        else:
            yield from (entry.target(variant) for variant in mine)


def selector(node: Node) -> Callable[[Mapping[str, str]], bool]:
    """Whether labels are what a Kubernetes label selector wants; one that says nothing wants none.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/

    Raises:
        DocumentError: it has an operator that there is not.
    """
    wanted = texts(node.get("matchLabels"))
    tests = [_expression(each) for each in elements(node, "matchExpressions")]
    return lambda labels: wanted.items() <= labels.items() and all(t(labels) for t in tests)


def _expression(node: Node) -> Callable[[Mapping[str, str]], bool]:
    key = needed(node, "key", "an expression").text()
    operator = needed(node, "operator", "an expression")
    values = {each.text() for each in elements(node, "values")}
    match operator.value:
        case "In":
            return lambda labels: labels.get(key) in values
        case "NotIn":
            return lambda labels: labels.get(key) not in values
        case "Exists":
            return lambda labels: key in labels
        case "DoesNotExist":
            return lambda labels: key not in labels
    message = f"unknown operator {operator.kind}{suggest(operator.text(), _OPERATORS)}"
    raise DocumentError.at(operator.place, message)
