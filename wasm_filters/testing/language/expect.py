"""What a test expects to see."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag

from mesh_yaml.matching import TextMatch
from mesh_yaml.spec import AlsoWritten, Closed
from mesh_yaml.values import Bound
from wasm_filters.testing.language.matches import (
    BodyMatch,
    CalloutMatchSpec,
    FieldMatches,
    FlaggedMatch,
    LogMatch,
    RequestMatchSpec,
)

NONE = "none"
T = TypeVar("T")


def _which(value: Any) -> str:
    return NONE if value == NONE else "some"


OrNone = Annotated[
    Annotated[T, Tag("some")] | Annotated[Literal["none"], Tag("none")], Discriminator(_which)
]


def _something(value: Any) -> Any:
    if value is None:
        raise ValueError("expected what must be seen, got nothing")
    return value


Said = Annotated[T | None, BeforeValidator(_something)]  # None only where nothing is said


def _counts(value: Any) -> Any:
    """``[a, b]`` for what was called at all."""
    return dict.fromkeys(value, ">= 1") if isinstance(value, list) else value


Counts = Annotated[dict[str, Bound], BeforeValidator(_counts), AlsoWritten.of("array")]


def _samples(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    return {"samples": value} if isinstance(value, list) else {"value": value}


class MetricMatchSpec(Closed):
    """What a metric must say."""

    value: Bound | None = None
    samples: list[int] | None = None


MetricMatch = Annotated[
    MetricMatchSpec, BeforeValidator(_samples), AlsoWritten.of("number", "string", "array", "null")
]


class ExpectSpec(Closed):
    """What must be seen; of what is not named, anything may be.

    Two things are expected without a word: that no filter dies (else ``failure``), and that each
    call finds an answer.
    """

    status: Said[OrNone[Bound]] = Field(None, description="'none': the client gets no answer")
    response_headers: FieldMatches = Field(default_factory=dict)
    response_trailers: FieldMatches = Field(default_factory=dict)
    body: Said[BodyMatch] = Field(None, description="as the client gets it")
    upstream: Said[OrNone[RequestMatchSpec]] = Field(
        None, description="the request as it gets there; 'none': it does not"
    )
    local_reply: Said[bool] = Field(None, description="a filter, or Envoy for it, answered")
    details: Said[TextMatch] = Field(None, description="Envoy's response code details")
    paused: Said[FlaggedMatch] = Field(None, description="the callback that nobody resumed")
    reset: Said[bool] = Field(None)
    to_upstream: Said[BodyMatch] = Field(None, description="all that a connection brought there")
    to_client: Said[BodyMatch] = Field(None, description="all that a connection brought back")
    closed: Said[Literal["local", "remote", "none"]] = Field(
        None, description="who closed the connection: Envoy, its peer, or nobody yet"
    )
    logs: Said[OrNone[Annotated[list[LogMatch], Field(min_length=1)]]] = Field(
        None, description="in this order, others may be between; inverted: there is none such"
    )
    callouts: Said[OrNone[list[CalloutMatchSpec]]] = Field(None, description="all, in this order")
    metrics: dict[str, MetricMatch] = Field(
        default_factory=dict,
        description="a histogram: its samples; null: there is none of that name",
    )
    shared: dict[str, BodyMatch | None] = Field(
        default_factory=dict, description="shared data, by key; null: none"
    )
    queues: dict[str, list[BodyMatch]] = Field(
        default_factory=dict, description="what waits in each, in this order"
    )
    hostcalls: Counts = Field(
        default_factory=dict, description="how often each was called; a list: at least once"
    )
    callbacks: Counts = Field(default_factory=dict)
    warnings: Said[OrNone[Annotated[list[TextMatch], Field(min_length=1)]]] = Field(
        None, description="what this host warns of, each of these at least"
    )
    failure: Said[FlaggedMatch] = Field(None, description="why a VM died")
    rejected: Said[FlaggedMatch] = Field(
        None, description="the plugin does not start, or refuses its configuration"
    )
