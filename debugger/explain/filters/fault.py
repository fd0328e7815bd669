"""The fault filter: whom it delays and whom it aborts.

https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/fault_filter
"""

from __future__ import annotations

from typing import Any

from debugger.explain.filters.verdict import PERCENT, Passing, Verdict, all_of, percentage

DETAILS = ("fault_filter_abort",)
_BY_HEADER = {
    "header_abort": "x-envoy-fault-abort-request",
    "header_delay": "x-envoy-fault-delay-request",
}


def judge(config: Any, passing: Passing, clusters: tuple[str, ...]) -> Verdict:
    """``clusters`` are those that the request may go to."""
    delay, abort = _delay(config, passing), _abort(config, passing)
    if not delay and not abort:
        return Verdict("", "", True, "it has nothing to do here", quiet=True)
    meant, why = _meant(config, passing, clusters)
    if meant is False:
        return Verdict("", "", True, why, details=DETAILS)
    said = [words for words, _ in filter(None, (delay, abort))]
    text = f"{' and '.join(said)}{f', {why}' if why else ''}"
    aborted = _sure(abort, meant)
    return Verdict(
        "",
        "",
        None if aborted is None else not aborted,
        text,
        details=DETAILS,
        status=_status(config) if abort else None,
        delays=_sure(delay, meant),
    )


def _sure(part: tuple[str, float | None] | None, meant: bool | None) -> bool | None:
    if part is None:
        return False
    _, percent = part
    if percent == 0:
        return False
    return True if meant and percent is not None and percent >= PERCENT else None


def _meant(config: Any, passing: Passing, clusters: tuple[str, ...]) -> tuple[bool | None, str]:
    """Whether it is about this request."""
    found = [passing.header(each) for each in config.headers]
    failed = next((each for each in found if each.holds is False), None)
    if failed is not None:
        return False, f"not for this: {failed.text}, {failed.why}"
    holds = all_of([each.holds for each in found])
    if config.upstream_cluster:
        wanted = config.upstream_cluster
        if wanted not in clusters:
            return False, f"only for cluster {wanted}"
        holds = holds if clusters == (wanted,) else None
    if config.downstream_nodes:
        holds = None if holds else holds
    words = " and ".join(f"{each.text}: {each.why}" for each in found)
    limited = config.HasField("max_active_faults")
    return (None if limited and holds else holds), words


def _delay(config: Any, passing: Passing) -> tuple[str, float | None] | None:
    if not config.HasField("delay"):
        return None
    kind = config.delay.WhichOneof("fault_delay_secifier")  # as Envoy spells it
    percent = percentage(config.delay.percentage)
    if kind == "header_delay":
        return _by_header(kind, "delays", passing)
    if kind is None or percent == 0:
        return None
    told = config.delay.fixed_delay
    return f"delays {_share(percent)} by {told.seconds + told.nanos / 1e9:g} s", percent


def _abort(config: Any, passing: Passing) -> tuple[str, float | None] | None:
    if not config.HasField("abort"):
        return None
    kind = config.abort.WhichOneof("error_type")
    percent = percentage(config.abort.percentage)
    if kind == "header_abort":
        return _by_header(kind, "aborts", passing)
    if kind is None or percent == 0:
        return None
    noun = "gRPC status " if kind == "grpc_status" else ""
    return f"aborts {_share(percent)} with {noun}{getattr(config.abort, kind)}", percent


def _by_header(kind: str, verb: str, passing: Passing) -> tuple[str, float | None] | None:
    """A fault that the request itself asks for: of how many, another header may say."""
    name = _BY_HEADER[kind]
    if not passing.arrival.values(name) and not passing.unsure.of(name):
        return None
    return f"{verb} as header {name} says", None


def _status(config: Any) -> int | None:
    return config.abort.http_status or None


def _share(percent: float) -> str:
    return "every request" if percent >= PERCENT else f"{percent:g} % of requests"
