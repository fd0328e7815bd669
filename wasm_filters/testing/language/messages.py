"""What a test sends, and what answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_yaml.spec import AlsoWritten, Closed, ListOrOne, Text, one_or_more
from mesh_yaml.values import Duration
from wasm_filters.testing.language.matches import RequestMatchSpec
from wasm_filters.testing.language.values import Body, Fields, Pieces

MAX_GRPC_STATUS = 16


class RequestSpec(Closed):
    """A request. One with a body gets a content-length, unless it says otherwise."""

    method: str | None = Field(None, min_length=1, description="GET, or POST with a body")
    path: str = "/"
    authority: Text = "localhost"
    scheme: str = "http"
    headers: Fields = Field(
        default_factory=dict, description="a list: several of the name; null: none"
    )
    body: Body | None = None
    trailers: Fields = Field(default_factory=dict)
    chunks: Pieces | None = Field(None, description="of so many bytes; a list: of these, then rest")


def _request(value: Any) -> Any:
    """``/path`` or ``POST /path``."""
    if not isinstance(value, str):
        return value
    method, space, path = value.rpartition(" ")
    return {"method": method, "path": path} if space else {"path": path}


Request = Annotated[RequestSpec, BeforeValidator(_request), AlsoWritten.of("string")]


class GrpcSpec(Closed):
    """A gRPC service's answer."""

    messages: list[Body] = Field(default_factory=list)
    status: int = Field(0, ge=0, le=MAX_GRPC_STATUS)
    message: Text = Field("", description="what it says about the status")


class AnswerSpec(Closed):
    """An answer of the upstream or of a cluster. One with a body gets a content-length."""

    when: RequestMatchSpec | None = Field(None, description="which requests it answers")
    times: int | None = Field(None, ge=1, description="how many; all that come if not given")
    status: int = Field(200, ge=100, le=599)
    headers: Fields = Field(default_factory=dict)
    body: Body | None = None
    trailers: Fields = Field(default_factory=dict)
    grpc: GrpcSpec | None = None
    after: Duration | None = None
    chunks: Pieces | None = None
    never: bool = Field(False, description="no answer comes")
    refused: bool = Field(False, description="nobody listens there")
    no_endpoints: bool = Field(False, description="the cluster has nobody to send it to")

    @model_validator(mode="after")
    def _one(self) -> AnswerSpec:
        ways = {
            "never",
            "refused",
            "no_endpoints",
            "grpc",
            "status",
            "body",
        } & self.model_fields_set
        if len(ways - {"status", "body"}) + bool(ways & {"status", "body"}) > 1:
            got = " and ".join(sorted(ways))
            wanted = "a status with a body, grpc, never, refused or no_endpoints"
            raise ValueError(f"expected {wanted}, got {got}")
        return self

    @property
    def takes_all(self) -> bool:
        """Whether no request gets to the answers behind it."""
        return self.times is None and (self.when is None or not self.when.model_fields_set)


Answers = Annotated[
    list[AnswerSpec],
    Field(min_length=1, description="each request gets the first that is for it"),
    BeforeValidator(one_or_more),
    ListOrOne(),
]


Side = Literal["client", "upstream"]


class TcpEventSpec(Closed):
    """One thing that happens to a connection; exactly one of these."""

    client: Body | None = Field(None, description="bytes that the client sends")
    upstream: Body | None = Field(None, description="bytes that the upstream sends")
    end: Side | None = Field(None, description="who sends nothing any more")
    reset: Side | None = Field(None, description="who is gone")
    refuse: bool = Field(False, description="nobody listens upstream")
    advance: Duration | None = Field(None, description="let so much time pass")

    @model_validator(mode="after")
    def _one(self) -> TcpEventSpec:
        if len(self.model_fields_set) != 1:
            names = ", ".join(sorted(type(self).model_fields))
            raise ValueError(f"expected one of {names}")
        return self
