"""How long Envoy waits for an answer, and how often it tries: what is in effect, and its lines.

https://www.envoyproxy.io/docs/envoy/v1.40.0/faq/configuration/timeouts
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from debugger.explain.served import Piece

DEFAULT = 15.0  # seconds that a route waits, unless it says otherwise
RETRIES = 1  # of a retry policy that does not say how many


class Patience(Struct, frozen=True):
    """``timeout`` is for the whole answer, ``per_try`` for one try, in seconds; ``None``: none.

    ``retries`` come on top of the first try, for what ``retry_on`` names. ``longest`` bounds the
    stream (``max_stream_duration``).
    """

    timeout: float | None = DEFAULT
    timeout_place: str = ""
    given: bool = False  # the route says it
    retries: int = 0
    retry_on: tuple[str, ...] = ()
    per_try: float | None = None
    retries_place: str = ""
    longest: float | None = None

    @property
    def tries(self) -> int:
        """At most."""
        return 1 + self.retries


def patience(table: Piece, host: Any, host_path: str, route: Any, route_path: str) -> Patience:
    """What a route, or its virtual host for it, says."""
    action, at = route.route, f"{route_path}.route"
    given = action.HasField("timeout")
    timeout = seconds(action.timeout) if given else DEFAULT
    policy, place = action.retry_policy, table.place(f"{at}.retry_policy")
    if not action.HasField("retry_policy") and host.HasField("retry_policy"):
        policy, place = host.retry_policy, table.place(f"{host_path}.retry_policy")
    retry_on = _conditions(policy)
    own = policy.num_retries.value if policy.HasField("num_retries") else RETRIES
    longest = seconds(action.max_stream_duration.max_stream_duration)
    return Patience(
        timeout or None,
        table.place(f"{at}.timeout"),
        given,
        own if retry_on else 0,
        retry_on,
        seconds(policy.per_try_timeout) or None,
        place if retry_on else "",
        longest or None,
    )


def _conditions(policy: Any) -> tuple[str, ...]:
    names = [each.strip() for each in policy.retry_on.split(",") if each.strip()]
    codes = [str(each) for each in policy.retriable_status_codes]
    return tuple([each for each in names if each != "retriable-status-codes" or not codes] + codes)


def seconds(duration: Any) -> float:
    """A protobuf ``Duration``."""
    found: float = duration.seconds + duration.nanos / 1e9
    return found
