"""What there is to step through: a recording, made now of a request or an exchange, or read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom

from mesh_traffic import Body, Exchange, Request, Response
from meshloom.output import counted
from meshloom.wasm import options
from meshloom.wasm.running import Around
from tap.access_log import SOURCE
from wasm_filters.config import PluginConfig
from wasm_filters.errors import WasmError
from wasm_filters.module import Module
from wasm_filters.recording.recorder import SEED_BITS, Recorder
from wasm_filters.recording.recording import Recording
from wasm_filters.services.upstream import NEVER, Answer, Upstream


@dataclass(frozen=True, slots=True)
class Traced:
    """A recording, the modules that run it with their bytes by hash, and what is to be known of
    where it comes from."""

    recording: Recording
    modules: tuple[Module, ...]
    codes: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


def of_request(file: Path, config: PluginConfig, around: Around, request: Request) -> Traced:
    """One request through the filter in ``file``. One that does not start can be stepped through,
    as far as it came."""
    code, module = options.load(file)
    seed = SystemRandom().getrandbits(SEED_BITS)
    recorder = Recorder([(module, file, config)], around.clusters, around.mode, seed=seed)
    notes: tuple[str, ...] = ()
    try:
        recorder.start()
        recorder.handle(request, around.upstream)
    except WasmError as error:
        if not recorder.recording.steps[0].events:
            options.refuse(error, file)
        notes = (f"the filter does not start: {error}",)
    return Traced(recorder.recording, (module,), {module.sha256: code}, notes)


def of_exchange(file: Path, config: PluginConfig, around: Around, exchange: Exchange) -> Traced:
    """A captured request through the filter, which meets the captured response."""
    answering = replace(around, upstream=_captured(exchange))
    found = of_request(file, config, answering, exchange.request)
    return Traced(found.recording, found.modules, found.codes, (*found.notes, *_limits(exchange)))


def of_recording(file: Path, builds: list[Path]) -> Traced:
    """A recording from a file, with another build where there is one."""
    from wasm_filters.recording.file import read

    try:
        recording = read(file)
    except WasmError as error:
        options.bad_input(error, error)
    loaded = options.recorded_modules(recording, builds, file)
    codes = {module.sha256: code for code, module in loaded}
    return Traced(recording, tuple(module for _, module in loaded), codes)


def _captured(exchange: Exchange) -> Upstream:
    """An upstream that answers as it was seen to."""
    response = exchange.response
    if response is None:
        return lambda request: NEVER
    return lambda request: Answer(response)


def _limits(exchange: Exchange) -> Iterator[str]:
    """How what the filter meets is not what had crossed the mesh."""
    yield "captured: what was secret in it is masked, as the store keeps it"
    if set(exchange.sources) == {SOURCE}:
        yield "only the access log saw it: of its headers and bodies there is what a log tells"
    yield from _cut("request", exchange.request)
    if exchange.response is None:
        yield "no response was captured: none comes here either"
    else:
        yield from _cut("response", exchange.response)


def _cut(side: str, message: Request | Response) -> Iterator[str]:
    body: Body = message.body
    if body.truncated:
        whole = f" of {body.size:,}" if body.size is not None else ""
        kept = counted(len(body.data), "byte")
        yield f"the {side}'s body was cut when it was captured: {kept}{whole} reach the filter"
