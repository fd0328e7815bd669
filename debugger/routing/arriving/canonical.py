"""Paths made canonical, as the HTTP connection manager does when it is told to.

Three settings, in this order: what becomes of escaped slashes, ``normalize_path``,
``merge_slashes``. The query stays as it is. Envoy uses Chromium's URL library for the second, and
so do these rules (RFC 3986, section 6.2.2, with browsers' additions).
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
"""

from __future__ import annotations

import re
import string

_END = re.compile(r"[?#]")
_ESCAPED_SLASH = re.compile(r"%(?:2f|5c)", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})?")
_LONE = "\0"  # stands for a "%" that begins no escape; a path with a real one is refused before
_NESTED = re.compile(rf"{_LONE}(?=[0-9a-fA-F]{{2}})")
# Envoy's own, before the library's: dots with parameters are dots, but not when they are escaped
_DOTS_WITH_PARAMETERS = re.compile(r"(?<=/)(\.\.?);[^/]*")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_KEPT = _UNRESERVED | frozenset("!$%&'()*+,:;=@[]/")
_CANONICAL = re.compile(r"/[a-zA-Z0-9\-_~!$&'()*+,:;=@\[\]/]*")  # most paths: without dots
_STEPS = {".": ".", "%2e": ".", "..": "..", "%2e.": "..", ".%2e": "..", "%2e%2e": ".."}


def has_escaped_slashes(path: str) -> bool:
    """``%2F`` or ``%5C``, in any case, before the query."""
    return _ESCAPED_SLASH.search(_split(path)[0]) is not None


def unescaped_slashes(path: str) -> str:
    """The path with its escaped slashes and backslashes written out."""
    before, query = _split(path)
    return _ESCAPED_SLASH.sub(lambda found: "/" if found[0][2] in "fF" else "\\", before) + query


def normal(path: str) -> str | None:
    """Without dot segments, only that escaped which has to be; ``None``: Envoy answers 400."""
    before, query = _split(path)
    if _CANONICAL.fullmatch(before):
        return path
    if not before.startswith(("/", "\\")):
        return None
    before = _DOTS_WITH_PARAMETERS.sub(r"\1", before)
    kept: list[str] = []
    step = ""
    for segment in before.replace("\\", "/")[1:].split("/"):
        step = _STEPS.get(segment.lower(), "")
        if step == "..":
            del kept[-1:]
        elif not step:
            kept.append(segment)
    if step:
        kept.append("")
    written = _unescaped("/" + "/".join(kept))
    return None if written is None else written + query


def merged_slashes(path: str) -> str:
    """One slash where there were several."""
    before, query = _split(path)
    if "//" not in before:
        return path
    start, end = ("/" if at else "" for at in (before.startswith("/"), before.endswith("/")))
    return start + "/".join(filter(None, before.split("/"))) + end + query  # "///" becomes "//"


def _split(path: str) -> tuple[str, str]:
    at = _END.search(path)
    return (path[: at.start()], path[at.start() :]) if at else (path, "")


def _unescaped(path: str) -> str | None:
    if "%00" in path or "\0" in path:
        return None

    def plain(found: re.Match[str]) -> str:
        if found[1] is None:
            return _LONE
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else found[0]

    written = _ESCAPE.sub(plain, path)
    if _LONE in written:  # what was unescaped after one must not make an escape of it
        written = _NESTED.sub("%25", written).replace(_LONE, "%")
    if _KEPT.issuperset(written):
        return written
    return "".join(each if each in _KEPT else _escaped(each) for each in written)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
