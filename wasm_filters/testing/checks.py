"""What was seen in a step of a test, against what was expected.

One function for each word of ``expect``, in :data:`CHECKS`; each yields what is not as it must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_traffic import Headers, Request
from mesh_yaml.matching import TextMatchSpec
from mesh_yaml.values import Bounds
from wasm_filters.errors import GuestStopped
from wasm_filters.http.outcome import Outcome
from wasm_filters.services.callouts import Callout
from wasm_filters.state.host import Log
from wasm_filters.state.metrics import Metric
from wasm_filters.state.shared import Queue, SharedState
from wasm_filters.tcp.connection import TcpConnection
from wasm_filters.testing import match
from wasm_filters.testing.calls import Counts
from wasm_filters.testing.language.expect import NONE, ExpectSpec, MetricMatchSpec
from wasm_filters.testing.language.matches import (
    BodyMatchSpec,
    CalloutMatchSpec,
    FieldMatchSpec,
    LogMatchSpec,
    RequestMatchSpec,
)
from wasm_filters.testing.match import Miss, shown

NO_OUTCOME = Outcome(None, None)
NOT_COUNTED = Counts()


@dataclass(slots=True)
class Seen:
    """What came of one step: of its request (``outcome``) or its TCP ``connection``. ``failure``
    is why a VM died in it, ``rejected`` why a plugin did not start. ``vm_ids``: the plugins'."""

    folder: Path
    shared: SharedState
    vm_ids: Sequence[str] = ()
    outcome: Outcome = NO_OUTCOME
    connection: TcpConnection | None = None
    logs: Sequence[Log] = ()
    warnings: Sequence[str] = ()
    callouts: Sequence[Callout] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    calls: Counts = field(default_factory=lambda: NOT_COUNTED)
    failure: GuestStopped | None = None
    rejected: str = ""


def misses(expected: ExpectSpec, seen: Seen) -> Iterator[Miss]:
    """All that is not as ``expected``, or as it is always expected."""
    said = expected.model_fields_set
    if seen.rejected and "rejected" not in said:
        yield Miss(("rejected",), "that the filter starts", seen.rejected)
        return
    if seen.failure is not None and not seen.rejected and "failure" not in said:
        yield Miss(("failure",), "that no filter dies", str(seen.failure))
    for name in sorted(said, key=_ORDER.__getitem__):
        yield from CHECKS[name](getattr(expected, name), seen)


def _status(wanted: Bounds | str, seen: Seen) -> Iterator[Miss]:
    status = seen.outcome.status
    if status is None:
        if wanted != NONE:
            yield Miss(("status",), str(wanted), _no_answer(seen.outcome))
    elif isinstance(wanted, str) or not wanted.hold(status):
        yield Miss(("status",), "no answer" if wanted == NONE else str(wanted), str(status))


def _no_answer(outcome: Outcome) -> str:
    if outcome.paused:
        return f"no answer: paused in {outcome.paused}, and nobody resumed it"
    return "no answer: the stream was reset" if outcome.reset else "no answer"


def _response_headers(wanted: Mapping[str, FieldMatchSpec], seen: Seen) -> Iterator[Miss]:
    response = seen.outcome.response
    yield from match.fields(wanted, response.headers if response else Headers(), "response_headers")


def _response_trailers(wanted: Mapping[str, FieldMatchSpec], seen: Seen) -> Iterator[Miss]:
    response = seen.outcome.response
    there = response.trailers if response else Headers()
    yield from match.fields(wanted, there, "response_trailers")


def _body(wanted: BodyMatchSpec, seen: Seen) -> Iterator[Miss]:
    response = seen.outcome.response
    yield from match.body(wanted, response.body.data if response else b"", seen.folder, "body")


def _upstream(wanted: RequestMatchSpec | str, seen: Seen) -> Iterator[Miss]:
    request = seen.outcome.request
    if isinstance(wanted, str):
        if request is not None:
            yield Miss(("upstream",), "no request", _line(request))
    elif request is None:
        yield Miss(("upstream",), "a request", "none")
    else:
        yield from match.mismatches(wanted, request, seen.folder, "upstream")


def _line(request: Request) -> str:
    return f"{request.method} {request.path}"


def _local_reply(wanted: bool, seen: Seen) -> Iterator[Miss]:
    if wanted != seen.outcome.local_reply:
        said = {True: "a local reply", False: "no local reply"}
        yield Miss(("local_reply",), said[wanted], said[seen.outcome.local_reply])


def _reset(wanted: bool, seen: Seen) -> Iterator[Miss]:
    if wanted != seen.outcome.reset:
        said = {True: "a reset stream", False: "no reset"}
        yield Miss(("reset",), said[wanted], said[seen.outcome.reset])


def _logs(wanted: Sequence[LogMatchSpec] | str, seen: Seen) -> Iterator[Miss]:
    if isinstance(wanted, str):
        if seen.logs:
            yield Miss(("logs",), "none", _told(seen.logs))
        return
    left = iter(seen.logs)
    for index, spec in enumerate(wanted):
        if spec.invert:
            if any(_is_log(spec, log) for log in seen.logs):
                yield Miss(("logs", index), _log_wording(spec), _told(seen.logs))
        elif not any(_is_log(spec, log) for log in left):
            yield Miss(("logs", index), _log_wording(spec), _told(seen.logs))
            left = iter(seen.logs)  # what follows may still be there


def _is_log(spec: LogMatchSpec, log: Log) -> bool:
    level = spec.level is None or spec.level == log.level.name.lower()
    plugin = spec.plugin is None or spec.plugin == log.plugin
    return level and plugin and spec.meaning().holds(log.message)


def _log_wording(spec: LogMatchSpec) -> str:
    level = f"{spec.level}: " if spec.level else ""
    return f"{level}{match.wording(spec.meaning())}"


def _told(logs: Sequence[Log]) -> str:
    return ", ".join(f"{log.level.name.lower()}: {shown(log.message)}" for log in logs) or "none"


def _callouts(wanted: Sequence[CalloutMatchSpec] | str, seen: Seen) -> Iterator[Miss]:
    specs = () if isinstance(wanted, str) else wanted
    for index, (spec, made) in enumerate(zip(specs, seen.callouts, strict=False)):
        at = ("callouts", index)
        yield from match.callout(spec, made.cluster, made.request, seen.folder, *at)
    if len(specs) != len(seen.callouts):
        calls = [f"{_line(made.request)} to {made.cluster}" for made in seen.callouts]
        found = f"{len(calls)}: {', '.join(calls)}" if calls else "none"
        yield Miss(("callouts",), str(len(specs) or "none"), found)


def _metrics(wanted: Mapping[str, MetricMatchSpec], seen: Seen) -> Iterator[Miss]:
    for name, spec in wanted.items():
        metric = seen.metrics.get(name)
        samples = metric.samples if metric is not None else []
        path = ("metrics", name)
        if spec.samples is not None:
            if spec.samples != samples:
                yield Miss(path, str(spec.samples), str(samples) if metric else "no such metric")
        elif spec.value is None:
            if metric is not None:
                yield Miss(path, "no such metric", str(metric.value))
        elif metric is None or not spec.value.hold(metric.value):
            yield Miss(path, str(spec.value), str(metric.value) if metric else "no such metric")


def _shared(wanted: Mapping[str, BodyMatchSpec | None], seen: Seen) -> Iterator[Miss]:
    for key, spec in wanted.items():
        found = [seen.shared.get(vm_id, key.encode()) for vm_id in seen.vm_ids]
        value = next((one[0] for one in found if one is not None), None)
        if spec is None or value is None:
            if (spec is None) != (value is None):
                yield Miss(("shared", key), "no such key" if spec is None else "a value",
                           "no such key" if value is None else shown(value))  # fmt: skip
        else:
            yield from match.body(spec, value, seen.folder, "shared", key)


def _queues(wanted: Mapping[str, Sequence[BodyMatchSpec]], seen: Seen) -> Iterator[Miss]:
    for name, specs in wanted.items():
        found = queue_of(seen.shared, seen.vm_ids, name)
        path = ("queues", name)
        if found is None:
            yield Miss(path, "a queue of that name", "none")
            continue
        items = list(found[1].items)
        for index, (spec, item) in enumerate(zip(specs, items, strict=False)):
            yield from match.body(spec, item, seen.folder, *path, index)
        if len(specs) != len(items):
            waiting = ", ".join(map(shown, items))
            yield Miss(path, f"{len(specs)} items", f"{len(items)}: {waiting}" if items else "none")


def queue_of(shared: SharedState, vm_ids: Sequence[str], name: str) -> tuple[int, Queue] | None:
    """A queue and its id; None if no plugin has registered one of that name."""
    for vm_id in vm_ids:
        queue_id = shared.resolve(vm_id, name.encode())
        queue = shared.queue(queue_id) if queue_id is not None else None
        if queue_id is not None and queue is not None:
            return queue_id, queue
    return None


def _hostcalls(wanted: Mapping[str, Bounds], seen: Seen) -> Iterator[Miss]:
    yield from _counted("hostcalls", wanted, seen.calls.hostcalls)


def _callbacks(wanted: Mapping[str, Bounds], seen: Seen) -> Iterator[Miss]:
    yield from _counted("callbacks", wanted, seen.calls.callbacks)


def _counted(kind: str, wanted: Mapping[str, Bounds], found: Mapping[str, int]) -> Iterator[Miss]:
    for name, bounds in wanted.items():
        count = found.get(name, 0)
        if not bounds.hold(count):
            yield Miss((kind, name), f"{bounds} calls", str(count))


def _warnings(wanted: Sequence[TextMatchSpec] | str, seen: Seen) -> Iterator[Miss]:
    told = ", ".join(map(shown, seen.warnings)) or "none"
    if isinstance(wanted, str):
        if seen.warnings:
            yield Miss(("warnings",), "none", told)
        return
    for index, spec in enumerate(wanted):
        found = spec.meaning()
        if not found.any_holds(seen.warnings):
            yield Miss(("warnings", index), match.wording(found), told)


def _to_upstream(wanted: BodyMatchSpec, seen: Seen) -> Iterator[Miss]:
    data = bytes(seen.connection.to_upstream) if seen.connection else b""
    yield from match.body(wanted, data, seen.folder, "to_upstream")


def _to_client(wanted: BodyMatchSpec, seen: Seen) -> Iterator[Miss]:
    data = bytes(seen.connection.to_client) if seen.connection else b""
    yield from match.body(wanted, data, seen.folder, "to_client")


def _closed(wanted: str, seen: Seen) -> Iterator[Miss]:
    by = seen.connection.closed_by if seen.connection else ""
    if wanted != (by or NONE):
        yield Miss(("closed",), wanted, by or NONE)


def _of_text(name: str, get: Callable[[Seen], str]) -> Callable[[Any, Seen], Iterator[Miss]]:
    return lambda wanted, seen: match.text(wanted, get(seen), name)


CHECKS: Mapping[str, Callable[[Any, Seen], Iterator[Miss]]] = {
    "rejected": _of_text("rejected", lambda seen: seen.rejected),
    "failure": _of_text("failure", lambda seen: str(seen.failure or "")),
    "status": _status,
    "local_reply": _local_reply,
    "paused": _of_text("paused", lambda seen: seen.outcome.paused),
    "reset": _reset,
    "details": _of_text("details", lambda seen: seen.outcome.details),
    "response_headers": _response_headers,
    "body": _body,
    "response_trailers": _response_trailers,
    "upstream": _upstream,
    "to_upstream": _to_upstream,
    "to_client": _to_client,
    "closed": _closed,
    "callouts": _callouts,
    "logs": _logs,
    "metrics": _metrics,
    "shared": _shared,
    "queues": _queues,
    "hostcalls": _hostcalls,
    "callbacks": _callbacks,
    "warnings": _warnings,
}
_ORDER = {name: index for index, name in enumerate(CHECKS)}
