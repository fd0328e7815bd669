"""What filters ask for, learned by running them here on a few plain requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.vocabulary import Ear, Vocabulary
from mini_mesh.filter_rig.config import UPSTREAM
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


def learn(
    filters: Sequence[tuple[Module, PluginConfig]], clusters: Iterable[str] = ()
) -> Vocabulary:
    """The vocabulary of a chain. WasmError: one can't be loaded, or refuses to start."""
    vocabulary = Vocabulary()
    for _, config in filters:
        vocabulary.read_configuration(config.configuration)
    services = {name: lambda request: EMPTY_OK for name in (*clusters, UPSTREAM)}
    worker = Worker(clusters=services, listener=Ear(vocabulary))
    chain = HttpChain(worker, [worker.plugin(*one) for one in filters])
    for request in _REQUESTS:
        chain.handle(request, lambda request: _ANSWER)
    return vocabulary
