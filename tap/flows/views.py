"""mitmproxy's content views, as text. Their API differs between mitmproxy 11 and 12."""

from __future__ import annotations

from typing import Any

from mitmproxy import contentviews

# Ours, mitmproxy 12's, mitmproxy 11's
NAMES = {
    "xml": ("xml/html", "XML/HTML"),
    "css": ("viewcss", "CSS"),
    "javascript": ("javascript", "JavaScript"),
    "image": ("image", "Image"),
    "msgpack": ("msgpack", "MsgPack"),
}


class ViewError(ValueError):
    """The view could not make anything of the bytes."""


def laid_out(name: str, data: bytes) -> str:
    """``data`` as the view ``name`` (of ``NAMES``) shows it. Raises ViewError."""
    try:
        text = (
            _by_registry(name, data) if hasattr(contentviews, "registry") else _by_call(name, data)
        )
    except Exception as error:  # views are written to fail as they like; mitmproxy does the same
        raise ViewError(
            f"no {name}: {str(error).splitlines()[0] if str(error) else error!r}"
        ) from error
    return text


def _by_registry(name: str, data: bytes) -> str:
    return contentviews.registry[NAMES[name][0]].prettify(data, contentviews.Metadata())


def _by_call(name: str, data: bytes) -> str:
    """mitmproxy 11: a view gives lines of styled pieces, or nothing."""
    view: Any = getattr(contentviews, "get")(NAMES[name][1])  # noqa: B009 # gone in 12
    result = view(data)
    if result is None:
        raise ViewError("nothing to show")
    _, lines = result
    return "\n".join("".join(_piece(text) for _, text in line) for line in lines)


def _piece(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
