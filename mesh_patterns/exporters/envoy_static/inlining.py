"""What comes by discovery, put where it is used: EDS, RDS, SDS and ECDS in one Envoy's resources.

Works on resources as proto JSON. Each way of asking for something else is a key with a name of its
own; ``_Rewriter`` is the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mesh_patterns.compile.filters.capture import TAP, TAP_CONFIG_ID
from mesh_yaml.place import Place, Problem
from xds_server.mirror import render
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

Tree = dict[str, Any]


class Secrets(Protocol):
    """How a secret is written where somebody uses it."""

    def shown(self, secret: Tree) -> Tree:
        """The content of a ``Secret``: its certificate, or whom to trust."""


class Inlining:
    """One Envoy's listeners and clusters, complete. ``warnings`` tell what is still asked for."""

    def __init__(self, snapshot: Snapshot, secrets: Secrets) -> None:
        self.warnings: list[Problem] = []
        self._snapshot = snapshot
        self._secrets = secrets
        self._ways: Mapping[str, Callable[[Tree], None]] = {
            "rds": self._routes,
            "config_discovery": self._extension,
            "eds_cluster_config": self._endpoints,
            "tls_certificate_sds_secret_configs": self._certificates,
            "validation_context_sds_secret_config": self._trust,
            "combined_validation_context": self._combined,
            "http_filters": self._untapped,
        }

    def listeners(self) -> list[Tree]:
        return self._all(ResourceType.LISTENER)

    def clusters(self) -> list[Tree]:
        return self._all(ResourceType.CLUSTER)

    def _all(self, kind: ResourceType) -> list[Tree]:
        return [self._complete(each) for each in self._snapshot.resources(kind).values()]

    def _complete(self, resource: Resource) -> Tree:
        tree = _shown(resource)
        self._visit(tree)
        if _asks(tree):
            message = (
                f"{resource.type.title} {resource.name!r} asks a control plane for something; "
                "a static Envoy has none"
            )
            file, line, column = resource.origins[""].rsplit(":", 2)
            place = Place(file, int(line), int(column))
            self.warnings.append(Problem(place, message, warning=True))
        return tree

    def _visit(self, value: Any) -> None:
        """Replace within ``value``, which is changed, from the outside in: what is put in may ask
        for more."""
        if isinstance(value, list):
            for item in value:
                self._visit(item)
        elif isinstance(value, dict):
            for name in [name for name in value if name in self._ways]:
                self._ways[name](value)
            for item in value.values():
                self._visit(item)

    def _named(self, kind: ResourceType, name: str) -> Tree | None:
        found = self._snapshot.resources(kind).get(name)
        return _shown(found) if found else None

    def _routes(self, manager: Tree) -> None:
        found = self._named(ResourceType.ROUTE, manager["rds"].get("route_config_name", ""))
        if found is not None:
            del manager["rds"]
            manager["route_config"] = found

    def _extension(self, http_filter: Tree) -> None:
        found = self._named(ResourceType.EXTENSION_CONFIG, http_filter.get("name", ""))
        if found is not None:
            del http_filter["config_discovery"]
            http_filter["typed_config"] = found["typed_config"]

    def _endpoints(self, cluster: Tree) -> None:
        name = cluster["eds_cluster_config"].get("service_name", cluster.get("name", ""))
        found = self._named(ResourceType.ENDPOINT, name)
        if found is not None:
            del cluster["eds_cluster_config"]
            cluster.pop("type", None)  # STATIC, which is Envoy's default
            cluster["load_assignment"] = found

    def _certificates(self, context: Tree) -> None:
        asked = context["tls_certificate_sds_secret_configs"]
        found = [self._secret(each) for each in asked]
        if all(found):
            del context["tls_certificate_sds_secret_configs"]
            context["tls_certificates"] = [each["tls_certificate"] for each in found if each]

    def _trust(self, context: Tree) -> None:
        found = self._secret(context["validation_context_sds_secret_config"])
        if found is not None:
            del context["validation_context_sds_secret_config"]
            context["validation_context"] = found["validation_context"]

    def _combined(self, context: Tree) -> None:
        """Envoy merges the two as messages: what the secret says of whom to trust comes on top."""
        combined = context["combined_validation_context"]
        found = self._secret(combined.get("validation_context_sds_secret_config", {}))
        if found is not None:
            del context["combined_validation_context"]
            default = combined.get("default_validation_context", {})
            context["validation_context"] = {**default, **found["validation_context"]}

    def _secret(self, asked: Tree) -> Tree | None:
        found = self._named(ResourceType.SECRET, asked.get("name", ""))
        return self._secrets.shown(found) if found else None

    def _untapped(self, manager: Tree) -> None:
        """Without the tap by which meshloom sees requests: nobody else asks for it."""
        manager["http_filters"] = [each for each in manager["http_filters"] if not _is_tap(each)]


def _is_tap(http_filter: Tree) -> bool:
    config = http_filter.get("typed_config", {})
    admin = config.get("common_config", {}).get("admin_config", {})
    return http_filter.get("name") == TAP and admin.get("config_id") == TAP_CONFIG_ID


def _shown(resource: Resource) -> Tree:
    """All of it: who runs this needs its secrets."""
    return render(resource.type.type_url, resource.body, secrets=True)


def _asks(value: Any) -> bool:
    """Whether something in it still comes by ADS."""
    if isinstance(value, list):
        return any(map(_asks, value))
    return isinstance(value, dict) and (value.get("ads") == {} or any(map(_asks, value.values())))
