"""Requests, responses and bytes as a recording writes them, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.properties.values import of_user
from wasm_filters.services.upstream import Answer
from wasm_filters.tracing.values import plain

MAX_SECONDS = 1e9
_CODEC = ("utf-8", "surrogateescape")


class Closed(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str):
        return b64decode(value["base64"], validate=True)
    raise ValueError("expected a text, or base64 under that name")


def _attribute(value: Any) -> Any:
    """An attribute that a user gave; bytes are written as base64."""
    if isinstance(value, dict) and set(value) == {"base64"}:
        return _bytes(value)
    of_user(value)  # for its complaints
    return value


def _plain_attribute(value: Any) -> Any:
    return {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    """A value of a trace: a number, a text, a map as pairs, or one of the objects for the rest."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, list):
        for pair in value:
            if not isinstance(pair, list) or len(pair) != 2:
                raise ValueError("expected pairs")
            _bytes(pair[0]), _bytes(pair[1])
        return value
    if isinstance(value, dict) and set(value) == {"cut", "size"} and type(value["size"]) is int:
        _bytes(value["cut"])
    elif not isinstance(value, dict) or set(value) != {"unreadable"}:
        _bytes(value)
    return value


Attribute = Annotated[Any, BeforeValidator(_attribute), PlainSerializer(_plain_attribute)]
Value = Annotated[Any, BeforeValidator(_value)]
Data = Annotated[bytes, BeforeValidator(_bytes), PlainSerializer(plain)]
Fields = list[tuple[Data, Data]]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1)]
Chunks = Size | list[Size] | None


def fields(headers: Iterable[tuple[str, str]]) -> Fields:
    return [(name.encode(*_CODEC), value.encode(*_CODEC)) for name, value in headers]


class RequestData(Closed):
    """A request. Its pseudo-headers have names of their own."""

    method: Data
    path: Data
    authority: Data
    scheme: Data
    headers: Fields
    body: Data
    trailers: Fields

    @classmethod
    def of(cls, request: Request) -> RequestData:
        return cls(
            method=request.method.encode(*_CODEC),
            path=request.path.encode(*_CODEC),
            authority=request.authority.encode(*_CODEC),
            scheme=request.scheme.encode(*_CODEC),
            headers=fields(request.headers),
            body=request.body.data,
            trailers=fields(request.trailers),
        )

    def request(self) -> Request:
        return Request(
            self.method.decode(*_CODEC),
            self.path.decode(*_CODEC),
            self.authority.decode(*_CODEC),
            self.scheme.decode(*_CODEC),
            Headers.of_bytes(self.headers),
            Body(self.body),
            Headers.of_bytes(self.trailers),
        )


class ResponseData(Closed):
    status: int = Field(ge=0, le=0xFFFF_FFFF)
    headers: Fields
    body: Data
    trailers: Fields

    @classmethod
    def of(cls, response: Response) -> ResponseData:
        return cls(
            status=response.status,
            headers=fields(response.headers),
            body=response.body.data,
            trailers=fields(response.trailers),
        )

    def response(self) -> Response:
        headers, trailers = Headers.of_bytes(self.headers), Headers.of_bytes(self.trailers)
        return Response(self.status, headers, Body(self.body), trailers)


class AnswerData(Closed):
    """What the upstream or a cluster answered; no response: none ever came, or it was refused."""

    response: ResponseData | None
    after: Seconds = 0.0
    refused: bool = False
    chunks: Chunks = None
    no_endpoints: bool = False

    @classmethod
    def of(cls, answer: Answer) -> AnswerData:
        response = ResponseData.of(answer.response) if answer.response is not None else None
        chunks = answer.chunk_size
        if chunks is not None and not isinstance(chunks, int):
            chunks = list(chunks)
        return cls(
            response=response,
            after=answer.after,
            refused=answer.refused,
            chunks=chunks,
            no_endpoints=answer.no_endpoints,
        )

    def answer(self) -> Answer:
        response = self.response.response() if self.response is not None else None
        return Answer(response, self.after, self.refused, self.chunks, self.no_endpoints)
