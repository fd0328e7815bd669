"""Who calls: services by their names, and the accounts as which their workloads run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Catalog, Entry

TRUST_DOMAIN = "cluster.local"  # Istio's own; policies may name others, which mean the same here


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who calls: by the name that we know, and as Istio knows it."""

    name: str
    namespace: str
    account: str

    @property
    def principal(self) -> str:
        return f"{TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.account}"


def people(catalog: Catalog) -> Iterator[Person]:
    """Everybody in the mesh. A service without workloads runs as an account of its name."""
    for entry in catalog.entries.values():
        for account in sorted(_accounts(entry)):
            yield Person(entry.name, entry.namespace, account)


def _accounts(entry: Entry) -> Iterable[str]:
    found = {account for each in entry.variants.values() for account in each.accounts}
    return found or {entry.name}
