"""What the gate answers to an Envoy: ``ProcessingResponse`` messages, as bytes. Pure.

Source: Envoy, ``envoy.service.ext_proc.v3.ExternalProcessor``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from debugger.breakpoints.breakpoint import Phase
from debugger.gate.edit import Edit
from xds_server.mirror import parse, serialize
from xds_server.protos import core, ext_proc
from xds_server.protos import ext_proc_service as service

ABORTED = "meshloom_debug"  # the response code details of who is answered by us
OVERRIDE = core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD

_SEND = ext_proc.ProcessingModeHeaderSendMode.SEND
_SKIP = ext_proc.ProcessingModeHeaderSendMode.SKIP
_WHOLE = ext_proc.ProcessingModeBodySendMode.BUFFERED_PARTIAL
_NONE = ext_proc.ProcessingModeBodySendMode.NONE
# a route that was chosen before it is changed would be gone by
_ROUTED_BY = (":path", ":method", ":authority", ":scheme")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which later phases of a request are to be told."""

    request_body: bool = False
    response: bool = False
    response_body: bool = False

    def __bool__(self) -> bool:
        return self.request_body or self.response or self.response_body


@dataclass(frozen=True, slots=True)
class Abort:
    """The answer instead of all that would follow. ``status``: 200 to 599."""

    status: int = 503
    body: bytes = b""
    headers: Mapping[str, str] | None = None


def wait(seconds: float) -> bytes:
    """The answer takes so long, counted from now."""
    told = service.ProcessingResponse(override_message_timeout=timedelta(seconds=seconds))
    return serialize(told)


@functools.lru_cache(64)
def on(phase: Phase, wanted: Wanted) -> bytes:
    """It goes on as it is."""
    return go_on(phase, Edit(), wanted, None)


def go_on(phase: Phase, edit: Edit, wanted: Wanted, length: int | None) -> bytes:
    """It goes on, with what is changed. ``length`` is that of its body where that has one that is
    told: a new body has another."""
    common = _common(phase, edit, length)
    if phase in (Phase.REQUEST_BODY, Phase.RESPONSE_BODY):
        body = service.BodyResponse(response=common)
        if phase == Phase.REQUEST_BODY:
            return serialize(service.ProcessingResponse(request_body=body))
        return serialize(service.ProcessingResponse(response_body=body))
    headers, mode = service.HeadersResponse(response=common), _mode(wanted)
    if phase == Phase.REQUEST:
        told = service.ProcessingResponse(request_headers=headers, mode_override=mode)
    else:
        told = service.ProcessingResponse(response_headers=headers, mode_override=mode)
    return serialize(told)


def _common(phase: Phase, edit: Edit, length: int | None) -> service.CommonResponse:
    status = service.CommonResponseResponseStatus.CONTINUE
    fields, removed, body = dict(edit.set), list(edit.removed), None
    if edit.body is not None:
        body = service.BodyMutation(body=edit.body)
        removed.append("content-encoding")
        if phase in (Phase.REQUEST, Phase.RESPONSE):  # the body that is still to come is not sent
            status = service.CommonResponseResponseStatus.CONTINUE_AND_REPLACE
        if length is not None:
            fields["content-length"] = str(len(edit.body))
    if not edit:
        return service.CommonResponse(status=status)
    return service.CommonResponse(
        status=status,
        header_mutation=service.HeaderMutation(
            set_headers=[_option(name, value) for name, value in fields.items()],
            remove_headers=removed,
        ),
        body_mutation=body,
        clear_route_cache=phase == Phase.REQUEST and bool(edit.set or edit.removed),
    )


def _option(name: str, value: str) -> core.HeaderValueOption:
    return core.HeaderValueOption(
        header=core.HeaderValue(key=name, raw_value=value.encode("utf-8", "surrogateescape")),
        append_action=OVERRIDE,
    )


def _mode(wanted: Wanted) -> ext_proc.ProcessingMode:
    return ext_proc.ProcessingMode(
        request_header_mode=_SEND,
        response_header_mode=_SEND if wanted.response or wanted.response_body else _SKIP,
        request_body_mode=_WHOLE if wanted.request_body else _NONE,
        response_body_mode=_WHOLE if wanted.response_body else _NONE,
        request_trailer_mode=_SKIP,
        response_trailer_mode=_SKIP,
    )


def abort(given: Abort) -> bytes:
    """It is answered at once."""
    fields = [_option(name, value) for name, value in (given.headers or {}).items()]
    told = service.ProcessingResponse(
        immediate_response=service.ImmediateResponse(
            headers=service.HeaderMutation(set_headers=fields), body=given.body, details=ABORTED
        )
    )
    message = parse(service.ProcessingResponse, serialize(told))
    message.immediate_response.status.code = given.status  # 418 is none of Envoy's enum, but sent
    return bytes(message.SerializeToString())
