"""Who is meant by a principal, a namespace or a service account: services, by name.

In Istio a workload is known by its service account (``cluster.local/ns/shop/sa/web``), here by its
service's name. So what a policy says of principals is looked up among the services of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio.workloads import GATEWAYS
from mesh_patterns.importers.people import TRUST_DOMAIN, Person
from mesh_patterns.importers.people import people as inside
from mesh_patterns.model import INGRESS
from mesh_patterns.policy import ANYBODY

_GATEWAY = ("istio-ingressgateway-service-account", "istio-ingressgateway", "istio-ingress")


def people(catalog: Catalog) -> Iterator[Person]:
    """Everybody who may call, the ingress too."""
    yield from inside(catalog)
    for namespace in sorted(GATEWAYS):
        yield from (Person(INGRESS, namespace, account) for account in _GATEWAY)


def wildcard(text: str) -> Callable[[str], bool]:
    """Istio's texts: ``abc``, ``abc*``, ``*abc``, and ``*`` for any that is not empty."""
    if text == "*":
        return bool
    if text.endswith("*"):
        return lambda value: value.startswith(text[:-1])
    if text.startswith("*"):
        return lambda value: value.endswith(text[1:])
    return lambda value: value == text


def by_principal(texts: Iterable[str], catalog: Catalog) -> set[str]:
    """The names of those with one of these principals; ``ANYBODY`` for whoever has one."""
    found: set[str] = set()
    for text in texts:
        if text == "*":
            return {ANYBODY}
        holds = wildcard(_at_home(text))
        found |= {person.name for person in people(catalog) if holds(person.principal)}
    return found


def _at_home(text: str) -> str:
    """A principal of another trust domain is looked for in ours."""
    domain, slash, rest = text.removeprefix("spiffe://").partition("/ns/")
    return f"{TRUST_DOMAIN}{slash}{rest}" if slash and "*" not in domain else text


def by_namespace(texts: Iterable[str], catalog: Catalog) -> set[str]:
    """The names of those in one of these namespaces."""
    return _those(texts, catalog, lambda person: person.namespace)


def by_account(texts: Iterable[str], catalog: Catalog, namespace: str) -> set[str]:
    """The names of those with one of these service accounts: ``ns/name``, or ``name`` at home."""
    whole = [text if "/" in text else f"{namespace}/{text}" for text in texts]
    return _those(whole, catalog, lambda person: f"{person.namespace}/{person.account}")


def _those(texts: Iterable[str], catalog: Catalog, what: Callable[[Person], str]) -> set[str]:
    tests = [wildcard(text) for text in texts]
    return {each.name for each in people(catalog) if any(holds(what(each)) for holds in tests)}
