"""A captured request through a filter under wasmtime; the captured response answers as upstream."""

from __future__ import annotations

from debugger.replay.request.edit import Edit, edited
from mesh_traffic import Exchange, Headers, Request, Response, replace
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.services.upstream import Answer


def arriving(exchange: Exchange, edit: Edit) -> Request:
    """The request as a filter gets it: with all that Envoy had added, names in lower case."""
    request = edited(exchange.request, edit)
    headers = Headers(tuple((name.lower(), value) for name, value in request.headers))
    if edit.body is not None:
        headers = headers.removed("content-length")
        if edit.body:
            headers = headers.added("content-length", str(len(edit.body)))
    return replace(request, headers=headers)


def through(filter_: Filter, request: Request, captured: Response) -> Outcome:
    """What becomes of it. The filter's clock stands still and its random numbers repeat, so it does
    so every time."""
    answer = Answer(captured)
    return filter_.handle(request, lambda asked: answer)


def after(exchange: Exchange, request: Request, outcome: Outcome) -> Exchange:
    """The exchange that the filter's client would have seen."""
    return replace(exchange, request=request, response=outcome.response)
