"""What a pattern file may hold: pydantic models that refuse what they do not know.

Only shapes and single values are checked here; what needs a look at the rest of the file (does
that service exist?) is checked by the kinds, and by ``services.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints

from mesh_patterns.node import Node
from mesh_patterns.place import Place
from mesh_patterns.values import Port

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63),
]
Host = Annotated[str, StringConstraints(pattern=r"^\S+$", to_lower=True)]  # case means nothing


@dataclass(frozen=True)
class AlsoWritten:
    """An annotation: the JSON types of the short forms that a validator understands too."""

    types: tuple[str, ...]

    @classmethod
    def of(cls, *types: str) -> AlsoWritten:
        return cls(types)

    def __get_pydantic_json_schema__(
        self, core: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return {"anyOf": [handler(core), *({"type": name} for name in self.types)]}


@dataclass(frozen=True)
class ListOrOne:
    """An annotation: the JSON type of a list that may be written as its only element."""

    def __get_pydantic_json_schema__(
        self, core: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        whole = handler(core)
        return {"anyOf": [whole, whole["items"]]}


def one_or_more(value: Any) -> Any:
    """The validator of such a list."""
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> Any:
    """Numbers and booleans are text where text is wanted: ``PORT: 80`` needs no quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text), AlsoWritten.of("number", "boolean")]
SomeText = Annotated[
    str, Field(min_length=1), BeforeValidator(_text), AlsoWritten.of("number", "boolean")
]


_NOWHERE = Node(None, Place(""))


class Spec(BaseModel):
    """The base of every model: frozen, closed, and aware of where it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # a factory, because pydantic copies a default, down to its leaves, for each model
    _node: Node = PrivateAttr(default_factory=lambda: _NOWHERE)

    def located(self, node: Node) -> Spec:
        """This, told where it was written."""
        self._node = node
        return self

    @property
    def node(self) -> Node:
        """What this was made from."""
        return self._node

    def place(self, *path: str | int) -> Place:
        """Where the value at ``path`` below this stands; this itself without a path."""
        return self._node.find(*path).place

    def key_place(self, *path: str | int) -> Place:
        """Where the key of the value at ``path`` stands."""
        node = self._node.find(*path)
        return node.key or node.place


class VersionSpec(Spec):
    """One version of a service."""

    run: str | None = Field(None, description="shell command; without it the built-in echo runs")
    port: Port | None = Field(None, description="where the workload listens; free if absent")
    env: dict[str, Text] = Field({}, description="more environment for the command")
    cwd: str | None = Field(None, description="working directory, from the file's folder")


class IngressSpec(Spec):
    """How the outside reaches a service."""

    port: Port | None = Field(None, description="of the ingress; free if absent")
    hosts: list[Host] = Field(["*"], description="of the Host header; * is any", min_length=1)


def _nothing(value: Any) -> Any:
    """``reviews:`` with nothing after it is a service with nothing said of it."""
    return {} if value is None else value


def _ingress(value: Any) -> Any:
    if value is True:
        return {}
    if isinstance(value, int | str) and not isinstance(value, bool):
        return {"port": value}
    return None if value is False else value


class ServiceSpec(VersionSpec):
    """One service of the mesh."""

    versions: dict[
        Name, Annotated[VersionSpec, BeforeValidator(_nothing), AlsoWritten.of("null")]
    ] = Field({}, description="by name; one unnamed version if absent")
    calls: list[Name] = Field([], description="the services that this one calls")
    protocol: Literal["http", "grpc"] = Field(
        "http", description="what the workload speaks; grpc where the data plane is grpc"
    )
    ingress: Annotated[
        IngressSpec | None, BeforeValidator(_ingress), AlsoWritten.of("boolean", "integer")
    ] = Field(None, description="true, a port, or a mapping: reachable through the ingress")
    hosts: list[Host] = Field([], description="more names by which callers know it")
    dataplane: Literal["sidecar", "grpc"] | None = Field(
        None, description="grpc: no Envoy, the gRPC library speaks xDS; by default the mesh's"
    )


class MeshSpec(Spec):
    """The services and how they are joined."""

    dataplane: Literal["sidecar", "node", "grpc"] = Field(
        "sidecar", description="an Envoy per service version, one for all, or none but the ingress"
    )
    services: dict[
        Name, Annotated[ServiceSpec, BeforeValidator(_nothing), AlsoWritten.of("null")]
    ] = {}


class PatternSpec(Spec):
    """The base of every kind of pattern."""

    pattern: str
    override: bool = Field(False, description="wins over what other patterns say of the same")
