"""Envoy's response flags in words, and those that Envoy's own answers tell.

An admin tap carries no response flags. But where Envoy answers in the place of an upstream, its
answer says why: a header of its router, or the text of its local reply. Nothing is guessed beyond
that; each row of ``TOLD`` is compared with the real Envoy in the tests.
"""

from __future__ import annotations

from mesh_traffic import Response

# Envoy, "Access logging", %RESPONSE_FLAGS%.
WORDS = {
    "DC": "client disconnected",
    "DF": "DNS resolution failed",
    "DI": "delayed by a fault",
    "DPE": "downstream protocol error",
    "DT": "request or connection took too long",
    "DR": "client reset the stream",
    "FI": "aborted by a fault",
    "IH": "invalid value for a strictly checked header",
    "LH": "local health check failed",
    "LR": "reset by Envoy",
    "NC": "cluster not found",
    "NFCF": "no filter config",
    "NR": "no route",
    "OM": "overload manager",
    "RFCF": "answered from the cache",
    "RL": "rate limited",
    "RLSE": "rate limit service failed",
    "SI": "stream idle too long",
    "UAEX": "denied by external authorization",
    "UC": "upstream closed the connection",
    "UF": "upstream connection failed",
    "UH": "no healthy upstream",
    "UMSDR": "maximum stream duration reached",
    "UO": "circuit breaker open",
    "UPE": "upstream protocol error",
    "UR": "upstream reset the stream",
    "URX": "gave up after the last try",
    "UT": "upstream request timeout",
}

_RESET = "upstream connect error or disconnect/reset before headers. "
# status, a part of the local reply's text → flag
TOLD = (
    (503, "no healthy upstream", "UH"),
    (503, "reset reason: overflow", "UO"),
    (503, "reset reason: remote connection failure", "UF"),
    (503, "reset reason: local connection failure", "UF"),
    (503, "reset reason: connection timeout", "UF"),
    (503, "reset reason: connection termination", "UC"),
    (503, "reset reason: remote reset", "UR"),
    (504, "upstream request timeout", "UT"),
    (None, "fault filter abort", "FI"),
)


def in_words(flag: str) -> str:
    """What ``flag`` means, or "" for one that is not known."""
    return WORDS.get(flag, "")


def told_by(response: Response | None) -> tuple[str, ...]:
    """The flags that a response of Envoy itself gives away.

    Envoy's router marks each answer that an upstream gave with ``x-envoy-upstream-service-time``,
    so an answer that was only passed on (another proxy's local reply) tells nothing here.
    """
    if response is None or "x-envoy-upstream-service-time" in response.headers:
        return ()
    text = response.body.text
    found = [flag for status, part, flag in TOLD if _tells(response.status, text, status, part)]
    return tuple(found[:1])


def _tells(status: int, text: str, wanted: int | None, part: str) -> bool:
    if wanted not in (None, status):
        return False
    return text.startswith((part, _RESET)) and part in text
