"""Messages that a filter may make and Envoy does not send on.

Our host hands on what the filter made of a message. Behind Envoy's filters stand a router and a
codec, which answer by themselves to what is no HTTP (measured on 1.40: 404 for a missing path, 502
for a missing status, 503 or a reset for a field that can't be written).
"""

from __future__ import annotations

import re

from mesh_traffic import Headers
from wasm_filters.http.outcome import Outcome

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BARE = (204, 304)
_NOT_IN_A_REQUEST = ("connection", "transfer-encoding", "upgrade")


def flaw(outcome: Outcome) -> str:
    """What is wrong with the request or the response that came out of the filters; "" if nothing
    is.
    """
    request, response = outcome.request, outcome.response
    if request is not None:
        if not request.path.startswith("/") or not request.method or not request.authority:
            return "a request without method, path or authority"
        if found := _field(request.headers) or _field(request.trailers):
            return found
        if any(name in request.headers for name in _NOT_IN_A_REQUEST):
            return "a request with a field of the connection"
    if response is not None:
        if not 200 <= response.status <= 999:
            return f"a response with status {response.status}"
        if response.status in _BARE and response.body:
            return f"a body after status {response.status}"
        return _field(response.headers) or _field(response.trailers)
    return ""


def _field(headers: Headers) -> str:
    for name, value in headers:
        if not _NAME.fullmatch(name) or _BAD_VALUE.search(value):
            return f"a field that can't be written: {name!r}"
    return ""
