"""A view: what became of one case in one engine, and its parts, which are compared one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from zlib import crc32

from mesh_traffic import Headers, Request, Response
from mini_mesh.filter_rig.log import Crossing

MAX_SHOWN = 300  # characters of one value
ORDER = "header order"
UNORDERED = ("transfer-encoding",)  # each codec writes it where it likes
SEQUENCES = ("log", "call")  # parts with numbers: after a departure the rest says nothing


class Ending(Enum):
    """How it ended for the client."""

    ANSWERED = "answered"
    RESET = "reset"
    NOTHING = "no answer"


@dataclass(frozen=True, slots=True)
class View:
    """``requests`` are what the upstream got whole, ``callouts`` by cluster what each cluster got.
    ``logs`` are level and message, ``calls`` every callback and hostcall, all in order.
    """

    ending: Ending
    response: Response | None
    requests: Sequence[Request] = ()
    callouts: Mapping[str, Sequence[Request]] | None = None
    logs: Sequence[tuple[str, str]] = ()
    calls: Sequence[Crossing] = ()


def parts(view: View) -> dict[str, str]:
    """The parts of a view in words, by what a person would call them (``response header x-plan``);
    those of the client first.
    """
    return dict(_parts(view))


def _parts(view: View) -> Iterator[tuple[str, str]]:
    yield "client", view.ending.value
    if view.response is not None:
        yield "status", str(view.response.status)
        yield from _message("response", view.response)
    yield "upstream requests", str(len(view.requests))
    for number, request in enumerate(view.requests, 1):
        yield from _request(_numbered("upstream", number, view.requests), request)
    for cluster, requests in (view.callouts or {}).items():
        yield f"callouts to {cluster}", str(len(requests))
        for number, request in enumerate(requests, 1):
            yield from _request(f"callout {number} to {cluster}", request)
    for number, (level, message) in enumerate(view.logs, 1):
        yield f"log {number}", f"{level}: {message}"
    for number, call in enumerate(view.calls, 1):
        yield f"call {number}", shown_call(call)


def _numbered(name: str, number: int, all_: Sequence[object]) -> str:
    return name if len(all_) == 1 else f"{name} {number}"


def _request(place: str, request: Request) -> Iterator[tuple[str, str]]:
    yield f"{place} method", request.method
    yield f"{place} path", request.path
    yield f"{place} authority", request.authority
    yield from _message(place, request)


def _message(place: str, message: Request | Response) -> Iterator[tuple[str, str]]:
    yield from _fields(f"{place} header", message.headers)
    yield f"{place} {ORDER}", " ".join(n for n in _names(message.headers) if n not in UNORDERED)
    yield f"{place} body", shown_bytes(message.body.data)
    yield from _fields(f"{place} trailer", message.trailers)


def _fields(place: str, headers: Headers) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys(_names(headers)):
        yield f"{place} {name}", " | ".join(map(repr, headers.get_all(name)))


def _names(headers: Headers) -> list[str]:
    return [name.lower() for name, _ in headers]


def shown_bytes(data: bytes) -> str:
    """A body for people; what is cut off counts by a checksum of the whole."""
    text = repr(data)[1:]
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[: MAX_SHOWN - 1]}… ({len(data):,} bytes, crc {crc32(data):08x})"


def shown_call(call: Crossing) -> str:
    """A callback with what it was told and what it answered, a hostcall with its status.

    Addresses and the ids of contexts are each engine's own, and left out.
    """
    answer = call.result if call.returned else "did not return"
    told = ", ".join(map(str, call.arguments[1:]))
    if call.inside:
        return f"{call.name} in {call.inside}: {answer}"
    if call.name == "proxy_on_context_create":
        return call.name
    return f"{call.name}({told}): {answer}"
