"""A filter's regression test of a capture, in the language of docs/TESTING_FILTERS.md."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.content.text import is_text
from tap.export.words import told
from wasm_filters.http.outcome import Outcome
from wasm_filters.testing.written import written

MAX_BODY = 64 << 10  # bytes of a body that are expected byte for byte; of a longer one its size

Fields = dict[str, str | list[str] | None]


Passed = tuple[Exchange, Request, Response, Outcome]


def suite(passed: Sequence[Passed], head: Mapping[str, Any]) -> str:
    """The file's text, a test for each capture: what came in, what the upstream said (the captured
    response), and what the filter made of it.

    ``head`` are the words on the filter. Raises ValueError: a field or a status that no test file
    can hold.
    """
    ids = ", ".join(told(exchange.id) for exchange, *_ in passed)
    tests = [_test(*each) for each in passed]
    return written([f"by meshloom debug replay, from {ids}"], head, tests)


def _test(
    exchange: Exchange, request: Request, captured: Response, outcome: Outcome
) -> dict[str, Any]:
    if not 100 <= captured.status <= 599:
        raise ValueError(f"a status of {captured.status} can't be an upstream's in a test")
    return {
        "name": told(f"{request.method} {request.path} of capture {exchange.id}"),
        "request": _request(request),
        "upstream": {"status": captured.status, **_message(captured)},
        "expect": _expected(request, captured, outcome),
    }


def _request(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": _text(request.path, "path"),
        "authority": _text(request.authority, "authority"),
        "scheme": request.scheme,
        **_message(request),
    }


def _message(message: Request | Response) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if message.headers:
        found["headers"] = _fields(message.headers)
    if message.body.data:
        found["body"] = _body(message.body)
    if message.trailers:
        found["trailers"] = _fields(message.trailers)
    return found


def _fields(headers: Headers) -> Fields:
    names = dict.fromkeys(name.lower() for name, _ in headers)
    return {name: _values(name, headers.get_all(name)) for name in names}


def _values(name: str, values: list[str]) -> str | list[str]:
    texts = [_text(value, f"header {name}") for value in values]
    return texts[0] if len(texts) == 1 else texts


def _text(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} holds bytes that are no UTF-8; no test file can") from error
    return text


def _body(body: Body) -> Any:
    data = body.data
    return data.decode() if is_text(data) else {"base64": b64encode(data).decode()}


def _expected(request: Request, captured: Response, outcome: Outcome) -> dict[str, Any]:
    """What the filter did; of what it left as it was, only that it got through."""
    response = outcome.response
    expected: dict[str, Any] = {"status": response.status if response else "none"}
    if outcome.local_reply:
        expected["local_reply"] = True
    expected["upstream"] = (
        _changed_request(request, outcome.request) if outcome.request is not None else "none"
    )
    if response is not None:
        before = Response(0) if outcome.local_reply else captured
        expected |= _renamed(_changed(before, response), {"headers": "response_headers"})
    ended = {"paused": outcome.paused, "reset": outcome.reset, "failure": bool(outcome.failure)}
    return {**expected, **{word: value for word, value in ended.items() if value}}


def _changed_request(before: Request, after: Request) -> dict[str, Any]:
    parts = ("method", "path", "authority", "scheme")
    always = {"method": after.method, "path": after.path}
    changed = {p: getattr(after, p) for p in parts if getattr(after, p) != getattr(before, p)}
    return {**always, **changed, **_changed(before, after)}


def _changed(before: Request | Response, after: Request | Response) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if headers := _changed_fields(before.headers, after.headers):
        found["headers"] = headers
    if before.body.data != after.body.data:
        found["body"] = _body_match(after.body)
    return found


def _changed_fields(before: Headers, after: Headers) -> Fields:
    found: Fields = {}
    for name in dict.fromkeys(name.lower() for name, _ in (*before, *after)):
        old, new = before.get_all(name), after.get_all(name)
        if old != new:
            found[name] = _values(name, new) if new else None
    return found


def _body_match(body: Body) -> Any:
    return {"size": len(body.data)} if len(body.data) > MAX_BODY else _body(body)


def _renamed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(word, word): value for word, value in found.items()}
