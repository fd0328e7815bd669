"""What a filter asks for, learned by running it here on a few plain requests."""

from __future__ import annotations

from collections.abc import Iterable

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.vocabulary import Ear, Vocabulary
from mini_mesh.filter_rig.upstream import EMPTY_OK
from wasm_filters.config import PluginConfig
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.worker import Worker

_ANSWER = Response(
    200, Headers.of({"content-type": "text/plain", "content-length": "2"}), Body(b"ok")
)
_FORM = Headers.of({"content-type": "application/json", "content-length": "2"})
_REQUESTS = (
    Request(authority="test"),
    Request("POST", "/", "test", "http", _FORM, Body(b"{}")),
)


def learn(module: Module, config: PluginConfig, clusters: Iterable[str] = ()) -> Vocabulary:
    """The filter's vocabulary. WasmError: it can't be loaded, or refuses to start."""
    vocabulary = Vocabulary()
    vocabulary.read_configuration(config.configuration)
    services = {name: lambda request: EMPTY_OK for name in clusters}
    worker = Worker(clusters=services, listener=Ear(vocabulary))
    chain = HttpChain(worker, [worker.plugin(module, config)])
    for request in _REQUESTS:
        chain.handle(request, lambda request: _ANSWER)
    return vocabulary
