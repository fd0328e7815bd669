"""Conditions on all else: gRPC, chance, the client's certificate, what filters have left behind."""

from __future__ import annotations

from typing import Any

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.arriving.manager import whole
from debugger.routing.conditions.wanted import Wanted, unknown

_GRPC = "application/grpc"
_PARTS = (100, 10_000, 1_000_000)  # of FractionalPercent.DenominatorType, in its order


def grpc_condition(place: str) -> Wanted:
    """Its content type is gRPC's, in lower case and without parameters, as Envoy wants it."""

    def test(arrival: Arrival) -> bool:
        kind = "".join(arrival.values("content-type")[:1])
        return kind.startswith(_GRPC) and kind[len(_GRPC) : len(_GRPC) + 1] in ("", "+")

    def why(arrival: Arrival, holds: bool | None) -> str:
        kinds = arrival.values("content-type")
        return f"the content type is {kinds[0]!r}" if kinds else "there is no content type"

    return Wanted("gRPC", place, test, why)


def fraction_condition(fraction: Any, place: str) -> Wanted:
    """From a ``RuntimeFractionalPercent``: chance decides, unless it is none or all."""
    key, share = fraction.runtime_key, fraction.default_value
    parts = _PARTS[share.denominator] if share.denominator < len(_PARTS) else _PARTS[0]
    text = f"chance: {share.numerator:,} of {parts:,}" + (f", runtime {key}" if key else "")

    def test(arrival: Arrival) -> bool | None:
        runtime = arrival.stream.runtime
        if key and runtime is None:
            return None
        if key and runtime is not None and key in runtime:
            return _sure(whole(str(runtime[key])), 100)
        return _sure(share.numerator, parts)

    def why(arrival: Arrival, holds: bool | None) -> str:
        if key and arrival.stream.runtime is None:
            return f"what the runtime says of {key!r} is not known here"
        if holds is None:
            return "a random number decides"
        return "all requests" if holds else "no request"

    return Wanted(text, place, test, why)


def _sure(numerator: int | None, parts: int) -> bool | None:
    if numerator == 0:
        return False
    return True if numerator is not None and numerator >= parts else None


def tls_conditions(options: Any, place: str) -> list[Wanted]:
    """From ``TlsContextMatchOptions``: up to two conditions on the client's certificate."""
    return [
        _certificate(name, getattr(options, name).value, f"{place}.{name}")
        for name in ("presented", "validated")
        if options.HasField(name)
    ]


def _certificate(name: str, wanted: bool, place: str) -> Wanted:
    text = f"client certificate {'' if wanted else 'not '}{name}"

    def seen(arrival: Arrival) -> bool | None:
        return False if arrival.stream.tls is False else getattr(arrival.stream, name)

    def test(arrival: Arrival) -> bool | None:
        found = seen(arrival)
        return None if found is None else found == wanted

    def why(arrival: Arrival, holds: bool | None) -> str:
        if holds is None:
            return "nothing is known of the client's certificate"
        if arrival.stream.tls is False:
            return "the connection has no TLS"
        return f"it was {'' if seen(arrival) else 'not '}{name}"

    return Wanted(text, place, test, why)


def metadata_condition(matcher: Any, place: str) -> Wanted:
    """From a ``MetadataMatcher``; what filters put there is not known from the configuration."""
    path = ".".join([matcher.filter, *(step.key for step in matcher.path)])
    why = "which metadata filters have set is not known here"
    return unknown(f"dynamic metadata {path}", place, why)


def filter_state_condition(matcher: Any, place: str) -> Wanted:
    """From a ``FilterStateMatcher``, of which the same is true."""
    why = "which filter state there is is not known here"
    return unknown(f"filter state {matcher.key}", place, why)
