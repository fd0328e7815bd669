"""What people's programs and the desk say to each other: a JSON object a line, both ways. Pure.

{"n": 1, "do": "break", "sentence": "reviews when ~m GET", "limit": 1}
{"n": 1, "event": "answer", "breakpoint": {…}}
{"event": "held", "id": "41c0", "phase": "request headers", "exchange": {…}, …}
{"n": 2, "do": "release", "hold": "41c0", "verb": "continue", "set": {"x-plan": "team"}}
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from debugger.breakpoints.breakpoint import LEASE, Breakpoint, Phase
from debugger.breakpoints.sentence import read_sentence
from debugger.gate.answers import Abort
from debugger.gate.edit import Edit
from debugger.gate.hold import Done, Event, Held, Missed, Release, Released, Verb
from mesh_yaml.suggest import suggest
from tap.live.wire import exchange_from_json, exchange_to_json

MAX_LINE = 24 * 1024 * 1024  # two bodies, escaped


class WireError(ValueError):
    """A line that is none of these; the message says why."""


def breakpoint_of(asked: Mapping[str, Any], services: frozenset[str]) -> Breakpoint:
    """What ``break`` asks for. Raises WireError, SentenceError, ValueError."""
    text = _text(asked, "sentence")
    said = read_sentence(text, services)
    limit = asked.get("limit")
    return Breakpoint(
        "",
        text,
        said.place,
        said.match,
        said.phase,
        skip=_whole(asked, "skip", 0),
        limit=None if limit is None else _whole(asked, "limit", 0),
        lease=_number(asked, "lease", LEASE),
        on_end=asked.get("on_end", "open"),
    )


def release_of(asked: Mapping[str, Any]) -> Release:
    """What ``release`` asks for. Raises WireError."""
    verb = asked.get("verb", "continue")
    if verb not in get_args(Verb):
        raise WireError(f"unknown verb {verb!r}{suggest(str(verb), get_args(Verb))}")
    if verb == "abort":
        status = _whole(asked, "status", 503)
        if not 200 <= status <= 599:
            raise WireError(f"got a status of {status}, wanted one from 200 to 599")
        return Release(verb, abort=Abort(status, _body(asked) or b"", _fields(asked, "set")))
    removed = asked.get("remove", [])
    if not isinstance(removed, list) or not all(isinstance(name, str) for name in removed):
        raise WireError("'remove' has to be a list of names")
    return Release(verb, Edit(_fields(asked, "set"), tuple(removed), _body(asked)))


def release_to_json(release: Release) -> dict[str, Any]:
    """The inverse of :func:`release_of`."""
    told: dict[str, Any] = {"verb": release.verb}
    body = release.edit.body
    if release.verb == "abort":
        told |= {"status": release.abort.status, "set": dict(release.abort.headers or {})}
        body = release.abort.body
    else:
        told |= {"set": dict(release.edit.set), "remove": list(release.edit.removed)}
    if body is not None:
        told["base64"] = base64.b64encode(body).decode()
    return told


def _body(asked: Mapping[str, Any]) -> bytes | None:
    if "base64" in asked:
        try:
            return base64.b64decode(_text(asked, "base64"), validate=True)
        except binascii.Error as error:
            raise WireError(f"'base64' is none: {error}") from error
    return _text(asked, "body").encode() if asked.get("body") is not None else None


def _fields(asked: Mapping[str, Any], name: str) -> dict[str, str]:
    found = asked.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise WireError(f"{name!r} has to be an object of names and texts")
    return found


def _text(asked: Mapping[str, Any], name: str) -> str:
    found = asked.get(name, "")
    if not isinstance(found, str):
        raise WireError(f"{name!r} has to be text, got {type(found).__name__}")
    return found


def _whole(asked: Mapping[str, Any], name: str, default: int) -> int:
    found = asked.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise WireError(f"{name!r} has to be a whole number, got {found!r}")
    return found


def _number(asked: Mapping[str, Any], name: str, default: float) -> float:
    found = asked.get(name, default)
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise WireError(f"{name!r} has to be a number, got {found!r}")
    return float(found)


def breakpoint_to_json(one: Breakpoint, counted: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """``counted`` are the requests that hit it, and those of them that were held."""
    return {
        "id": one.id,
        "sentence": one.text,
        "at": str(one.place),
        "condition": one.match.expression.strip(),
        "phase": one.phase.words,
        "skip": one.skip,
        "limit": one.limit,
        "lease": one.lease,
        "on_end": one.on_end,
        "hits": counted[0],
        "held": counted[1],
    }


def event_to_json(event: Event) -> dict[str, Any]:
    if isinstance(event, Held):
        told = {"exchange": exchange_to_json(event.exchange), "phase": event.phase.words}
        names = ("id", "breakpoint", "node", "since", "until", "whole")
        plain = {name: getattr(event, name) for name in names}
        return {"event": "held", **plain, **told, "attributes": dict(event.attributes)}
    if isinstance(event, Done):
        return {"event": "done", "breakpoint": event.breakpoint.id}
    return {"event": type(event).__name__.lower(), **asdict(event)}


def event_from_json(told: Mapping[str, Any]) -> Held | Released | Missed | str | None:
    """The inverse; of ``done`` the breakpoint's id, and None for what is no event of a gate.

    Raises WireError.
    """
    values = {name: value for name, value in told.items() if name != "event"}
    try:
        if told.get("event") == "held":
            values["exchange"] = exchange_from_json(values["exchange"])
            values["phase"] = _PHASES[values["phase"]]
            return Held(**values)
        if told.get("event") == "released":
            return Released(**values)
        if told.get("event") == "missed":
            return Missed(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"the desk said what is no event: {error}") from error
    return str(values.get("breakpoint", "")) if told.get("event") == "done" else None


_PHASES = {phase.words: phase for phase in Phase}


def encode(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Raises WireError."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a line that is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise WireError(f"a line with {type(found).__name__}, wanted an object")
    return found
