"""One case, tried: on a worker of its own, and what is wrong with what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mesh_traffic import Request, Response
from mesh_yaml.node import Node
from mesh_yaml.place import Place
from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.errors import (
    DeadlineExceeded,
    GuestStopped,
    GuestTrapped,
    HostcallRefused,
    PluginError,
)
from wasm_filters.fuzzing.draft import Draft
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.outcome import Outcome
from wasm_filters.machine import Listener
from wasm_filters.module import Module
from wasm_filters.plugin import Plugin
from wasm_filters.services.upstream import Upstream, empty_ok
from wasm_filters.testing import setup
from wasm_filters.testing.language.suite import CaseSpec, StepSpec
from wasm_filters.testing.services import Script
from wasm_filters.worker import Worker

TRAP, HANG, REFUSED, PAUSE, CHUNKS = "trap", "hang", "refused hostcall", "pause", "chunks"
HANGS = 1.0  # seconds after which a callback is taken to hang
MEMORY = 256 << 20  # bytes that a filter may take in one case
LIMITS = Limits(memory=MEMORY, deadline=HANGS)
_NOWHERE = Node(None, Place("fuzz"))
_HERE = Path()
_KINDS: dict[type[GuestStopped], str] = {
    DeadlineExceeded: HANG,
    GuestTrapped: TRAP,
    HostcallRefused: REFUSED,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The filter under fire. ``chunks_agree``: a body must be treated alike, whole or in pieces."""

    module: Module
    config: PluginConfig
    limits: Limits = LIMITS
    chunks_agree: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: its ``kind``, the ``callback`` that it was in, and why. ``expect`` is what a
    test must say to see it again; ``where`` is the innermost function of a trap."""

    kind: str
    callback: str
    reason: str
    where: str = ""
    expect: dict[str, object] = field(default_factory=lambda: {"failure": False})

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings one."""
        return self.kind, self.callback, self.where

    def __str__(self) -> str:
        where = f", in {self.where}" if self.where else ""
        return f"{self.kind} in {self.callback}: {self.reason}{where}"


def attempt(subject: Subject, draft: Draft, listener: Listener | None = None) -> Finding | None:
    """Try it; None if nothing is wrong. A configuration that is refused is not."""
    found = next(_findings(subject, draft, listener), None)
    if found is None and subject.chunks_agree:
        return _chunks(subject, draft)
    return found


def _findings(subject: Subject, draft: Draft, listener: Listener | None) -> Iterator[Finding]:
    case = _Case(subject, draft, listener)
    try:
        plugin = case.start()
        if plugin is None:
            return
        for step in case.spec.all_steps():
            outcome = case.step(step)
            if plugin.machine.failure is not None:
                yield _stopped(plugin.machine.failure)
            if outcome.paused and not draft.keeps_waiting:
                reason = "nobody resumes it, and all calls were answered"
                yield Finding(PAUSE, outcome.paused, reason, expect={"paused": False})
    except GuestStopped as failure:
        yield _stopped(failure)
    finally:
        case.worker.close()


def _stopped(failure: GuestStopped) -> Finding:
    where = failure.frames[0].function if failure.frames else ""
    kind = next((name for type_, name in _KINDS.items() if isinstance(failure, type_)), TRAP)
    return Finding(kind, failure.callback, failure.reason, where)


class _Case:
    """A draft as it runs: the words and services of a test file."""

    def __init__(self, subject: Subject, draft: Draft, listener: Listener | None = None) -> None:
        self.spec = CaseSpec.model_validate(draft.as_test("fuzz", {"failure": False}))
        self._subject = subject
        own = draft.configuration
        self._config = (
            subject.config if own is None else replace(subject.config, configuration=own.encode())
        )
        clusters = {
            name: Script(name, answers, _HERE, _NOWHERE)
            for name, answers in self.spec.clusters.items()
        }
        self.worker = Worker(clusters=clusters, limits=subject.limits, listener=listener)
        for key, body in self.spec.shared.items():
            content = body.content(_HERE, _NOWHERE)
            self.worker.shared.set(self._config.vm_id, key.encode(), content, 0)

    def start(self) -> Plugin | None:
        """The plugin; None if it refuses its configuration. GuestStopped."""
        try:
            plugin = self.worker.plugin(self._subject.module, self._config)
        except PluginError:
            return None
        self._chain = HttpChain(self.worker, [plugin])
        return plugin

    def step(self, step: StepSpec) -> Outcome:
        if step.advance is not None:
            self.worker.advance(step.advance.total_seconds())
        assert step.request is not None  # every step of a draft has one
        sent = setup.request(step.request, _HERE, _NOWHERE)
        upstream: Upstream = empty_ok
        if step.upstream:
            upstream = Script("upstream", step.upstream, _HERE, _NOWHERE)
        return self._chain.handle(sent, upstream, step.request.chunks)


def _chunks(subject: Subject, draft: Draft) -> Finding | None:
    """Whether the client and the upstream see the same, however bodies are cut."""
    whole = _seen(subject, draft.in_pieces(whole=True))
    pieces = _seen(subject, draft.in_pieces(whole=False))
    for one, other in zip(whole, pieces, strict=False):
        if one != other:
            what, expected, came = _first_difference(one, other)
            reason = f"{what} is {came} when the body comes in pieces, {expected} when it is whole"
            return Finding(CHUNKS, what, reason, expect=_expected(one[0]))
    return None


Seen = tuple[Response | None, Request | None]


def _seen(subject: Subject, draft: Draft) -> Sequence[Seen]:
    case = _Case(subject, draft)
    try:
        if case.start() is None:
            return []
        outcomes = [case.step(step) for step in case.spec.all_steps()]
    except GuestStopped:
        return []
    finally:
        case.worker.close()
    return [(outcome.response, outcome.request) for outcome in outcomes]


def _first_difference(one: Seen, other: Seen) -> tuple[str, str, str]:
    for name, left, right in zip(("the response", "the request"), one, other, strict=True):
        if left is None or right is None:
            if left is not right:
                return name, _short(left), _short(right)
            continue
        for part in left.__struct_fields__:
            expected, came = getattr(left, part), getattr(right, part)
            if expected != came:
                return f"{name}'s {part}", _short(expected), _short(came)
    return "the outcome", _short(one), _short(other)


def _short(value: object) -> str:
    data = getattr(value, "data", value)
    text = "not there" if value is None else repr(data)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _expected(response: Response | None) -> dict[str, object]:
    if response is None:
        return {"status": "none"}
    try:
        body: dict[str, object] = {"exact": response.body.data.decode()}
    except UnicodeDecodeError:
        body = {"size": len(response.body.data)}
    return {"status": response.status, "body": body}
