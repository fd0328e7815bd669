"""Server-sent events (WHATWG HTML, section 9.2.6): a stream of them as a list."""

from __future__ import annotations

import re
from typing import Any

from tap.content.nouns import Content, Decode, View
from tap.content.text import decoded_text

MAX_EVENTS = 1_000  # of one body
_LINE_END = re.compile("\r\n|\r|\n")


def event_stream(content: Content, decode: Decode) -> View:
    """Each event with the fields that it came with; ``data`` that is JSON as such.

    An event ends with an empty line: what comes after the last one is shown, with a note.
    """
    text, notes = decoded_text(content)
    events: list[dict[str, Any]] = [{}]
    for line in _LINE_END.split(text):
        if not line and events[-1]:
            if len(events) > MAX_EVENTS:
                break
            events.append({})
        elif line and not line.startswith(":"):  # a comment: servers keep connections alive by it
            _add(events[-1], line)
    if len(events) > MAX_EVENTS:
        notes = (*notes, f"only the first {MAX_EVENTS:,} events are shown")
        del events[MAX_EVENTS:]
    elif events[-1]:
        notes = (*notes, "the last event has not ended")
    shown = [one for one in events if one]
    texts = [_text(content, one, decode) for one in shown]
    return View("sse", "\n\n".join(texts), shown, notes)


def _add(event: dict[str, Any], line: str) -> None:
    name, _, value = line.partition(":")
    value = value.removeprefix(" ")
    if name == "data":
        event.setdefault("data", []).append(value)
    elif name in ("event", "id", "retry"):
        event[name] = value


def _text(content: Content, event: dict[str, Any], decode: Decode) -> str:
    """The event's text; its ``data``, a list of lines until now, becomes a value."""
    lines = [f"{name}: {event[name]}" for name in ("event", "id", "retry") if name in event]
    if "data" in event:
        data = "\n".join(event["data"])
        view = decode(content.inner(data.encode("utf-8", "replace")))
        structured = view.kind == "json"
        event["data"] = view.value if structured else data
        text = view.text if structured else data
        lines += [f"data: {line}" for line in text.split("\n")]
    return "\n".join(lines)
