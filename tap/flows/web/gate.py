"""Who may ask the page at all, before any token is looked at. Plain values, no I/O.

mitmweb takes any ``Host``, and browsers send cookies to every port of a host. So a page of another
site (DNS rebinding), or of another program on this machine, gets no answer here. What has no
browser's headers (curl) passes: it needs the token in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# ``*.localhost`` is not among them: resolvers may ask the network for it.
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_LINKED = ("GET", "/")  # the one thing that another page may lead to
_ITS_OWN = ("", "same-origin", "none")  # "none": typed, or from a bookmark


def refusal(method: str, path: str, headers: Mapping[str, str]) -> str:
    """Why the request may not pass, or "". ``headers`` are looked up without regard to case."""
    host = headers.get("Host", "")
    if not _LOOPBACK.fullmatch(host):
        return f"host {host[:80]!r}, expected a name of this machine's loopback"
    origin = headers.get("Origin", "")
    if origin and origin.lower() != f"http://{host}".lower():
        return f"origin {origin[:80]!r}, expected http://{host}"
    site = headers.get("Sec-Fetch-Site", "")
    if site not in _ITS_OWN and not _follows_a_link(method, path, headers):
        return f"asked by a page of another site ({site[:20]})"
    return ""


def _follows_a_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Somebody clicked on the address in a terminal that is a page itself."""
    navigates = headers.get("Sec-Fetch-Mode") == "navigate"
    return navigates and headers.get("Sec-Fetch-Dest") == "document" and (method, path) == _LINKED
