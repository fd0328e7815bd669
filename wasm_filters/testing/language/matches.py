"""How headers, bodies and requests must look."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_yaml.matching import SHORT, TextMatch, TextMatchSpec, exact
from mesh_yaml.spec import AlsoWritten, Closed, Text
from mesh_yaml.values import Bound
from wasm_filters.testing.language.values import decoded


class FieldMatchSpec(TextMatchSpec):
    """How a header field must look. Of several of one name, one that matches is enough."""

    values: list[Text] | None = Field(None, description="all fields of the name, in their order")


def _field(value: Any) -> Any:
    if value is None:
        return {"present": False}
    return {"values": value} if isinstance(value, list) else exact(value)


FieldMatch = Annotated[
    FieldMatchSpec,
    BeforeValidator(_field),
    AlsoWritten.of("string", "number", "boolean", "array", "null"),
]
FieldMatches = Annotated[
    dict[str, FieldMatch], Field(description="by name, any case; null: absent; a list: all of them")
]


class BodyMatchSpec(TextMatchSpec):
    """How bytes must look."""

    json_: Any = Field(None, alias="json", description="equal when both are read as JSON")
    base64: str | None = None
    file: str | None = Field(None, description="relative to the test file")
    size: Bound | None = Field(None, description="bytes")

    def given(self) -> list[str]:
        found = super().given()
        is_null = self.json_ is None and "json_" in self.model_fields_set
        return [*found, "json"] if is_null else found

    @model_validator(mode="after")
    def _decodes(self) -> BodyMatchSpec:
        if self.base64 is not None:
            decoded(self.base64)
        return self


BodyMatch = Annotated[BodyMatchSpec, BeforeValidator(exact), SHORT]


class RequestMatchSpec(Closed):
    """How a request must look; all that is given must hold."""

    method: TextMatch | None = None
    path: TextMatch | None = Field(None, description="with its query")
    authority: TextMatch | None = None
    scheme: TextMatch | None = None
    headers: FieldMatches = Field(default_factory=dict)
    body: BodyMatch | None = None
    trailers: FieldMatches = Field(default_factory=dict)
    message: BodyMatch | None = Field(None, description="the first message of a gRPC call")


class CalloutMatchSpec(RequestMatchSpec):
    """How a call to another service must look."""

    cluster: Text | None = None


Level = Literal["trace", "debug", "info", "warn", "error", "critical"]


class LogMatchSpec(TextMatchSpec):
    """How a line of the log must look."""

    modifiers: ClassVar[frozenset[str]] = frozenset({"invert", "level", "plugin"})

    level: Level | None = None
    plugin: Text | None = Field(None, description="the name of the one that wrote it")


LogMatch = Annotated[LogMatchSpec, BeforeValidator(exact), SHORT]


def _flagged(value: Any) -> Any:
    return {"present": value} if isinstance(value, bool) else exact(value)


FlaggedMatch = Annotated[TextMatchSpec, BeforeValidator(_flagged), SHORT]
