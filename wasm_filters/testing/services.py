"""Who answers in a test: the upstream and the clusters, by their scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mesh_traffic import Body, Headers, Request, Response
from mesh_yaml.node import Node
from wasm_filters.services.grpc_calls import frame
from wasm_filters.services.upstream import (
    NEVER,
    NO_ENDPOINTS,
    REFUSED,
    Answer,
    Upstream,
    no_endpoints,
)
from wasm_filters.testing.language.messages import AnswerSpec, GrpcSpec
from wasm_filters.testing.language.values import headers
from wasm_filters.testing.match import mismatches
from wasm_filters.testing.setup import body, with_length


@dataclass(slots=True)
class Script:
    """Answers each request with the first of ``answers`` that is for it and not used up.

    It is an ``Upstream``. A request that finds none is refused and kept in ``unanswered``.
    """

    name: str
    answers: list[AnswerSpec]
    folder: Path
    node: Node
    unanswered: list[Request] = field(default_factory=list)
    _used: dict[int, int] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        for at, answer in enumerate(self.answers):
            used = self._used.get(at, 0)
            left = answer.times is None or used < answer.times
            if left and self._is_for(answer, request):
                self._used[at] = used + 1
                return self._answer(answer, self.node.find(at))
        self.unanswered.append(request)
        return REFUSED

    @property
    def upstream(self) -> Upstream:
        """Itself, or a cluster that has no endpoints whatever it is asked."""
        first = self.answers[0] if self.answers else None
        return no_endpoints if first and first.no_endpoints and first.takes_all else self

    def _is_for(self, answer: AnswerSpec, request: Request) -> bool:
        return answer.when is None or not any(mismatches(answer.when, request, self.folder))

    def _answer(self, spec: AnswerSpec, node: Node) -> Answer:
        if spec.never:
            return NEVER
        if spec.refused:
            return REFUSED
        if spec.no_endpoints:
            return NO_ENDPOINTS
        response = self._response(spec, node)
        after = spec.after.total_seconds() if spec.after is not None else 0.0
        return Answer(response, after, chunk_size=spec.chunks)

    def _response(self, spec: AnswerSpec, node: Node) -> Response:
        if spec.grpc is not None:
            return self._grpc(spec, spec.grpc, node.find("grpc", "messages"))
        data = body(spec.body, self.folder, node)
        fields = with_length(headers(spec.headers), data, bool(spec.trailers), spec.headers)
        return Response(spec.status, fields, Body(data), headers(spec.trailers))

    def _grpc(self, spec: AnswerSpec, grpc: GrpcSpec, node: Node) -> Response:
        messages = [one.content(self.folder, node.find(at)) for at, one in enumerate(grpc.messages)]
        fields = Headers((("content-type", "application/grpc"), *headers(spec.headers)))
        ends = [("grpc-status", str(grpc.status))]
        ends += [("grpc-message", grpc.message)] if grpc.message else []
        trailers = Headers((*ends, *headers(spec.trailers)))
        return Response(200, fields, Body(b"".join(map(frame, messages))), trailers)
