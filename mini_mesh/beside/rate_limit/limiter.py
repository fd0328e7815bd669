"""The rate limit service without its door: bytes of a request in, bytes of an answer out.

``envoy.service.ratelimit.v3.RateLimitService``; what it decides is in
:mod:`mesh_patterns.rate_limits`. Messages are protobuf's own, through the mirror.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mesh_patterns.rate_limits.decision import Asked, Descriptor, Status, ask, decide
from mesh_patterns.rate_limits.rules import Domain, Limit, Rules
from mini_mesh.beside.rate_limit.counters import Counters
from mini_mesh.beside.unary import Method, Refused
from xds_server.errors import WireError
from xds_server.mirror import mirror_class, parse
from xds_server.protos import rate_limit_service as messages

SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
HEALTH = "/grpc.health.v1.Health/Check"  # https://github.com/grpc/grpc/blob/master/doc/health-checking.md
_SERVING = b"\x08\x01"  # its answer: status SERVING
INVALID_ARGUMENT = 3
MAX_DESCRIPTORS = 64  # in one request
MAX_STATISTICS = 10_000  # rules and, where they are detailed, values; what comes later is not told

_UNITS = {
    unit.name.lower(): int(unit)
    for unit in messages.RateLimitResponseRateLimitUnit
    if unit.name != "UNKNOWN"
}
_NAMES = {number: name for name, number in _UNITS.items()}
_OK = int(messages.RateLimitResponseCode.OK)
_OVER_LIMIT = int(messages.RateLimitResponseCode.OVER_LIMIT)


class Limiter:
    """``clock`` gives seconds since 1970. With ``headers``, answers have fields of their own.

    ``statistics`` are counts by rule: ``domain.key_value`` and what became of its requests.
    """

    def __init__(
        self, counters: Counters, clock: Callable[[], float], *, headers: bool = False
    ) -> None:
        self.statistics: dict[str, Counter[str]] = {}
        self._rules = Rules()
        self._counters, self._clock, self._headers = counters, clock, headers
        self._answer: Any = mirror_class(messages.RateLimitResponse)

    def tell(self, domains: Sequence[Domain]) -> None:
        """These rules hold from now on; what was counted stays."""
        self._rules = Rules(domains)

    @property
    def methods(self) -> Mapping[str, Method]:
        return {SHOULD_RATE_LIMIT: self.should_rate_limit, HEALTH: lambda message: _SERVING}

    def should_rate_limit(self, message: bytes) -> bytes | Awaitable[bytes]:
        """Raises Refused: that is no question, or it can't be counted."""
        try:
            request = parse(messages.RateLimitRequest, message)
        except WireError as error:
            raise Refused(INVALID_ARGUMENT, str(error)) from error
        if not request.domain or not request.descriptors:
            what = "descriptor" if request.domain else "domain"
            raise Refused(INVALID_ARGUMENT, f"the request names no {what}")
        if len(request.descriptors) > MAX_DESCRIPTORS:
            raise Refused(INVALID_ARGUMENT, f"more than {MAX_DESCRIPTORS} descriptors")
        now = self._clock()
        asked = ask(self._rules, request.domain, _descriptors(request), now)
        counted = self._counters.add([each.adds for each in asked if each.adds])
        if isinstance(counted, Sequence):
            return self._said(asked, decide(asked, counted, now))
        return self._later(asked, counted, now)

    async def _later(
        self, asked: Sequence[Asked], counted: Awaitable[Sequence[int]], now: float
    ) -> bytes:
        return self._said(asked, decide(asked, await counted, now))

    def _said(self, asked: Sequence[Asked], statuses: Sequence[Status]) -> bytes:
        answer = self._answer()
        over = any(status.over for status in statuses)
        answer.overall_code = _OVER_LIMIT if over else _OK
        for each, status in zip(asked, statuses, strict=True):
            told = answer.statuses.add()
            told.code = _OVER_LIMIT if status.over else _OK
            limit = status.limit
            if limit is None:
                continue
            told.limit_remaining = status.remaining
            self._count(each, status, limit)
            if limit.unlimited:
                continue
            told.current_limit.requests_per_unit = limit.requests
            told.current_limit.unit = _UNITS[limit.unit]
            if limit.name:
                told.current_limit.name = limit.name
            told.duration_until_reset.seconds = status.reset
        if self._headers:
            _add_headers(answer, statuses)
        return answer.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped

    def _count(self, asked: Asked, status: Status, limit: Limit) -> None:
        path = limit.path
        if limit.detailed and asked.descriptor.entries:
            path = f"{path}_{asked.descriptor.entries[-1][1]}"
        found = self.statistics.get(path)
        if found is None:
            if len(self.statistics) >= MAX_STATISTICS:
                return
            found = self.statistics[path] = Counter()
        hits = asked.descriptor.hits
        found["total_hits"] += hits
        found["over_limit" if status.exceeded else "within_limit"] += hits
        if status.exceeded and limit.shadow:
            found["shadow_mode"] += hits


def _descriptors(request: Any) -> list[Descriptor]:
    """What is asked for, with how much each counts (``hits_addend``, "rls.proto")."""
    hits = request.hits_addend or 1
    found = []
    for each in request.descriptors:
        entries = tuple((entry.key, entry.value) for entry in each.entries)
        own = each.hits_addend.value if each.HasField("hits_addend") else hits
        override = _override(each.limit) if each.HasField("limit") else None
        found.append(Descriptor(entries, own, override))
    return found


def _override(limit: Any) -> Limit | None:
    unit = _NAMES.get(limit.unit)
    return Limit(limit.requests_per_unit, unit, path="override") if unit else None


def _add_headers(answer: Any, statuses: Sequence[Status]) -> None:
    """Of the limit that is nearest, as envoyproxy/ratelimit calls them."""
    limits = [each for each in statuses if each.limit and not each.limit.unlimited]
    if not limits:
        return
    nearest = min(limits, key=lambda each: each.remaining)
    requests = nearest.limit.requests if nearest.limit else 0
    values = {"Limit": requests, "Remaining": nearest.remaining, "Reset": nearest.reset}
    for name, value in values.items():
        field = answer.response_headers_to_add.add()
        field.key, field.value = f"RateLimit-{name}", str(value)
